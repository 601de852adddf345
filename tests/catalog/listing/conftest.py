"""The shop as strangers meet it: straight, or through the cache."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from shop.app.main import create_app, windowed
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings


@pytest.fixture
def app(database: Database, keys: Keys) -> FastAPI:
    made = create_app(Settings(_env_file=None), database)
    made.state.keys = keys
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Straight to the application: what is read is what is in the database now."""
    async with AsyncClient(transport=ASGITransport(app), base_url="http://shop.test") as opened:
        yield opened


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Through all that a server runs."""
    async with AsyncClient(transport=ASGITransport(windowed(app)), base_url="http://shop.test") as opened:
        yield opened
