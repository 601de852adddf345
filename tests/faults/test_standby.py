"""A real copy beside the primary: it answers what is read, and a copy that is cut off is seen to fall behind."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shop.core import embedded
from shop.core.database import Database
from shop.core.database_url import driver_url
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from shop.home.operator import operators_app
from shop.main import create_app
from shop.migrate import migrate
from tests.make.metrics import Metrics
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


async def until(metrics: httpx.AsyncClient, *, late: bool) -> Metrics:
    async with asyncio.timeout(20):
        while True:
            found = read((await metrics.get("/metrics")).text)
            if found.of("shop_replica_up") == 1 and (found.of("shop_replica_lag_seconds") > 0.5) == late:
                return found
            await asyncio.sleep(0.2)


async def test_a_copy_answers_what_is_read_and_is_late_once_it_is_cut_off(servers: tuple[Path, Path]) -> None:
    url, copy = (embedded.url(one, "bangfu", embedded.APP_ROLE) for one in servers)
    settings = Settings(
        _env_file=None, shop_env="development", database_url=url, database_replica_url=copy, files_url="memory:"
    )
    database = await Database.open(url, replica_url=copy)
    app = create_app(settings, database)
    await small_shop(database)
    doors = [httpx.ASGITransport(one) for one in (app, operators_app(app.state))]
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=doors[0], base_url="http://shop.test") as client,
        httpx.AsyncClient(transport=doors[1], base_url="http://shop.test") as metrics,
    ):
        for only_reads in (database.reading, database.snapshot):
            async with only_reads() as session:
                assert await session.scalar(IN_RECOVERY)
                with pytest.raises(DBAPIError, match="read-only transaction"):
                    await session.execute(text("DELETE FROM county"))
        assert (await client.get("/readyz")).json() == {"ready": True, "reasons": [], "degraded": ["worker"]}
        assert (await client.get("/api/v1/products?q=苹果")).status_code == 200
        assert (await until(metrics, late=False)).of("shop_replica_up") == 1
        owner = await asyncpg.connect(driver_url(embedded.url(servers[0], "bangfu", embedded.SUPERUSER)))
        await owner.execute(f"ALTER ROLE {embedded.SUPERUSER} NOLOGIN")
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        await until(metrics, late=True)
        await owner.close()
    await database.close()
