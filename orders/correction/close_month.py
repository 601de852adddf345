"""A named person closes a month. December is adjusted for a while before it is final."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem


class MonthAhead(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "month_ahead"
    title: ClassVar[str] = "这个月份还没有过完"


# Whoever writes credit into the month holds its row: this waits for all of them, and the next ones wait for it.
_LOCK = text("SELECT state, adjusts_until FROM accounting_period WHERE month = :month FOR UPDATE")
_ADJUSTS = text("SELECT days FROM adjustment_rule WHERE valid_from <= :day ORDER BY valid_from DESC LIMIT 1")
# What was still undecided of the month and of those before it.
_OPEN = text("""
SELECT
    (SELECT count(*) FROM correction WHERE state = 'requested') AS corrections_requested,
    (SELECT count(*) FROM evidence_link WHERE state = 'proposed') AS evidence_unchecked,
    (SELECT count(*) FROM payment WHERE state = 'held'
        AND (succeeded_at AT TIME ZONE 'Asia/Shanghai')::date < :ends) AS payments_held,
    (SELECT count(*) FROM refund WHERE state IN ('requested', 'submitted')
        AND (requested_at AT TIME ZONE 'Asia/Shanghai')::date < :ends) AS refunds_on_their_way,
    (SELECT count(*) FROM bank_transfer WHERE state <> 'matched' AND day < :ends) AS transfers_unmatched,
    (SELECT count(*) FROM filing f JOIN filing_round r ON r.id = f.round_id
        WHERE f.state <> 'signed' AND r.month <= :month) AS filings_unsigned,
    (SELECT count(*) FROM intake_claim WHERE state = 'open') AS claims_undecided
""")
_CLOSE = text("""
UPDATE accounting_period SET state = :state, adjusts_until = :until, closed_by = :actor, closed_at = :now,
    was_open = CAST(:was_open AS jsonb)
WHERE month = :month
""")


async def close_month(session: WriteSession, *, actor_id: UUID, month: int, now: datetime) -> None:
    """Nothing is entered into the month afterwards; what still comes for it lands on the first open day, linked.

    Closed before is success and changes nothing, so is a December whose adjustment period still runs. month: YYYYMM.
    Raises NotFound for a month that is not kept, MonthAhead for one that is not over.
    """
    today = clock.business_day(now)
    if month >= clock.month_of(today):
        raise MonthAhead("请在这个月份的最后一天过去之后再关账。")
    period = (await session.execute(_LOCK, {"month": month})).one_or_none()
    if period is None:
        raise NotFound("没有这个会计月份。")
    if period.state == "closed" or (period.state == "adjusting" and today < period.adjusts_until):
        return
    ends = _first(clock.add_months(month, 1))
    until = await _adjusts_until(session, ends) if month % 100 == 12 else None
    state = "adjusting" if until is not None and today < until else "closed"
    was_open: dict[str, Any] = dict((await session.execute(_OPEN, {"ends": ends, "month": month})).mappings().one())
    facts = {"month": month, "state": state, "until": until, "actor": actor_id, "now": now}
    await session.execute(_CLOSE, facts | {"was_open": msgspec.json.encode(was_open).decode()})
    await record_change(
        session,
        actor_id=actor_id,
        action="period.close",
        subject=f"period:{month}",
        before={"state": period.state},
        after={"state": state, "adjusts_until": str(until) if until else None, "was_open": was_open},
        reason=None,
        now=now,
    )


async def _adjusts_until(session: WriteSession, ends: date) -> date:
    """The first day on which the year is final."""
    days: int = await session.scalar(_ADJUSTS, {"day": ends - timedelta(days=1)}) or 0
    return ends + timedelta(days=days)


def _first(month: int) -> date:
    return date(month // 100, month % 100, 1)
