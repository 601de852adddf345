"""The web process as an operator starts it, against strangers with raw sockets: slow, large, elsewhere, many."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import asyncpg
import httpx
import pytest

from shop.access.permissions import Grant, Role
from shop.app.home.heavy_reads import AT_ONCE
from shop.core.database import Database
from shop.core.postgres.database_url import driver_urls
from shop.core.server import PatientProtocol
from shop.core.settings import Settings
from tests.make.people import PASSWORD, bearer, somebody
from tests.make.processes import Processes, free_port, processes

pytestmark = pytest.mark.anyio

PATIENCE_S = 60
ADA, EVE = "ada@example.com", "eve@example.com"
LEDGER = "/api/v1/credit/entries"
REPORT = "/api/v1/reports/sales?from=2026-01-01&to=2027-01-01"
Task = asyncio.Task[httpx.Response]
STAFF = Grant(Role.STAFF, "all", "*")


@pytest.fixture
async def running(settings: Settings, tmp_path: Path) -> AsyncIterator[Processes]:
    """Web alone, behind a proxy on loopback, with an operator's port."""
    more = {"OPERATOR_PORT": str(free_port()), "TRUSTED_PROXIES": "127.0.0.1"}
    with processes(settings, tmp_path, **more) as made:
        made.start("web")
        async with httpx.AsyncClient(base_url=made.url, trust_env=False) as http:
            deadline = monotonic() + PATIENCE_S
            while not await alive(http):
                assert monotonic() < deadline
                await asyncio.sleep(0.1)
        yield made


