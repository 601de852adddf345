"""Who changed what, when and why: written in the transaction of the change, never altered afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.core.rows import as_rows


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
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    now: datetime,
) -> None:
    """One change. actor_id None: the shop itself, from its command line."""
    await record_changes(session, [Change(action, subject, before, after, reason)], actor_id=actor_id, now=now)


_RECORD = text("""
INSERT INTO audit_event (id, at, actor_id, action, subject, before, after, reason)
SELECT id, :now, :actor_id, action, subject, before, after, reason
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, action text, subject text, before jsonb, after jsonb,
    reason text)
""")


async def record_changes(
    session: WriteSession, changes: Sequence[Change], *, actor_id: UUID | None, now: datetime
) -> None:
    """Several changes of one verb, in one statement."""
    if changes:
        rows = as_rows(msgspec.to_builtins(change) | {"id": str(new_id())} for change in changes)
        await session.execute(_RECORD, {"rows": rows, "actor_id": actor_id, "now": now})
