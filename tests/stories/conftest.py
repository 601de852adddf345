"""The demo's shop in process: its people, its 80 products, and the worker's jobs called by hand."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from shop.core import embedded
from shop.core.database import Database
from shop.demo.seed import seed
from tests.make.story import Story


@pytest.fixture(scope="session")
def demo_template(postgres: Path, empty_template: str, schema: str) -> str:
    """Seeded once a session as `shop seed --demo` does."""
    name = "template_demo"
    embedded.clone_database(postgres, empty_template, name)

    async def fill() -> None:
        database = await Database.open(embedded.url(postgres, name, embedded.APP_ROLE), schema=schema)
        try:
            await seed(database, demo=True)
        finally:
            await database.close()

    asyncio.run(fill())
    return name


@pytest.fixture
def database_name(postgres: Path, demo_template: str) -> Iterator[str]:
    """A demo database of this test's own."""
    name = f"test_{uuid4().hex}"
    embedded.clone_database(postgres, demo_template, name)
    yield name
    embedded.drop_database(postgres, name)


@pytest.fixture
async def story(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Story:
    return Story(client, app, database)
