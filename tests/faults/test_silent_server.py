"""A database that falls silent without closing: it is left in time, and whoever asks next reaches its successor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

import httpx
import pytest

from shop.access.permissions import Grant, Role
from shop.app.home.health import PATIENCE_SECONDS
from shop.app.main import create_app
from shop.core.database import Database
from shop.core.postgres.connection import CONNECT_SECONDS, POOL_SECONDS, WEB_SECONDS
from shop.core.settings import Settings
from tests.make.people import PASSWORD, bearer, somebody

pytestmark = pytest.mark.anyio
PATIENCE = 1.0
PARTING_SECONDS = 2
"""The toolkit's, for a connection that it drops."""
SIGN_IN = {"username": "ada@example.com", "password": PASSWORD}


class Leader:
    """Stands between the shop and PostgreSQL. silent: nothing passes any more on the connections that there are, and
    nobody is told; a new connection reaches the server again once `follow` was called.
    """

    def __init__(self, server: Path) -> None:
        self.server = server
        self.silent: set[int] = set()
        self.accepts = asyncio.Event()
        self.accepts.set()
        self.term = 0

    def fall_silent(self) -> None:
        self.silent.add(self.term)
        self.accepts.clear()

    def follow(self) -> None:
        self.term += 1
        self.accepts.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.accepts.wait()  # taken, and not answered
        term = self.term
        with suppress(OSError):
            there = await asyncio.open_unix_connection(str(self.server / ".s.PGSQL.5432"))
            await asyncio.gather(self._pass(term, reader, there[1]), self._pass(term, there[0], writer))

    async def _pass(self, term: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if term not in self.silent:
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def between(server: Path, folder: Path) -> AsyncIterator[Leader]:
    leader = Leader(server)
    listening = await asyncio.start_unix_server(leader.serve, folder / ".s.PGSQL.5432")
    yield leader
    listening.close()


async def test_it_is_left_and_its_successor_answers(
    settings: Settings, database: Database, postgres: Path, tmp_path: Path
) -> None:
    await somebody(database, SIGN_IN["username"], Grant(Role.EMPLOYEE, "all", "*"))
    url = (settings.database_url or "").replace(str(postgres), str(tmp_path))
    async with between(postgres, tmp_path) as leader:
        there = await Database.open(url, schema=settings.database_schema, patience=PATIENCE)
        app = create_app(settings, there)
        reached = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test", timeout=60)
        async with app.router.lifespan_context(app), reached as client:
            caller = await bearer(client, SIGN_IN["username"])
            many = [client.get("/api/v1/orders", headers=caller) for _ in range(8)]
            assert {answer.status_code for answer in await asyncio.gather(*many)} == {200}

            leader.fall_silent()
            began = monotonic()
            asked = [
                client.post("/api/v1/auth/token", data=SIGN_IN),
                client.get("/api/v1/orders", headers=caller),
                client.get("/api/v1/products?q=苹果"),
                client.get("/readyz"),
            ]
            signing_in, orders, products, ready = await asyncio.gather(*asked)
            assert monotonic() - began < PATIENCE + CONNECT_SECONDS + POOL_SECONDS
            for answer in (signing_in, orders, products):
                assert (answer.status_code, answer.json()["code"]) == (503, "try_again"), answer.text
                assert answer.json()["retry_after_s"] > 0
            assert (ready.status_code, ready.json()["reasons"]) == (503, ["database"])

            leader.follow()
            began = monotonic()
            assert (await client.post("/api/v1/auth/token", data=SIGN_IN)).status_code == 200
            assert (await client.get("/api/v1/orders", headers=caller)).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
            assert monotonic() - began < 3 * PARTING_SECONDS, "nobody waits for the silent one once more"
        await there.close()


def test_the_web_leaves_within_half_a_minute() -> None:
    assert WEB_SECONDS + CONNECT_SECONDS <= 30
    assert POOL_SECONDS + CONNECT_SECONDS + PATIENCE_SECONDS <= 30
