"""A process holds no more connections than it was told, and waits for nobody who waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.types import Message

from orders.report.question import Question
from orders.report.sales import sales
from shop.access.permissions import Grant, Role
from shop.app.main import create_app
from shop.core import clock
from shop.core.database import Database, open_database
from shop.core.keys import Keys
from shop.core.settings import Settings
from tests.make.people import bearer, somebody
from tests.make.shop import ADDRESS, small_shop

pytestmark = pytest.mark.anyio
MOST = 3
AT_ONCE = 64
REPORT = "/api/v1/reports/sales"
_OPEN = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'counted'"
)


@pytest.fixture
async def counted(settings: Settings, database: Database) -> AsyncIterator[Database]:
    """With DATABASE_POOL=3. Its connections have a name; the other ones count them."""
    url = f"{settings.database_url}&application_name=counted"
    opened = await open_database(settings.model_copy(update={"database_url": url, "database_pool": MOST}))
    yield opened
    await opened.close()


async def most_of(database: Database, done: asyncio.Event) -> int:
    most = 0
    while not done.is_set():
        async with database.reading() as session:
            most = max(most, await session.scalar(_OPEN))
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 0.02)
    return most


async def test_never_more_than_told_however_many_ask(settings: Settings, database: Database, counted: Database) -> None:
    shop = await small_shop(database)
    await somebody(database, "ada@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    body = {"lines": [{"sku_id": str(shop.box), "quantity": 1}], "address": ADDRESS.model_dump()}
    app, done = create_app(settings, counted), asyncio.Event()
    reached = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test", timeout=60)
    async with app.router.lifespan_context(app), reached as client:
        caller = await bearer(client, "ada@example.com")
        counting = asyncio.create_task(most_of(database, done))
        asked = [
            client.post("/api/v1/orders", json=body, headers=caller | {"idempotency-key": str(number)})
            if number % 4
            else client.get(
                ("/api/v1/orders", "/readyz", "/api/v1/products?q=苹果", "/api/v1/me")[number // 4 % 4], headers=caller
            )
            for number in range(AT_ONCE)
        ]
        answers = await asyncio.gather(*asked)
        done.set()
        assert {answer.status_code for answer in answers} == {200, 201}
        assert await counting == MOST


async def test_reports_that_hold_two_do_not_wait_for_each_other(database: Database, counted: Database) -> None:
    """A report of now keeps what it saw on a second connection: two could each hold what the other needs."""
    await small_shop(database)
    today = clock.today()
    question = Question(since=today - timedelta(days=9), until=today)
    async with asyncio.timeout(6):
        found = await asyncio.gather(*(sales(counted, question, actor=None, now=clock.now()) for _ in range(16)))
    assert len(found) == 16


async def test_who_takes_his_report_slowly_keeps_nobody_waiting(settings: Settings, counted: Database) -> None:
    await somebody(counted, "ada@example.com", Grant(Role.STAFF, "all", "*"))
    app, taken, begun = create_app(settings, counted), asyncio.Event(), asyncio.Event()
    reached = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")
    async with app.router.lifespan_context(app), reached as client:
        caller = await bearer(client, "ada@example.com")
        sent = [(name.encode(), value.encode()) for name, value in caller.items()]
        scope = {
            "type": "http", "method": "GET", "path": REPORT, "query_string": b"from=2026-01-01&to=2027-01-01",
            "headers": [(b"host", b"shop.test"), *sent], "client": ("192.0.2.9", 1), "server": ("shop.test", 80),
            "scheme": "http", "root_path": "", "raw_path": REPORT.encode(), "http_version": "1.1",
        }  # fmt: skip

        async def slowly(message: Message) -> None:
            if message["type"] == "http.response.body":
                begun.set()
                await taken.wait()

        slow = asyncio.create_task(app(scope, lambda: asyncio.sleep(60, {"type": "http.disconnect"}), slowly))
        await asyncio.wait_for(begun.wait(), 10)
        asked = await client.get(REPORT, params={"from": "2026-01-01", "to": "2027-01-01"}, headers=caller)
        assert asked.status_code == 200, "one turn, and it is free again"
        taken.set()
        await slow


async def test_who_waits_too_long_is_told_to_try_again(
    settings: Settings, database: Database, counted: Database, monkeypatch: pytest.MonkeyPatch, keys: Keys
) -> None:
    await somebody(database, "ada@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    monkeypatch.setattr("shop.core.postgres.hot.POOL_SECONDS", 0.2)
    counted.writer.pool._timeout = 0.2  # type: ignore[attr-defined]
    app = create_app(settings, counted)
    app.state.keys = keys
    reached = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")
    async with app.router.lifespan_context(app), reached as client:
        caller = await bearer(client, "ada@example.com")
        async with counted.transaction() as one, counted.reading() as other:
            for session in (one, other):
                await session.scalar(text("SELECT 1"))
            answer = await client.get("/api/v1/orders", headers=caller)
            assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
            assert answer.headers["retry-after"]
            assert (await client.get("/readyz")).status_code == 200, "a busy process is not taken out by its proxy"
        async with counted.hot.acquire():
            answer = await client.get("/api/v1/products")
            assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
        assert (await client.get("/api/v1/orders", headers=caller)).status_code == 200


async def test_a_server_without_room_is_busy_and_not_broken(
    settings: Settings, database: Database, counted: Database, keys: Keys
) -> None:
    owner = await Database.open(settings.database_owner_url or "", size=1, hot_size=1)
    name = await owner.hot.fetchval("SELECT current_database()")
    await owner.hot.fetchval("SELECT 1")
    async with owner.hot.acquire() as connection:
        await connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 1')
    app = create_app(settings.model_copy(update={"shop_env": "production"}), counted)
    app.state.keys = keys
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:
        for path in ("/api/v1/products?q=苹果", "/api/v1/products/00000000-0000-0000-0000-000000000001"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "try_again"), answer.text
    await owner.close()


async def test_what_reads_cannot_write_and_what_writes_begins_anew(database: Database) -> None:
    """They share connections."""
    write = text("INSERT INTO county (code, name, province, source) VALUES ('999991', '示例县', '示例省', 'test')")
    for _ in range(3):
        for only_reads in (database.reading, database.snapshot):
            async with only_reads() as session:
                with pytest.raises(DBAPIError, match="read-only transaction"):
                    await session.execute(write)
        async with database.transaction() as session:
            await session.execute(write)
            assert await session.scalar(text("SHOW enable_seqscan")) == "off"
            await session.execute(text("DELETE FROM county WHERE code = '999991'"))
        async with database.reading() as session:
            assert await session.scalar(text("SHOW enable_seqscan")) == "on"
            moments = {await session.scalar(text("SELECT now()")) for _ in range(2)}
            assert len(moments) == 2, "each statement stands alone"
