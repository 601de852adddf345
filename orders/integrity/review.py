"""Somebody looks at a flag and proposes what it is. Nothing is decided before another person agrees or not."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from sqlalchemy import text

from orders.integrity.visibility import flag_for
from shop.access.permissions import Actor, Permission
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem

Outcome = Literal["cleared", "finding"]


class AlreadyReviewed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_reviewed"
    title: ClassVar[str] = "这条标记已经有人提出处理意见"


_PROPOSE = text("""
INSERT INTO flag_review (flag_id, proposed_by, outcome, reason, proposed_at)
VALUES (:flag, :actor, :outcome, :reason, :now) ON CONFLICT DO NOTHING RETURNING flag_id
""")


async def review(
    session: WriteSession, *, actor: Actor, flag_id: UUID, outcome: Outcome, reason: str, now: datetime
) -> None:
    """Raises NotFound, AlreadyReviewed."""
    flag = await flag_for(session, actor, Permission.FLAG_CLEAR, flag_id, now=now)
    named = {"flag": flag_id, "actor": actor.user_id, "outcome": outcome, "reason": reason, "now": now}
    if await session.scalar(_PROPOSE, named) is None:
        raise AlreadyReviewed("请由另一位同事作出决定。")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="flag.review",
        subject=f"flag:{flag_id}",
        after={"kind": flag.kind, "outcome": outcome},
        reason=reason,
        now=now,
    )
