"""The rooms of this slice behind a real door: routes, errors as problems, the cache in front."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from httpx import ASGITransport, AsyncClient

from catalog.listing import api
from catalog.listing.cache import ListingCache
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.settings import Settings


async def problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return JSONResponse(error.as_json(), error.status, media_type="application/problem+json")


@pytest.fixture
def app(database: Database) -> FastAPI:
    made = FastAPI(exception_handlers={Problem: problem})
    made.state.database = database
    made.state.settings = Settings(_env_file=None)
    made.include_router(api.routes)
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Straight to the application: what is read is what is in the database now."""
    async with AsyncClient(transport=ASGITransport(app), base_url="http://shop.test") as opened:
        yield opened


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """Through the cache."""
    async with AsyncClient(transport=ASGITransport(ListingCache(app)), base_url="http://shop.test") as opened:
        yield opened
