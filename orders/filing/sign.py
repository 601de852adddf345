"""Another person of the branch signs what was confirmed: exactly the figure that he read."""

from datetime import datetime
from uuid import UUID

from orders.filing.move_on import move_on
from orders.filing.problems import FigureChanged, OwnFiling
from orders.filing.visibility import filing_for
from shop.access.permissions import Actor, Permission
from shop.core.database import WriteSession


async def sign(
    session: WriteSession, *, actor: Actor, round_id: UUID, unit_id: UUID, digest: str, now: datetime
) -> None:
    """digest: of the report that was read. Raises NotFound, OwnFiling, FigureChanged, FilingState (signed already)."""
    filing = await filing_for(session, actor, Permission.FILING_WRITE, round_id, unit_id, now=now)
    if filing.state == "confirmed":
        if filing.prepared_by == actor.user_id:
            raise OwnFiling("确认数字的人不能自己签字。")
        if filing.report_digest != digest:
            raise FigureChanged("请重新核对数字后再签字。")
    await move_on(
        session,
        filing_id=filing.id,
        state=filing.state,
        to="signed",
        actor_id=actor.user_id,
        now=now,
        facts={"digest": digest},
    )
