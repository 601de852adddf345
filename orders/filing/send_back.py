"""The unit that asked sends a filing back, with its reason; signed ones too."""

from datetime import datetime
from uuid import UUID

from orders.filing.move_on import move_on
from orders.filing.visibility import asking_for
from shop.access.permissions import Actor
from shop.core.database import WriteSession


async def send_back(
    session: WriteSession, *, actor: Actor, round_id: UUID, unit_id: UUID, reason: str, now: datetime
) -> None:
    """Raises NotFound, FilingState where nothing was confirmed yet."""
    filing = await asking_for(session, actor, round_id, unit_id, now=now)
    await move_on(
        session,
        filing_id=filing.id,
        state=filing.state,
        to="sent_back",
        actor_id=actor.user_id,
        now=now,
        words=reason,
    )
