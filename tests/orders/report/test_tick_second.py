"""The literal second: what the worker's own job leaves between its looks, and how wide a gap the answer allows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from orders.seal.header import stamp
from shop.app.worker import jobs
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.orders.report.test_ticks import april, company, set_to

pytestmark = pytest.mark.anyio

A_SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    yield
    clock.set_ahead(timedelta(0))


async def test_whatever_is_written_falls_under_ticks_at_most_a_second_apart(
    app: FastAPI, client: AsyncClient, database: Database, settings: Settings
) -> None:
    """The worker's job at its own pace, by a clock that we move: sales 1.3 s apart, any moment among them is asked."""
    first, second = await company(database, client, "FIRST"), await company(database, client, "SECOND")
    (job,) = [one for one in jobs(settings, database, app.state.gateway) if one.name == "tick"]
    pace, start = timedelta(seconds=job.every_seconds), april(10)
    sold = {timedelta(seconds=0.1): 1, timedelta(seconds=1.4): 10}
    await set_to(database, start - pace)
    await first.sells(9, 1_000)
    await job.run()
    gone = timedelta()
    while gone < timedelta(seconds=3):
        await set_to(database, start + gone)
        await job.run()
        for moment in [one for one in sold if gone <= one < gone + pace]:
            await set_to(database, start + moment)
            await first.sells(10, sold[moment])
            await second.sells(10, sold[moment] * 7)
        gone += pace
    async with database.reading() as session:
        ticks = (await session.execute(text("SELECT at, holds_until FROM knowledge ORDER BY at"))).all()
    for before, after in pairwise(ticks):
        assert after.at - before.holds_until <= A_SECOND
    for moment, fen in sold.items():  # within a second of its writing, each is known
        (known,) = [one.at for one in ticks if start + moment < one.at <= start + moment + A_SECOND]
        assert (await first.figure(known_at=known.isoformat()))[0] >= 1_000 + fen
    for tenths in range(-2, 25, 3):
        asked = start + timedelta(seconds=tenths / 10, milliseconds=50)
        fen, document = await first.figure(known_at=asked.isoformat())
        last = max(one.at for one in ticks if one.at <= asked)
        assert (document["known_at"], document["known_at_asked"]) == (stamp(last), stamp(asked))
        assert fen == 1_000 + sum(amount for moment, amount in sold.items() if start + moment < last)


async def kept(database: Database, at: datetime) -> None:
    """A tick of what is committed now, which holds for its own moment only."""
    async with database.transaction() as session:
        added = "INSERT INTO knowledge (at, snapshot, holds_until) VALUES (:at, pg_current_snapshot(), :at)"
        await session.execute(text(added), {"at": at})


async def test_between_looks_a_second_apart_the_earlier_answers_and_a_microsecond_more_is_a_gap(
    database: Database, client: AsyncClient
) -> None:
    first = await company(database, client, "FIRST")
    moments = [april(10), april(10) + A_SECOND, april(10) + 2 * A_SECOND + timedelta(microseconds=1)]
    await set_to(database, april(9))
    for moment, fen in zip(moments, (1, 10, 100), strict=True):
        await first.sells(9, fen)
        await kept(database, moment)
    await set_to(database, april(20))
    for asked in (timedelta(microseconds=1), A_SECOND / 2, A_SECOND - timedelta(microseconds=1)):
        moment = april(10) + asked
        fen, document = await first.figure(known_at=moment.isoformat())
        assert (fen, document["known_at"], document["known_at_asked"]) == (1, stamp(moments[0]), stamp(moment))
        problem = (await first.ask(known_at=(moments[1] + asked).isoformat())).json()
        assert (problem["code"], problem["nearest"]) == (
            "nothing_known_then", {"before": stamp(moments[1]), "after": stamp(moments[2])},
        )  # fmt: skip
    assert [(await first.figure(known_at=one.isoformat()))[0] for one in moments] == [1, 11, 111]
