"""Ready means: the database answers, at this code's revision, a worker is alive, and months are prepared."""

from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from orders.credit.ahead import keep_ahead
from shop.commands.doctor import examined
from shop.core import clock, embedded
from shop.core.database import Database, driver_url
from shop.core.settings import Settings
from shop.worker import beat

pytestmark = pytest.mark.anyio


async def as_owner(settings: Settings, statement: str) -> None:
    connection = await asyncpg.connect(driver_url(settings.database_owner_url or ""))
    await connection.execute(f'SET search_path = "{settings.database_schema}", extensions')
    await connection.execute(statement)
    await connection.close()


async def reasons(client: httpx.AsyncClient) -> list[str]:
    answer = await client.get("/readyz")
    body = answer.json()
    assert answer.status_code == (503 if body["reasons"] else 200)
    assert body["ready"] == (not body["reasons"])
    return list(body["reasons"])


async def test_ready_once_a_worker_is_alive(client: httpx.AsyncClient, database: Database) -> None:
    assert await reasons(client) == ["worker"]
    await beat(database)
    assert await reasons(client) == []


async def test_a_worker_that_fell_silent(client: httpx.AsyncClient, database: Database, settings: Settings) -> None:
    await beat(database)
    await as_owner(settings, "UPDATE heartbeat SET beaten_at = now() - interval '31 seconds'")
    assert await reasons(client) == ["worker"]


async def test_a_set_clock_does_not_make_a_worker_look_dead(client: httpx.AsyncClient, database: Database) -> None:
    await beat(database)
    clock.set_ahead(clock.timedelta(days=40))
    assert await reasons(client) == []


async def test_too_few_months_ahead(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    await beat(database)
    assert "\nshop_months_ahead 24.0" in (await operator.get("/metrics")).text
    months = [clock.add_months(clock.month_of(clock.today()), n) for n in range(3, 25)]
    await as_owner(settings, "DROP TABLE " + ", ".join(f"credit_entry_{month}" for month in months))
    assert await reasons(client) == ["partitions"]
    assert "\nshop_months_ahead 2.0" in (await operator.get("/metrics")).text
    found = {one.name: one async for one in examined(database, settings)}
    assert (found["months"].ok, found["months"].said) == (False, "only 2 ahead: is a worker running?")
    assert await keep_ahead(database, now=clock.now()) == 22, "the worker's job mends it"
    assert await reasons(client) == []
    found = {one.name: one async for one in examined(database, settings)}
    assert (found["months"].ok, found["months"].said) == (True, "24 ahead")


async def test_another_revision(client: httpx.AsyncClient, database: Database, settings: Settings) -> None:
    await beat(database)
    await as_owner(settings, "UPDATE alembic_version SET version_num = '20250101_0001'")
    assert await reasons(client) == ["migrations"]


async def test_no_schema_at_all(client: httpx.AsyncClient, settings: Settings) -> None:
    await as_owner(settings, "DROP TABLE alembic_version")
    assert await reasons(client) == ["migrations"]


async def test_no_database(
    client: httpx.AsyncClient, operator: httpx.AsyncClient, app: FastAPI, postgres: Path, database_name: str
) -> None:
    embedded.drop_database(postgres, database_name)
    assert await reasons(client) == ["database"]
    assert "\nshop_months_ahead NaN" in (await operator.get("/metrics")).text
    assert (await client.get("/healthz")).json() == {"status": "alive"}


async def test_strangers_find_no_metrics(client: httpx.AsyncClient) -> None:
    for headers in ({}, {"accept": "text/html"}, {"authorization": "Bearer x"}):
        answer = await client.get("/metrics", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_metrics_name_templates_only(client: httpx.AsyncClient, operator: httpx.AsyncClient) -> None:
    await client.get("/api/v1/counties/999999")
    await client.get("/no/such/13800138000")
    told = (await operator.get("/metrics")).text
    assert 'route="/api/v1/counties/{code}",status="404"' in told
    assert "13800138000" not in told
    assert "/999999" not in told
