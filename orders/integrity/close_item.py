"""A rectification item is closed by another person than its owner, who has seen the evidence."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.evidence.cite import cited
from orders.integrity.visibility import item_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem


class OwnItem(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事销号"


class AlreadyClosed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_closed"
    title: ClassVar[str] = "这一项已经销号"


_CLOSE = text("""
UPDATE rectification SET state = 'closed', closed_by = :actor, closed_at = :now, closing = :closing,
    evidence_sha256 = :sha256
WHERE id = :id AND state = 'open' AND owner_id <> :actor RETURNING id
""")


async def close_item(
    session: WriteSession, *, actor: Actor, item_id: UUID, closing: str, evidence_sha256: str, now: datetime
) -> None:
    """Raises NotFound, OwnItem, EvidenceUnknown, AlreadyClosed."""
    item = await item_for(session, actor, Permission.FLAG_CLEAR, item_id, now=now)
    if item.owner_id == actor.user_id:
        raise OwnItem("整改负责人不能自己销号。")
    await cited(session, actor, evidence_sha256, field="evidence_sha256", day=clock.business_day(now))
    named = {"id": item_id, "actor": actor.user_id, "now": now, "closing": closing, "sha256": evidence_sha256}
    if await session.scalar(_CLOSE, named) is None:
        raise AlreadyClosed("请刷新页面查看结果。")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="rectification.close",
        subject=f"rectification:{item_id}",
        before={"state": "open"},
        after={"state": "closed", "evidence_sha256": evidence_sha256},
        reason=closing,
        now=now,
    )
