"""`PUT /sandbox/clock`: development sets the shop's one clock. These routes do not exist in production."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from orders.report.tick import look
from shop.core import clock
from shop.core.database import owner_url
from shop.core.errors import Detail, Invalid
from shop.core.requests import TheDatabase, TheSettings
from shop.core.sandbox_clock import set_clock
from shop.home.health import why_not_ready
from shop.migrate import make_ready

routes = APIRouter(prefix="/sandbox", include_in_schema=False)

FARTHEST_DAYS = 3660


class ClockSet(BaseModel):
    """now: from this instant the clock runs on."""

    now: Annotated[AwareDatetime, Field(examples=["2027-01-31T23:59:00+08:00"])]


@routes.put("/clock")
async def put_clock(body: ClockSet, database: TheDatabase, settings: TheSettings) -> ClockSet:
    """Set the clock; workers and other web processes follow within half a second.

    What is known is looked at before and afterwards: a moment that the clock jumps over is like the one before it.
    """
    ahead = body.now - clock.wall()
    if abs(ahead.days) > FARTHEST_DAYS:
        raise Invalid("时间相差太远。", [Detail("/now", "out_of_range", "最多相差十年")])
    await look(database)
    async with database.transaction() as session:
        await set_clock(session, ahead)
    clock.set_ahead(ahead)
    await look(database)
    if "partitions" in await why_not_ready(database):
        await make_ready(settings, owner_url(settings))
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
