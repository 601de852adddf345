"""Jobs go on beside each other, whatever happens to one of them."""

import asyncio

import pytest
from sqlalchemy import text

from shop.app.worker import Job, jobs, repeat, work
from shop.core.database import Database
from shop.core.settings import Settings

pytestmark = pytest.mark.anyio


async def test_a_failing_job_stops_nobody_and_backs_off() -> None:
    stop, good, bad = asyncio.Event(), 0, 0

    async def works() -> None:
        nonlocal good
        good += 1
        if good == 20:
            stop.set()

    async def fails() -> None:
        nonlocal bad
        bad += 1
        raise RuntimeError

    async with asyncio.timeout(10):
        await asyncio.gather(repeat(Job("good", 0.01, works), stop), repeat(Job("bad", 0.01, fails), stop))
    assert good == 20
    assert bad == 1  # the next try comes after a second or so


async def test_a_job_that_mends_itself_goes_on() -> None:
    stop, runs = asyncio.Event(), 0

    async def fails_once() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise RuntimeError
        stop.set()

    async with asyncio.timeout(10):
        await repeat(Job("once", 0.01, fails_once), stop)
    assert runs == 2


async def test_every_job_runs_on_an_empty_database(app: object, settings: Settings, database: Database) -> None:
    gateway = app.state.gateway  # type: ignore[attr-defined]
    table = jobs(settings, database, gateway)
    assert len({job.name for job in table}) == len(table)
    for job in table:
        await job.run()


async def test_two_workers_beat_and_stop_when_told(settings: Settings, database: Database) -> None:
    stop = asyncio.Event()
    working = [asyncio.create_task(work(settings, stop)) for _ in range(2)]
    async with asyncio.timeout(20):
        while not await beats(database):  # noqa: ASYNC110  # only the database knows
            await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*working)


async def beats(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(text("SELECT count(*) FROM heartbeat")) or 0
