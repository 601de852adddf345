"""Every test that needs a database gets its own: a clone of a template that the migrations built."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from shop.app.demo.seed import seed
from shop.app.home.operator import operators_app
from shop.app.main import create_app
from shop.app.migrate import migrate
from shop.core import clock, logging
from shop.core.database import Database
from shop.core.keys import Keys, keys_of
from shop.core.postgres import embedded
from shop.core.settings import DEVELOPMENT_SECRET, Settings

PUBLIC_URL = "http://shop.test"


# What is imported stays: looking through it for garbage every few requests takes a seventh of the time.
gc.set_threshold(100_000, 20, 100)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """A throwaway server; the socket's folder. One a worker process."""
    with embedded.throwaway() as socket:
        yield socket


@pytest.fixture(scope="session")
def as_superuser_at_once(postgres: Path) -> Iterator[Callable[[str], object]]:
    """Runs one statement on a connection that stays: to start psql for it takes as long as a copy of the template."""
    url = embedded.url(postgres, "postgres", embedded.SUPERUSER).replace("+asyncpg", "")
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        yield lambda statement: runner.run(connection.execute(statement))
        runner.run(connection.close())


@pytest.fixture(scope="session")
def schema() -> str:
    """Set TEST_SCHEMA to run the suite in another schema than the default one."""
    return os.environ.get("TEST_SCHEMA", "public")


@pytest.fixture(scope="session")
def empty_template(postgres: Path, schema: str) -> str:
    """Migrated, nothing in it."""
    embedded.prepare(postgres, "template_empty")
    owner = embedded.url(postgres, "template_empty", embedded.OWNER_ROLE)
    asyncio.run(migrate(owner, schema=schema, app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET]))
    return "template_empty"


@pytest.fixture(scope="session")
def shop_template(postgres: Path, empty_template: str, schema: str) -> str:
    """With the demo's people and goods, ready for sale: what a story starts from."""
    embedded.clone_database(postgres, empty_template, "template_shop")
    asyncio.run(seed_template(embedded.url(postgres, "template_shop", embedded.APP_ROLE), schema))
    return "template_shop"


async def seed_template(url: str, schema: str) -> None:
    opened = await Database.open(url, schema=schema)
    await seed(opened, demo=True)
    await opened.close()


@pytest.fixture
def template(empty_template: str) -> str:
    """What a test's database is a copy of; stories override it with `shop_template`."""
    return empty_template


@pytest.fixture
def database_name(as_superuser_at_once: Callable[[str], object], template: str) -> Iterator[str]:
    """A database of this test's own."""
    name = f"test_{uuid4().hex}"
    copy = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY OWNER {embedded.OWNER_ROLE}"
    as_superuser_at_once(copy)
    yield name
    as_superuser_at_once(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def database_url(postgres: Path, database_name: str) -> str:
    return embedded.url(postgres, database_name, embedded.APP_ROLE)


@pytest.fixture
async def database(database_url: str, schema: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url, schema=schema)
    yield opened
    await opened.close()


@pytest.fixture
def settings(postgres: Path, database_name: str, schema: str) -> Settings:
    """Of a development shop on this test's database; nothing of the machine's environment."""
    return Settings(
        _env_file=None,
        shop_env="development",
        database_url=embedded.url(postgres, database_name, embedded.APP_ROLE),
        database_owner_url=embedded.url(postgres, database_name, embedded.OWNER_ROLE),
        database_schema=schema,
        public_url=PUBLIC_URL,
        files_url="memory:",
    )


@pytest.fixture
async def keys(database: Database, settings: Settings) -> Keys:
    """What the shop of this test signs with."""
    return await keys_of(database, settings)


@pytest.fixture
async def app(settings: Settings, database: Database) -> AsyncIterator[FastAPI]:
    """The application, started, with the sandbox for payments (`app.state.sandbox`)."""
    made = create_app(settings, database)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a token, in process, who calls from outside."""
    door = httpx.ASGITransport(app, client=("192.0.2.200", 12345))
    async with httpx.AsyncClient(transport=door, base_url=PUBLIC_URL) as caller:
        yield caller


@pytest.fixture
async def operator(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Whoever reaches the operator's port of the same application."""
    door = httpx.ASGITransport(operators_app(app.state))
    async with httpx.AsyncClient(transport=door, base_url=PUBLIC_URL) as caller:
        yield caller


@pytest.fixture(scope="session", autouse=True)
def readable_logs() -> None:
    """As a development shop writes them: the library's own default draws a page for each error."""
    logging.configure(production=False)


@pytest.fixture(autouse=True)
def released_clock() -> Iterator[None]:
    yield
    clock.set_ahead(clock.timedelta(0))
