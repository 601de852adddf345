"""Ready means: the primary answers with a schema of this code or a later one. The rest is degraded, and said."""

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import make_url

from orders.credit.ahead import keep_ahead
from shop.app.commands.doctor import examined
from shop.app.home.health import readiness
from shop.app.main import create_app
from shop.app.worker import beat
from shop.core import clock
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import Settings

pytestmark = pytest.mark.anyio


async def as_owner(settings: Settings, statement: str) -> None:
    connection = await asyncpg.connect(driver_urls(settings.database_owner_url or "")[0])
    await connection.execute(f'SET search_path = "{settings.database_schema}", extensions')
    await connection.execute(statement)
    await connection.close()


async def told(client: httpx.AsyncClient) -> tuple[list[str], list[str]]:
    """Why it is not ready, and what is degraded."""
    answer = await client.get("/readyz")
    body = answer.json()
    assert answer.status_code == (503 if body["reasons"] else 200)
    assert body["ready"] == (not body["reasons"])
    return list(body["reasons"]), list(body["degraded"])


READY: tuple[list[str], list[str]] = ([], [])


async def test_without_a_worker_it_still_serves_and_says_so(client: httpx.AsyncClient, database: Database) -> None:
    assert await told(client) == ([], ["worker"])
    await beat(database)
    assert await told(client) == READY


async def test_a_worker_that_fell_silent(client: httpx.AsyncClient, database: Database, settings: Settings) -> None:
    await beat(database)
    await as_owner(settings, "UPDATE heartbeat SET beaten_at = now() - interval '31 seconds'")
    assert await told(client) == ([], ["worker"])
    found = {one.name: one async for one in examined(database, settings)}
    assert (found["worker"].ok, found["primary"].ok) == (False, True)


async def test_a_set_clock_does_not_make_a_worker_look_dead(client: httpx.AsyncClient, database: Database) -> None:
    await beat(database)
    clock.set_ahead(clock.timedelta(days=40))
    assert await told(client) == READY


async def test_too_few_months_ahead(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    await beat(database)
    assert "\nshop_months_ahead 24.0" in (await operator.get("/metrics")).text
    months = [clock.add_months(clock.month_of(clock.today()), n) for n in range(3, 25)]
    await as_owner(settings, "DROP TABLE " + ", ".join(f"credit_entry_{month}" for month in months))
    assert await told(client) == ([], ["partitions"])
    assert "\nshop_months_ahead 2.0" in (await operator.get("/metrics")).text
    found = {one.name: one async for one in examined(database, settings)}
    assert (found["months"].ok, found["months"].said) == (False, "only 2 ahead: is a worker running?")
    assert await keep_ahead(database, now=clock.now()) == 22, "the worker's job mends it"
    assert await told(client) == READY
    found = {one.name: one async for one in examined(database, settings)}
    assert (found["months"].ok, found["months"].said) == (True, "24 ahead")


async def test_an_older_schema_waits_and_a_newer_one_serves(
    client: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    """The previous release goes on while its successor has migrated already."""
    await beat(database)
    await as_owner(settings, "UPDATE alembic_version SET version_num = '20250101_0001'")
    assert await told(client) == (["migrations"], [])
    await as_owner(settings, "UPDATE alembic_version SET version_num = '20990101_0001'")
    assert await told(client) == READY


async def test_no_schema_at_all(client: httpx.AsyncClient, settings: Settings) -> None:
    await as_owner(settings, "DROP TABLE alembic_version")
    assert await told(client) == (["migrations"], [])


async def test_no_database(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, app: FastAPI, postgres: Path, database_name: str
) -> None:
    embedded.drop_database(postgres, database_name)
    assert await told(client) == (["database"], [])
    assert "\nshop_months_ahead NaN" in (await operator.get("/metrics")).text
    assert (await client.get("/healthz")).json() == {"status": "alive"}


async def test_a_lost_replica_takes_nobody_along(settings: Settings, database: Database) -> None:
    """Read is from the primary then, and from the replica again once it is back."""
    await beat(database)
    nowhere = (settings.database_url or "").replace(make_url(settings.database_url or "").database or "", "nowhere")
    there = await Database.open(settings.database_url or "", replica_url=nowhere, schema=settings.database_schema)
    app = create_app(settings, there)
    reached = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")
    async with app.router.lifespan_context(app), reached as client:
        async with asyncio.timeout(10):
            while (await told(client)) != ([], ["replica"]):  # noqa: ASYNC110  # it is looked at from time to time
                await asyncio.sleep(0.05)  # it is looked at from time to time
        assert (await client.get("/api/v1/products")).status_code == 200
        found = {one.name: one async for one in examined(there, settings)}
        assert (found["replica"].ok, found["primary"].ok) == (False, True)
    await there.close()


async def test_a_primary_that_is_gone_is_not_hidden_by_a_replica(settings: Settings, database: Database) -> None:
    await beat(database)
    nowhere = (settings.database_url or "").replace(make_url(settings.database_url or "").database or "", "nowhere")
    there = await Database.open(nowhere, replica_url=settings.database_url, schema=settings.database_schema)
    assert (await readiness(there)).reasons == ["database"]
    found = {one.name: one async for one in examined(there, settings)}
    assert (found["primary"].ok, found["replica"].ok) == (False, True)
    await there.close()


async def test_the_owner_is_not_the_application(settings: Settings, database: Database) -> None:
    owner = await Database.open(settings.database_owner_url or "", schema=settings.database_schema)
    found = {one.name: one async for one in examined(owner, settings)}
    assert not found["role"].ok
    await owner.close()


async def test_strangers_find_no_metrics(client: httpx.AsyncClient) -> None:
    for headers in ({}, {"accept": "text/html"}, {"authorization": "Bearer x"}):
        answer = await client.get("/metrics", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_metrics_name_templates_only(client: httpx.AsyncClient, operator: httpx.AsyncClient) -> None:
    await client.get("/api/v1/counties/999999")
    await client.get("/no/such/13800138000")
    metrics = (await operator.get("/metrics")).text
    assert 'route="/api/v1/counties/{code}",status="404"' in metrics
    assert "13800138000" not in metrics
    assert "/999999" not in metrics
