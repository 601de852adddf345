"""Development sets the shop's one clock; production has no such door."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from shop.app.home.health import Readiness, readiness
from shop.app.worker import beat
from shop.core import clock
from shop.core.database import Database
from shop.core.sandbox_clock import read_clock

pytestmark = pytest.mark.anyio


async def test_the_clock_runs_on_from_the_set_instant(client: httpx.AsyncClient, database: Database) -> None:
    answer = await client.put("/sandbox/clock", json={"now": "2027-12-31T23:59:30+08:00"})
    assert answer.status_code == 200, answer.text
    set_to = datetime(2027, 12, 31, 15, 59, 30, tzinfo=UTC)
    assert timedelta(0) <= clock.now() - set_to < timedelta(seconds=10)
    assert clock.today().isoformat() == "2027-12-31"

    clock.set_ahead(timedelta(0))  # as in another process …
    await read_clock(database)  # … which reads the row at its next tick
    assert timedelta(0) <= clock.now() - set_to < timedelta(seconds=10)

    assert (await client.delete("/sandbox/clock")).status_code == 200
    assert clock.ahead() == timedelta(0)
    await read_clock(database)
    assert clock.ahead() == timedelta(0)


async def test_the_months_to_come_are_made_for_the_set_time(client: httpx.AsyncClient, database: Database) -> None:
    await beat(database)
    await client.put("/sandbox/clock", json={"now": "2028-05-01T00:00:00+08:00"})
    assert await readiness(database) == Readiness(ready=True)
    async with database.reading() as session:
        assert await session.scalar(text("SELECT to_regclass('credit_entry_202808') IS NOT NULL"))


@pytest.mark.parametrize("now", ["yesterday", "2027-01-01T00:00:00", "9999-01-01T00:00:00Z"])
async def test_no_time_at_all(client: httpx.AsyncClient, now: str) -> None:
    answer = await client.put("/sandbox/clock", json={"now": now})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/now")
    assert clock.ahead() == timedelta(0)
