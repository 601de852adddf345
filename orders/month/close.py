"""A named person closes a month of a top unit. December is adjusted for a while before it is final."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.month.add import add_missing
from orders.month.queries import subject_of
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows


class MonthAhead(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "month_ahead"
    title: ClassVar[str] = "这个月份还没有过完"


# Whoever writes credit into the month holds its row: this waits for all of them, and the next ones wait for it.
_LOCK = text("SELECT state, adjusts_until FROM unit_month WHERE unit_id = :unit AND month = :month FOR UPDATE")
_ADJUSTS = text("SELECT days FROM adjustment_rule WHERE valid_from <= :day ORDER BY valid_from DESC LIMIT 1")
_CLOSE = text("""
UPDATE unit_month SET state = :state, adjusts_until = :until, closed_by = :actor, closed_at = :now,
    was_open = CAST(:was_open AS jsonb)
WHERE unit_id = :unit AND month = :month
""")
_EVENT = text("""
INSERT INTO period_event (id, unit_id, month, kind, at, actor_id, was_open)
VALUES (:id, :unit, :month, :state, :now, :actor, CAST(:was_open AS jsonb))
""")


async def close_month(
    session: WriteSession, *, actor_id: UUID, unit_id: UUID, month: int, was_open: Mapping[str, int], now: datetime
) -> None:
    """Nothing is entered into the month afterwards; what still comes for it lands on the first open day, linked.

    unit_id: a top unit, or `SHOP`. was_open: what is still undecided of it, counted by kind. Closed before is success
    and changes nothing, so is a December whose adjustment period still runs. month: YYYYMM. Raises MonthAhead for one
    that is not over.
    """
    today = clock.business_day(now)
    if month >= clock.month_of(today):
        raise MonthAhead("请在这个月份的最后一天过去之后再关账。")
    await add_missing(session, as_rows([{"unit_id": str(unit_id), "month": month}]))
    period = (await session.execute(_LOCK, {"unit": unit_id, "month": month})).one()
    if period.state == "closed" or (period.state == "adjusting" and today < period.adjusts_until):
        return
    until = await _adjusts_until(session, month) if month % 100 == 12 else None
    state = "adjusting" if until is not None and today < until else "closed"
    facts = {"unit": unit_id, "month": month, "state": state, "until": until, "actor": actor_id, "now": now}
    facts |= {"was_open": msgspec.json.encode(was_open).decode(), "id": new_id()}
    await session.execute(_CLOSE, facts)
    await session.execute(_EVENT, facts)
    await record_change(
        session,
        actor_id=actor_id,
        action="period.close",
        subject=subject_of(unit_id, month),
        before={"state": period.state},
        after={"state": state, "adjusts_until": str(until) if until else None, "was_open": was_open},
        now=now,
    )


async def _adjusts_until(session: WriteSession, month: int) -> date:
    """The first day on which the year is final."""
    ends = clock.first_of(clock.add_months(month, 1))
    days: int = await session.scalar(_ADJUSTS, {"day": ends - timedelta(days=1)}) or 0
    return ends + timedelta(days=days)
