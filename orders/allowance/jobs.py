"""What happens to allowances by itself."""

from datetime import datetime

from orders.allowance.give_back import give_back
from shop.core import clock
from shop.core.database import Database

BATCH = 5_000


async def give_back_left(database: Database, *, now: datetime) -> None:
    """Every few seconds: what is left of expired and withdrawn allowances returns to the union's budget."""
    while True:
        async with database.transaction() as session:
            done = await give_back(session, day=clock.business_day(now), most=BATCH, now=now)
        if done < BATCH:
            return
