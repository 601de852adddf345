"""A branch that has not signed is reminded; each reminder is noted."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from orders.filing.move_on import note
from orders.filing.problems import FilingState
from orders.filing.visibility import asking_for
from shop.access.permissions import Actor
from shop.core.database import WriteSession

_STILL = text("SELECT state, report_digest, credited_fen FROM filing WHERE id = :id AND state <> 'signed' FOR UPDATE")


async def chase(
    session: WriteSession, *, actor: Actor, round_id: UUID, unit_id: UUID, words: str | None, now: datetime
) -> None:
    """Raises NotFound, FilingState for a signed one."""
    filing = await asking_for(session, actor, round_id, unit_id, now=now)
    still = (await session.execute(_STILL, {"id": filing.id})).one_or_none()
    if still is None:
        raise FilingState("这个单位已经签字，不用再催。")
    await note(
        session,
        filing_id=filing.id,
        kind="chased",
        actor_id=actor.user_id,
        now=now,
        words=words,
        digest=still.report_digest,
        fen=still.credited_fen,
        state=still.state,
    )
