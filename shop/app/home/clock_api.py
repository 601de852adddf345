"""`PUT /sandbox/clock`: development sets the shop's one clock. These routes do not exist in production."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from orders.credit.ahead import keep_ahead
from orders.report.tick import look
from shop.core import clock
from shop.core.errors import Detail, Invalid
from shop.core.requests import TheDatabase
from shop.core.sandbox_clock import set_clock

routes = APIRouter(prefix="/sandbox", include_in_schema=False)

FIRST, END = datetime(2020, 1, 1, tzinfo=clock.SHANGHAI), datetime(2098, 1, 1, tzinfo=clock.SHANGHAI)
"""There are accounting months from 2020 to 2099, and two years of them are always ahead."""


class ClockSet(BaseModel):
    """now: from this instant the clock runs on."""

    now: Annotated[AwareDatetime, Field(examples=["2027-01-31T23:59:00+08:00"])]


@routes.put("/clock")
async def put_clock(body: ClockSet, database: TheDatabase) -> ClockSet:
    """Set the clock; workers and other web processes follow within half a second.

    What is known is looked at before and afterwards: a moment that the clock jumps over is like the one before it.
    """
    if not FIRST <= body.now < END:
        raise Invalid("没有那时的会计月份。", [Detail("/now", "out_of_range", "从 2020 年到 2097 年")])
    await keep_ahead(database, now=body.now)
    ahead = body.now - clock.wall()
    await look(database)
    async with database.transaction() as session:
        await set_clock(session, ahead)
    clock.set_ahead(ahead)
    await look(database)
    return ClockSet(now=clock.now())


@routes.delete("/clock")
async def delete_clock(database: TheDatabase) -> ClockSet:
    """Let the shop's time be the machine's again."""
    await look(database)
    async with database.transaction() as session:
        await set_clock(session, None)
    clock.set_ahead(timedelta(0))
    await look(database)
    return ClockSet(now=clock.now())
