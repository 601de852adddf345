"""PostgreSQL is stopped under the running shop: it says so, and all goes on by itself when it is back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import asyncpg
import httpx
import pytest

from shop.access.permissions import Grant, Role
from shop.app.migrate import migrate
from shop.app.worker import BEAT_SECONDS
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.audit import audited
from tests.make.people import PASSWORD, bearer, somebody
from tests.make.processes import Processes, processes
from tests.make.shop import ADDRESS, SmallShop, small_shop

pytestmark = pytest.mark.anyio

PATIENCE_S = 30


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """A server of this test's own, which it may stop."""
    root = tmp_path / "postgres"
    embedded.ensure_persistent(root)
    yield root
    embedded.stop_persistent(root)


@pytest.fixture
async def running(server: Path, schema: str, tmp_path: Path) -> AsyncIterator[tuple[Processes, Settings]]:
    socket = embedded.ensure_persistent(server)
    embedded.prepare(socket, "gone")
    owner = embedded.url(socket, "gone", embedded.OWNER_ROLE)
    await migrate(owner, schema=schema, app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET])
    settings = Settings(
        _env_file=None,
        shop_env="development",
        database_url=embedded.url(socket, "gone", embedded.APP_ROLE),
        database_owner_url=owner,
        database_schema=schema,
    )
    with processes(settings, tmp_path) as made:
        yield made, settings


async def until_ready(http: httpx.AsyncClient, status: int) -> httpx.Response:
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            answer = await http.get("/readyz")
        except httpx.ConnectError:
            answer = None
        if answer is not None and answer.status_code == status:
            return answer
        assert monotonic() < deadline, answer and answer.text
        await asyncio.sleep(0.1)


async def made_shop(settings: Settings, email: str) -> SmallShop:
    database = await Database.open(settings.database_url or "", schema=settings.database_schema)
    shop = await small_shop(database)
    await somebody(database, email, Grant(Role.EMPLOYEE, "all", "*"))
    await database.close()
    return shop


async def test_it_says_so_and_recovers_by_itself(running: tuple[Processes, Settings], server: Path) -> None:
    processes, settings = running
    shop = await made_shop(settings, "ada@example.com")
    processes.start("web", "worker")
    body = {"lines": [{"sku_id": str(shop.box), "quantity": 1}], "address": ADDRESS.model_dump()}
    async with httpx.AsyncClient(base_url=processes.url, timeout=30, trust_env=False) as http:
        await until_ready(http, 200)
        caller = await bearer(http, "ada@example.com") | {"idempotency-key": "through-the-storm"}

        embedded.stop_persistent(server)
        gone = await until_ready(http, 503)
        assert gone.json() == {"ready": False, "reasons": ["database"], "degraded": []}
        assert (await http.get("/healthz")).status_code == 200
        for answer in (
            await http.post("/api/v1/orders", json=body, headers=caller),
            await http.get("/api/v1/orders", headers=caller),
            await http.get("/api/v1/products?q=苹果"),
            await http.post("/api/v1/auth/token", data={"username": "ada@example.com", "password": PASSWORD}),
            await http.get("/api/v1/products/00000000-0000-0000-0000-000000000001"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "try_again"), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]
            assert answer.json().keys() <= {"type", "title", "status", "code", "detail", "retry_after_s"}
        page = await http.get("/orders", headers={"accept": "text/html"})
        assert (page.status_code, "Traceback" in page.text) in {(503, False), (303, False)}

        embedded.ensure_persistent(server)
        assert (await until_ready(http, 200)).json()["ready"]
        order = await http.post("/api/v1/orders", json=body, headers=caller)
        assert order.status_code == 201, order.text
        await worker_beats_again(settings)
        paying = await http.post(f"/api/v1/orders/{order.json()['id']}/pay", json={"method": "stripe"}, headers=caller)
        await http.post(f"/sandbox/payments/{paying.json()['payment_id']}/succeed")
        await until_confirmed(http, order.json()["id"], caller)
    database = await Database.open(settings.database_url or "", schema=settings.database_schema)
    await audited(database)
    await database.close()


async def test_connections_that_are_cut_are_no_fault_of_ours(running: tuple[Processes, Settings]) -> None:
    """As an impatient administrator does, or a restart: 503 at worst, and never 500."""
    processes, settings = running
    await made_shop(settings, "ada@example.com")
    processes.start("web")
    async with httpx.AsyncClient(base_url=processes.url, timeout=30, trust_env=False) as http:
        await until_ready(http, 200)
        caller = await bearer(http, "ada@example.com")
        over = asyncio.Event()
        cutting = asyncio.create_task(cut_again_and_again(settings, over))
        seen = [
            code
            for one in await asyncio.gather(*(asked_again_and_again(http, caller) for _ in range(6)))
            for code in one
        ]
        over.set()
        assert await cutting > 10
        await until_ready(http, 200)
    assert set(seen) <= {200, 503}
    assert seen.count(200) > 20


async def cut_again_and_again(settings: Settings, over: asyncio.Event) -> int:
    app = await asyncpg.connect(driver_urls(settings.database_url or "")[0])
    cut = 0
    while not over.is_set():
        cut += await app.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE usename = current_user AND pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.1)
    await app.close()
    return cut


async def asked_again_and_again(http: httpx.AsyncClient, caller: dict[str, str]) -> list[int]:
    found = []
    for _ in range(8):
        paths = ("/", "/api/v1/products?q=苹果", "/verify", "/api/v1/orders", "/api/v1/me", "/readyz")
        found += [(await http.get(path, headers=caller)).status_code for path in paths]
        sent = await http.post("/api/v1/auth/token", data={"username": "ada@example.com", "password": PASSWORD})
        found.append(sent.status_code)
    return found


async def worker_beats_again(settings: Settings) -> None:
    """With a server this new no beat may be older than the server."""
    connection = await asyncpg.connect(driver_urls(settings.database_url or "")[0])
    deadline = monotonic() + PATIENCE_S + BEAT_SECONDS
    while not await connection.fetchval(
        f'SELECT bool_or(beaten_at > pg_postmaster_start_time()) FROM "{settings.database_schema}".heartbeat'
    ):
        assert monotonic() < deadline, "the worker has not come back"
        await asyncio.sleep(0.2)
    await connection.close()


async def until_confirmed(http: httpx.AsyncClient, order_id: str, caller: dict[str, str]) -> None:
    deadline = monotonic() + PATIENCE_S
    while (await http.get(f"/api/v1/orders/{order_id}", headers=caller)).json()["state"] != "confirmed":
        assert monotonic() < deadline, "the worker does not settle"
        await asyncio.sleep(0.2)
