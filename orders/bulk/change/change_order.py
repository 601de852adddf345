"""Change orders: what an ordered purchase still becomes, asked for by one person and approved by another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Row

from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession

ORDERED: Final = frozenset({"ordered", "shipped", "accepted"})


@dataclass(frozen=True, slots=True)
class ApprovedChange:
    """An approved change, for the verb that lets it take effect."""

    id: UUID
    purchase_id: UUID
    kind: str
    terms: Mapping[str, Any]
    reason: str
    requested_by: UUID


def digest_of_change(purchase: Row[Any], kind: str, terms: Mapping[str, Any]) -> str:
    """What the second person approves: these terms, on top of this order."""
    facts = [str(purchase.id), str(purchase.order_id), purchase.content_sha256, kind, dict(terms)]
    return sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()


async def note_change(
    session: WriteSession,
    actor: Actor,
    purchase_id: UUID,
    change_id: UUID,
    what: str,
    reason: str | None,
    now: datetime,
) -> None:
    await record_change(
        session,
        actor_id=actor.user_id,
        action=f"bulk.change_{what}",
        subject=f"bulk_purchase:{purchase_id}",
        after={"change_id": str(change_id)},
        reason=reason,
        now=now,
    )
