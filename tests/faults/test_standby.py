"""A real copy beside the primary: it answers what is read, and a copy that is cut off is seen to fall behind."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shop.app.home.health import readiness
from shop.app.home.operator import operators_app
from shop.app.main import create_app
from shop.app.migrate import migrate
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.postgres.replica import look_at
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.metrics import metrics as read
from tests.make.shop import small_shop
from tests.make.standby import PRIMARY, standby

pytestmark = pytest.mark.anyio
IN_RECOVERY = text("SELECT pg_is_in_recovery()")


@pytest.fixture
def servers() -> Iterator[tuple[Path, Path]]:
    with embedded.throwaway(**PRIMARY) as primary:
        embedded.prepare(primary, "bangfu")
        owner = embedded.url(primary, "bangfu", embedded.OWNER_ROLE)
        asyncio.run(migrate(owner, schema="public", app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET]))
        with standby(primary) as copy:
            yield primary, copy


async def until(metrics: httpx.AsyncClient, seen: Callable[[float], bool]) -> None:
    """seen: of how far the copy is behind."""
    async with asyncio.timeout(20):
        while True:
            found = read((await metrics.get("/metrics")).text)
            assert found.of("shop_replica_up") == 1
            if seen(found.of("shop_replica_lag_seconds")):
                return
            await asyncio.sleep(0.2)


async def test_a_copy_answers_what_is_read_and_is_late_once_it_is_cut_off(servers: tuple[Path, Path]) -> None:
    url, copy = (embedded.url(one, "bangfu", embedded.APP_ROLE) for one in servers)
    settings = Settings(
        _env_file=None, shop_env="development", database_url=url, database_replica_url=copy, files_url="memory:"
    )
    database = await Database.open(url, replica_url=copy)
    assert database.replica is not None
    app = create_app(settings, database)
    await small_shop(database)
    doors = [httpx.ASGITransport(one) for one in (app, operators_app(app.state))]
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=doors[0], base_url="http://shop.test") as client,
        httpx.AsyncClient(transport=doors[1], base_url="http://shop.test") as metrics,
    ):
        await look_at(database)
        for only_reads in (database.reading, database.snapshot):
            async with only_reads() as session:
                assert await session.scalar(IN_RECOVERY)
                with pytest.raises(DBAPIError, match="read-only transaction"):
                    await session.execute(text("DELETE FROM county"))
        assert (await client.get("/readyz")).json() == {"ready": True, "reasons": [], "degraded": ["worker"]}
        assert (await client.get("/api/v1/products?q=苹果")).status_code == 200
        async with asyncio.timeout(20), database.reading() as session:
            while not await session.scalar(text("SELECT count(*) FROM product")):  # noqa: ASYNC110  # it is sent to it
                await asyncio.sleep(0.1)
        await until(metrics, lambda late: late == 0)
        owner = await asyncpg.connect(driver_urls(embedded.url(servers[0], "bangfu", embedded.SUPERUSER))[0])
        await owner.execute(f"ALTER ROLE {embedded.SUPERUSER} NOLOGIN")
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        await until(metrics, lambda late: late > 0.5)
        await owner.close()
    await database.close()


@pytest.mark.parametrize("how", ["host={0}&host={1}", "host={0},{1}"])
async def test_a_silent_leader_is_left_for_its_successor(servers: tuple[Path, Path], how: str) -> None:
    primary, copy = servers
    where = f"{how.format(primary, copy)}&target_session_attrs=read-write"
    database = await Database.open(f"postgresql+asyncpg://{embedded.APP_ROLE}@/bangfu?{where}", patience=2)
    async with database.transaction() as session:
        assert not await session.scalar(IN_RECOVERY)
    frozen = processes_of(primary)
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        owner = await asyncpg.connect(driver_urls(embedded.url(copy, "bangfu", embedded.SUPERUSER))[0])
        assert await owner.fetchval("SELECT pg_promote()")
        await owner.close()
        with pytest.raises((TimeoutError, DBAPIError)):
            async with database.transaction() as session:
                await session.execute(text("SELECT 1"))
        async with asyncio.timeout(10), database.transaction() as session:
            await session.execute(text("INSERT INTO heartbeat (name, beaten_at) VALUES ('after', now())"))
        assert "database" not in (await readiness(database)).reasons
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        await database.close()


def processes_of(server: Path) -> list[int]:
    leader = int((server / "data" / "postmaster.pid").read_text().split()[0])
    return [leader, *map(int, Path(f"/proc/{leader}/task/{leader}/children").read_text().split())]
