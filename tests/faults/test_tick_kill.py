"""The worker is killed while others go on writing: what was known meanwhile nobody can say, and nobody pretends to."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from orders.report.knowledge import NothingKnownThen
from orders.report.question import Question
from orders.report.sales import sales
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.credit import Sale, enter
from tests.make.processes import processes
from tests.make.units import unit

pytestmark = pytest.mark.anyio

DAY = clock.today()
WHOLE = Question(DAY.replace(month=1, day=1), DAY.replace(year=DAY.year + 1, month=1, day=1))
HEALING_S = 30
_KNOWN = text("""
SELECT coalesce(max(n), 0) FROM (SELECT (SELECT count(*) FROM credit_entry e
    WHERE pg_visible_in_snapshot(e.xid, k.snapshot)) AS n FROM knowledge k ORDER BY at DESC LIMIT 1) last
""")
_HELD = text("SELECT max(holds_until) FROM knowledge")


async def until(database: Database, reached: Callable[[Database], Awaitable[bool]]) -> None:
    deadline = monotonic() + HEALING_S
    while not await reached(database):
        assert monotonic() < deadline, "no worker looks"
        await asyncio.sleep(0.05)


def entries(count: int) -> Callable[[Database], Awaitable[bool]]:
    async def are_known(database: Database) -> bool:
        async with database.reading() as session:
            return await session.scalar(_KNOWN) == count

    return are_known


async def test_a_moment_at_which_no_worker_was_alive_is_refused(
    database: Database, settings: Settings, tmp_path: Path
) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")

    async def sell(fen: int) -> datetime:
        await enter(database, Sale(on=DAY, fen=fen, path=[bank]), Sale(on=DAY, fen=fen * 7, path=[other]))
        return clock.now()

    async def known(moment: datetime) -> list[int]:
        asked = [Question(WHOLE.since, WHOLE.until, known_at=moment, unit=one) for one in (bank, other)]
        return [(await sales(database, one, actor=None, now=clock.now())).totals.credited_fen for one in asked]

    with processes(settings, tmp_path) as running:
        running.start("worker")
        await sell(1)
        await until(database, entries(2))
        running.kill("worker")
        async with database.reading() as session:
            held = await session.scalar(_HELD)
        await asyncio.sleep(0.3)
        first = await sell(10)
        await asyncio.sleep(1.3)
        await sell(100)
        running.start("worker")
        await until(database, entries(6))
        with pytest.raises(NothingKnownThen) as refused:
            await known(first)
        nearest = refused.value.extra["nearest"]
        before, after = (datetime.fromisoformat(nearest[name]) for name in ("before", "after"))
        assert before == held
        assert before < first < after
        assert [await known(before), await known(after)] == [[1, 7], [111, 777]]
        moment = await sell(1_000)
        await until(database, entries(8))
        assert await known(clock.now()) == [1_111, 7_777]
        assert (await known(moment))[0] in {111, 1_111}, "at most a second ago"
        idle = clock.now()
        running.kill("worker")
        await asyncio.sleep(1.1)
        assert await known(idle) == [1_111, 7_777], "nobody watched, but nothing was written either"