async def alive(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/healthz")).status_code == 200
    except httpx.TransportError:
        return False


def caller(running: Processes, address: str = "192.0.2.1") -> httpx.AsyncClient:
    """Somebody behind the proxy."""
    headers = {"x-forwarded-for": address}
    return httpx.AsyncClient(base_url=running.url, headers=headers, timeout=60, trust_env=False)


async def said_until_cut(port: int, begun: bytes, drip: bytes, every_s: float = 1) -> tuple[float, bytes]:
    """Seconds until the server hangs up, and all it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = monotonic()
    writer.write(begun)

    async def dripping() -> None:
        while drip:
            await asyncio.sleep(every_s)
            writer.write(drip)

    feeding = asyncio.create_task(dripping())
    async with asyncio.timeout(PATIENCE_S):
        said = await reader.read(-1)
    feeding.cancel()
    writer.close()
    return monotonic() - started, said


async def test_slow_callers_are_cut_and_others_served(running: Processes) -> None:
    head = b"POST /api/v1/auth/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    slow = {
        "silent": (b"", b"", PatientProtocol.head_seconds),
        "head": (b"GET / HTTP/1.1\r\nhost: x\r\nx-drip: ", b"a", PatientProtocol.head_seconds),
        "body": (head + b"content-length: 5000\r\n\r\nusername=", b"a", PatientProtocol.body_seconds),
    }
    cut = asyncio.gather(*(said_until_cut(running.port, begun, drip) for begun, drip, _ in slow.values()))
    crowd = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(200)]
    for _, writer in crowd:
        writer.write(b"GET / HTTP/1.1\r\nhost:")
    async with caller(running) as http:
        asked = monotonic()
        assert (await http.get("/api/v1/products")).status_code == 200
        assert monotonic() - asked < PatientProtocol.head_seconds, "two hundred who drip keep nobody out"
    for (seconds, said), (name, (_, _, allowed)) in zip(await cut, slow.items(), strict=True):
        assert allowed - 1 < seconds < allowed + 10, name
        told = json.loads(said.rpartition(b"\r\n\r\n")[2])
        assert (told["status"], told["code"]) == (408, "too_slow"), name
    for reader, writer in crowd:
        assert b"408 Request Timeout" in await asyncio.wait_for(reader.read(-1), 10)
        writer.close()
    async with httpx.AsyncClient(trust_env=False) as operator:
        counted = (await operator.get(f"http://127.0.0.1:{running.more['OPERATOR_PORT']}/metrics")).text
    assert 'shop_connections_cut_total{why="too_slow"} 203.0' in counted


async def test_what_is_too_large_is_refused_unread(running: Processes, database: Database) -> None:
    await somebody(database, ADA, STAFF)
    async with caller(running) as http:
        token = (await bearer(http, ADA))["authorization"]
    kinds = {
        "application/json": 9_000_000,
        "application/x-www-form-urlencoded": 2_000_000,
        "multipart/form-data; boundary=x": 34_000_000,
    }
    for kind, size in kinds.items():
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        path = "products/import" if "multipart" in kind else "auth/token" if "form" in kind else "quotes"
        head = f"POST /api/v1/{path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\n"
        writer.write(f"{head}authorization: {token}\r\nidempotency-key: x\r\n\r\n".encode())
        async with asyncio.timeout(10):
            answer = await reader.readuntil(b"}")
        writer.close()
        assert answer.startswith(b"HTTP/1.1 413"), answer
        assert b"content-type: application/problem+json" in answer
        assert b'"code":"too_large"' in answer


async def test_metrics_are_the_operators(running: Processes) -> None:
    async with caller(running) as http, httpx.AsyncClient(trust_env=False) as operator:
        there = f"http://127.0.0.1:{running.more['OPERATOR_PORT']}"
        for headers in ({}, {"host": f"127.0.0.1:{running.more['OPERATOR_PORT']}"}, {"x-forwarded-port": "9100"}):
            for path in ("/metrics", "/metrics/", "/%6detrics"):
                assert (await http.get(path, headers=headers)).status_code == 404
        told = (await operator.get(f"{there}/metrics")).text
        assert 'shop_http_requests_total{method="GET",route="(none)",status="404"} 9.0' in told
        assert (await operator.get(f"{there}/healthz")).json() == {"status": "alive"}
        assert (await operator.get(f"{there}/readyz")).json()["degraded"] == ["worker"]
        for path in ("/", "/api/v1/products", "/sign-in", "/docs", "/openapi.json", "/static/shop.css"):
            assert (await operator.get(f"{there}{path}")).status_code == 404, "nothing else of the shop is there"


async def test_behind_a_proxy_callers_are_told_apart(running: Processes, database: Database) -> None:
    await somebody(database, ADA, STAFF)
    async with caller(running, "198.51.100.7") as guesser, caller(running, "192.0.2.1") as ada:
        wrong = {"username": ADA, "password": "wrong horse battery"}
        seen = [(await guesser.post("/api/v1/auth/token", data=wrong)).status_code for _ in range(12)]
        assert seen == [401] * 10 + [429] * 2
        lies = {"x-forwarded-for": "203.0.113.1, 198.51.100.7"}  # what the proxy makes of a header of the guesser's own
        assert (await guesser.post("/api/v1/auth/token", data=wrong, headers=lies)).status_code == 429
        right = await ada.post("/api/v1/auth/token", data={"username": ADA, "password": PASSWORD})
        assert right.status_code == 200


async def test_heavy_reads_of_one_person_stop_nobody_else(
    running: Processes, database: Database, settings: Settings
) -> None:
    """The ledger is locked, so that whoever asks for it waits."""
    for email in (ADA, EVE):
        await somebody(database, email, STAFF)
    async with caller(running) as http, locked(settings, "credit_entry") as unlock:
        ada, eve = await bearer(http, ADA), await bearer(http, EVE)
        hers = [asyncio.create_task(http.get(path, headers=ada)) for path in [REPORT, *[LEDGER] * (AT_ONCE + 4)]]
        refused, waiting = await done_first(hers, 5)
        for one in refused:
            answer = one.result()
            assert (answer.status_code, answer.json()["code"]) == (429, "busy_for_you")
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
        assert (await http.get("/api/v1/me", headers=ada)).status_code == 200, "what is light is answered"
        page = await http.get("/staff/reports", headers=ada | {"accept": "text/html"})
        assert (page.status_code, "同时查询太多" in page.text) == (429, True)
        strangers = await asyncio.gather(*(http.get(LEDGER) for _ in range(AT_ONCE + 5)))
        assert {one.status_code for one in strangers} <= {401, 429}
        eves = asyncio.create_task(http.get(LEDGER, headers=eve))
        await asyncio.sleep(0.5)
        assert not eves.done(), "another person's turn is her own"
        await unlock()
        assert [one.status_code for one in await asyncio.gather(*waiting, eves)] == [200] * (AT_ONCE + 1)
        assert (await http.get(LEDGER, headers=ada)).status_code == 200, "a turn that is over is free again"


async def done_first(tasks: list[Task], count: int) -> tuple[list[Task], list[Task]]:
    """Those that were answered first, and the others."""
    async with asyncio.timeout(20):
        while sum(one.done() for one in tasks) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return [one for one in tasks if one.done()], [one for one in tasks if not one.done()]


@asynccontextmanager
async def locked(settings: Settings, table: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Nobody reads the table until what is yielded is called."""
    connection = await asyncpg.connect(driver_urls(settings.database_owner_url or "")[0])
    held = connection.transaction()
    await held.start()
    await connection.execute(f'LOCK TABLE "{settings.database_schema}".{table} IN ACCESS EXCLUSIVE MODE')
    yield held.rollback
    await connection.close()
