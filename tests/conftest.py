"""Every test that needs a database gets its own: a clone of a template that the migrations built."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

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
from tests.make.used_again import Cellar

PUBLIC_URL = "http://shop.test"


LONG = (
    "test_openapi_fuzz", "test_extreme_bodies", "test_ledger_histories", "test_second_company", "test_sigkill",
    "test_demo", "test_strangers", "test_database_gone", "test_caps_agree", "test_extremes",
)  # fmt: skip
"""Files that begin first: each is one process's, and what is left at the end shall be short."""

# What is imported stays: looking through it for garbage every few requests takes a seventh of the time.
gc.set_threshold(100_000, 20, 100)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """After they were shuffled, a file at a time."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """A throwaway server; the socket's folder. One a worker process."""
    with embedded.throwaway() as socket:
        yield socket


@pytest.fixture(scope="session")
def cellar(postgres: Path, schema: str) -> Iterator[Cellar]:
    with asyncio.Runner() as runner:
        made = Cellar(postgres, schema, runner)
        yield made
        made.close()


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
def own_database() -> bool:
    """Tests of databases and connections override it: theirs is a fresh copy on connections that nobody had before."""
    return False


@pytest.fixture
def database_name(cellar: Cellar, template: str, own_database: bool) -> Iterator[str]:
    """A database as the template is, of this test's own for as long as it runs."""
    if own_database:
        name = cellar.copy_of(template)
        yield name
        cellar.drop(name)
    else:
        yield cellar.take(template).name
        cellar.give_back(template)


@pytest.fixture
def database_url(postgres: Path, database_name: str) -> str:
    return embedded.url(postgres, database_name, embedded.APP_ROLE)


@pytest.fixture(scope="session")
async def one_loop(cellar: Cellar) -> AsyncIterator[None]:
    """Connections stay from one test to the next, and belong to a loop."""
    yield
    await cellar.close_all()


@pytest.fixture
async def database(
    one_loop: None, cellar: Cellar, template: str, own_database: bool, database_url: str, schema: str
) -> AsyncIterator[Database]:
    await cellar.close_left()
    if own_database:
        opened = await Database.open(database_url, schema=schema)
        yield opened
        await opened.close()
    else:
        yield await cellar.again[template].opened(database_url, schema)


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
