"""The second person says no; who wanted it takes it back. Either way it is kept, with who, when and why."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from catalog.review.find import decides, find_review, require_waiting
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession

_REJECT = text("""
UPDATE product_review SET state = :state, decided_by = :actor, decided_at = :now, reason = :reason
WHERE id = :id AND state = 'waiting'
""")


async def reject(session: WriteSession, *, actor: Actor, review_id: UUID, reason: str, now: datetime) -> str:
    """The shelf stays as it is. Of an author, and of the goods' own supplier, it is a withdrawal. The new state.

    Raises NotFound, ReviewDecided, ReviewStale.
    """
    review = await find_review(session, actor, review_id)
    require_waiting(review)
    own = actor.user_id in review.author_ids or not decides(actor)
    state = "withdrawn" if own else "rejected"
    facts = {"id": review_id, "state": state, "actor": actor.user_id, "now": now, "reason": reason}
    await session.execute(_REJECT, facts)
    await record_change(
        session,
        actor_id=actor.user_id,
        action=f"product_review.{state}",
        subject=f"product_review:{review_id}",
        before={"state": "waiting"},
        after={"state": state},
        reason=reason,
        now=now,
    )
    return state
