"""Twenty web processes and four workers live within PostgreSQL's usual hundred connections."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

import asyncpg
import httpx
import pytest

from shop.access.permissions import Grant, Role
from shop.app.migrate import migrate
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.many import many
from tests.make.people import bearer, somebody
from tests.make.shop import ADDRESS, small_shop
from tests.shop.core.test_encrypted import shop as command

pytestmark = [pytest.mark.anyio, pytest.mark.drill]
WEBS, WORKERS, AT_ONCE = 20, 4, 5
STARTED_S = 150
ONCE = httpx.Limits(max_connections=None, max_keepalive_connections=0)
READ = ("/api/v1/orders", "/readyz", "/api/v1/products?q=示例")
LEFT_FOR_PEOPLE = 8


@pytest.fixture
def server() -> Iterator[Path]:
    with embedded.throwaway(max_connections="100") as socket:
        embedded.prepare(socket, "bangfu")
        yield socket


async def test_under_requests_nobody_is_turned_away(server: Path, tmp_path: Path) -> None:
    owner = embedded.url(server, "bangfu", embedded.OWNER_ROLE)
    await migrate(owner, schema="public", app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET])
    settings = Settings(
        _env_file=None,
        shop_env="development",
        database_url=embedded.url(server, "bangfu", embedded.APP_ROLE),
        database_owner_url=owner,
    )
    database = await Database.open(settings.database_url or "", size=1, hot_size=1)
    shop = await small_shop(database, pieces=10_000)
    await somebody(database, "ada@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    await database.close()
    body = {"lines": [{"sku_id": str(shop.box), "quantity": 1}], "address": ADDRESS.model_dump()}
    with many(settings, tmp_path, webs=WEBS, workers=WORKERS) as webs:
        async with httpx.AsyncClient(timeout=60, trust_env=False, limits=ONCE) as http:
            await _until_ready(http, webs)
            async with httpx.AsyncClient(base_url=webs[0], trust_env=False, timeout=60) as first:
                token = await bearer(first, "ada@example.com")
            done = asyncio.Event()
            counting = asyncio.create_task(_most(owner, done))
            asked = [_buy_and_look(http, web, number, body, token) for number in range(AT_ONCE) for web in webs]
            *answers, migrated, examined = await asyncio.gather(
                *asked, command(settings, "migrate"), command(settings, "doctor", "--json")
            )
            done.set()
            most = await counting
        assert {status for seen in answers for status in seen} == {200, 201}
        assert migrated[0] == 0, migrated
        found = {one["name"]: one for one in json.loads(examined[1])}
        assert found["primary"]["ok"], examined
        assert found["worker"]["ok"], examined
        # Of the hundred PostgreSQL keeps three for the superuser.
        assert 2 * WEBS <= most <= 97 - LEFT_FOR_PEOPLE + 4, f"{most}: with `shop migrate`, `shop doctor` and us"
        said = (tmp_path / "log").read_text()
        assert "TooManyConnections" not in said
        assert "job_failed" not in said


async def _buy_and_look(
    http: httpx.AsyncClient, web: str, number: int, body: dict[str, object], caller: dict[str, str]
) -> list[int]:
    """Statuses."""
    key = {"idempotency-key": f"{web.rpartition(chr(58))[2]}-{number}"}
    placed = await http.post(f"{web}/api/v1/orders", json=body, headers=caller | key)
    return [placed.status_code, *[(await http.get(f"{web}{path}", headers=caller)).status_code for path in READ]]


async def _until_ready(http: httpx.AsyncClient, webs: Sequence[str]) -> None:
    deadline = monotonic() + STARTED_S
    for web in webs:
        while True:
            with suppress(httpx.TransportError):
                if (await http.get(f"{web}/readyz")).json() == {"ready": True, "reasons": [], "degraded": []}:
                    break
            assert monotonic() < deadline, web
            await asyncio.sleep(0.2)


async def _most(owner: str, done: asyncio.Event) -> int:
    """Connections of clients, at most."""
    watching = await asyncpg.connect(driver_urls(owner)[0])
    most = 0
    while not done.is_set():
        most = max(most, await watching.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'bangfu%'"))
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 0.05)
    await watching.close()
    return most
