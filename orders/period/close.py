"""Close a month of a top unit, with the list of what was still undecided of it."""

from datetime import datetime
from uuid import UUID

from orders.month.close import close_month
from orders.month.visibility import may_close
from orders.period.undecided import undecided
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession


async def close(session: WriteSession, *, actor: Actor, unit_id: UUID, month: int, now: datetime) -> None:
    """unit_id: a top unit, or `SHOP`. Raises NotFound for who does not reach it, and what `close_month` raises."""
    await may_close(session, actor, unit_id, month, day=clock.business_day(now))
    was_open = await undecided(session, unit_id, month)
    await close_month(session, actor_id=actor.user_id, unit_id=unit_id, month=month, was_open=was_open, now=now)
