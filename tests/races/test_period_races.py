"""A month is closed while many write into it: what came before the close is in it, what came after is not."""

import asyncio
from datetime import date

import pytest
from orders.correction.close_month import close_month
from orders.credit.month import SHUT
from sqlalchemy import text

from orders.credit.check import differences
from shop.core import clock
from shop.core.database import Database
from tests.make.credit import Sale, enter, first_of
from tests.make.people import somebody

pytestmark = pytest.mark.anyio

BEFORE: date = first_of(clock.add_months(clock.month_of(clock.today()), -1))


async def in_month(database: Database) -> int:
    async with database.reading() as session:
        return int(
            await session.scalar(
                text("SELECT count(*) FROM credit_entry WHERE period_month = :month"),
                {"month": clock.month_of(BEFORE)},
            )
            or 0
        )


async def test_nothing_slips_into_a_month_after_it_was_closed(database: Database) -> None:
    closer = await somebody(database)
    frozen: list[int] = []

    async def write(n: int) -> None:
        for i in range(12):
            await enter(database, Sale(on=BEFORE, fen=100 + n * 12 + i))

    async def close() -> None:
        await asyncio.sleep(0.05)
        async with database.transaction() as session:
            await close_month(session, actor_id=closer.user_id, month=clock.month_of(BEFORE), now=clock.now())
        frozen.append(await in_month(database))

    await asyncio.gather(*(write(n) for n in range(6)), close(), close())
    assert frozen[0] == frozen[1] == await in_month(database), "an entry slipped into a closed month"
    async with database.reading() as session:
        assert await differences(session) == []
        rows = (await session.execute(text("SELECT period_month, late_for FROM credit_entry"))).all()
        shut = text(f"SELECT {SHUT.format('p')} FROM accounting_period p WHERE month = :month")
        assert await session.scalar(shut, {"month": clock.month_of(BEFORE), "today": clock.today()})
    assert len(rows) == 72, "nothing was lost"
    assert {late for month, late in rows if month != clock.month_of(BEFORE)} <= {BEFORE}
    assert all(late is None for month, late in rows if month == clock.month_of(BEFORE))


async def test_a_writer_that_waits_for_the_close_lands_behind_it(database: Database) -> None:
    closer = await somebody(database)
    async with database.transaction() as session:
        await close_month(session, actor_id=closer.user_id, month=clock.month_of(BEFORE), now=clock.now())
        writing = asyncio.create_task(enter(database, Sale(on=BEFORE, fen=100)))
        await asyncio.sleep(0.2)
        assert not writing.done(), "it did not wait"
    await writing
    assert await in_month(database) == 0
