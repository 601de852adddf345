"""Months have no end: the worker makes them, and in 2031 and 2045 a sale settles, an import counts, a month closes."""

import asyncio
from datetime import date, datetime

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.credit.ahead import last_partition
from shop.app.worker import work
from shop.core import clock
from shop.core.database import Database
from shop.core.sandbox_clock import set_clock
from shop.core.settings import Settings
from tests.make.credit import first_of
from tests.make.intake import Line, intake_desk
from tests.make.payments import till
from tests.make.shop import buyer, placed

pytestmark = pytest.mark.anyio


async def jumped(settings: Settings, database: Database, now: datetime) -> None:
    """As another process sets the clock: only the row. A worker is running, and nobody migrates."""
    until = clock.add_months(clock.month_of(clock.business_day(now)), 24)
    stop = asyncio.Event()
    working = asyncio.create_task(work(settings, stop))
    async with database.transaction() as session:
        await set_clock(session, now - clock.wall())
    async with asyncio.timeout(30), database.reading() as session:
        while (await last_partition(session) or 0) < until:  # noqa: ASYNC110  # only the database knows
            await asyncio.sleep(0.1)
    stop.set()
    await working
    assert clock.today() == clock.business_day(now)


@pytest.mark.parametrize("now", ["2031-01-02T09:00:00+08:00", "2045-03-10T09:00:00+08:00"])
async def test_the_shop_goes_on(app: FastAPI, database: Database, settings: Settings, now: str) -> None:
    desk = await intake_desk(app, database)
    await jumped(settings, database, datetime.fromisoformat(now))
    today = clock.today()
    last = clock.add_months(clock.month_of(today), -1)
    async with till(database) as counter:
        who = await buyer(database, works_at=desk.shop.branch)
        order = await placed(database, who, {desk.shop.skus[0]: 1}, now=clock.now())
        opened = await counter.open(who, order.id, now=clock.now())
        await counter.sandbox.succeed(opened.payment_id)
        assert await counter.work(now=clock.now()) == 1
    days = (date(2020, 2, 3), date(2023, 12, 31), first_of(last), today)
    await desk.imported([Line(number=f"N{n}", day=str(day)) for n, day in enumerate(days)])
    async with desk.as_(desk.one) as caller:
        closed = await caller.post(f"/api/v1/periods/{last}/close")
        assert closed.status_code == 200, closed.text
        assert closed.json()["unit"]["id"] == str(desk.shop.bank)
        await desk.imported([Line(number="late", day=str(first_of(last)))])
        period = {"from": f"{today.year}-01-01", "to": f"{today.year + 1}-01-01", "group_by": "month"}
        report = await caller.get("/api/v1/reports/sales", params=period)
    assert report.status_code == 200, report.text
    (row,) = [row for row in report.json()["rows"] if row["month"] == f"{today:%Y-%m}"]
    closing = closed.json()["state"]
    late = 0 if closing == "adjusting" else 10_000  # December is open for a month more
    assert row["credited_fen"] + row["unverified_fen"] == 1_000 + 10_000 + late
    early = {"from": "2020-01-01", "to": "2024-01-01"}
    async with desk.as_(desk.one) as caller:
        before = (await caller.get("/api/v1/reports/sales", params=early)).json()["totals"]
    assert before["unverified_fen"] == 20_000


async def test_a_day_before_the_first_month_is_refused_by_its_row(app: FastAPI, database: Database) -> None:
    desk = await intake_desk(app, database)
    answer = await desk.upload_lines([Line(day="2019-12-31"), Line(number="N2", day="2020-01-01")])
    assert answer.status_code == 422, answer.text
    said = [one["detail"] for one in answer.json()["errors"]]
    assert sum("太早，账簿从 2020-01-01 开始" in one for one in said) == 1, said


async def test_the_sandboxes_door_makes_them_at_once(client: httpx.AsyncClient, database: Database) -> None:
    for now, status in (("2033-06-01T00:00:00+08:00", 200), ("2098-01-01T00:00:00+08:00", 422),
                        ("9999-12-31T23:59:59-12:00", 422), ("2019-12-31T23:59:59+08:00", 422)):  # fmt: skip
        answer = await client.put("/sandbox/clock", json={"now": now})
        assert answer.status_code == status, answer.text
    async with database.reading() as session:
        assert await session.scalar(text("SELECT to_regclass('credit_entry_203506') IS NOT NULL"))
