"""Accounting months: whether one still takes entries."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import ARRAY, Integer, bindparam, text

from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Problem

SHUT = "({0}.state = 'closed' OR ({0}.state = 'adjusting' AND {0}.adjusts_until <= CAST(:today AS date)))"
"""SQL: whether the `accounting_period` of that alias takes nothing any more, on the business day `:today`."""


class MonthClosed(Problem):
    """The month was closed: nothing is entered into it. `months` names all of those asked for that are."""

    status = 409
    code = "month_closed"
    title = "会计月份已关账"


_HOLD = text(f"""
SELECT p.month, {SHUT.format("p")} AS shut FROM accounting_period p
WHERE p.month = ANY(:months) ORDER BY p.month FOR KEY SHARE
""").bindparams(bindparam("months", type_=ARRAY(Integer)))  # noqa: S608  # our own constant


async def require_open(session: WriteSession, days: Collection[date], *, now: datetime) -> None:
    """For who may only enter into the very months of these days: they stay open until the transaction ends.

    Raises MonthClosed.
    """
    months = sorted({clock.month_of(day) for day in days})
    found = await session.execute(_HOLD, {"months": months, "today": clock.business_day(now)})
    if closed := [f"{row.month // 100}-{row.month % 100:02}" for row in found if row.shut]:
        raise MonthClosed(
            f"{'、'.join(closed)} 已关账，不能再记入。请改用未关账的月份，或通过更正申请处理。",
            extra={"months": closed},
        )
