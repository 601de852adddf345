"""Who changed what, when and why: written in the transaction of the change, never altered afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert

from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.core.models import AuditEvent


@dataclass(frozen=True, slots=True)
class Change:
    """subject: `kind:id`, e.g. `sku:0197…`. before and after hold ids and figures, no personal data."""

    action: str
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    reason: str | None = None


async def record_change(
    session: WriteSession,
    *,
    actor_id: UUID | None,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    reason: str | None,
    now: datetime,
) -> None:
    """One change. actor_id None: the shop itself, from its command line."""
    await record_changes(session, [Change(action, subject, before, after, reason)], actor_id=actor_id, now=now)


async def record_changes(
    session: WriteSession, changes: Sequence[Change], *, actor_id: UUID | None, now: datetime
) -> None:
    """Several changes of one verb, in one statement."""
    if not changes:
        return
    await session.execute(
        insert(AuditEvent),
        [
            {
                "id": new_id(),
                "at": now,
                "actor_id": actor_id,
                "action": change.action,
                "subject": change.subject,
                "before": None if change.before is None else msgspec.to_builtins(change.before),
                "after": None if change.after is None else msgspec.to_builtins(change.after),
                "reason": change.reason,
            }
            for change in changes
        ],
    )
