"""The demo's shop, its goods on the shelf, and who may say what about them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.review import Goods, goods


@pytest.fixture
def template(shop_template: str) -> str:
    return shop_template


@pytest.fixture
async def shelf(app: FastAPI, client: httpx.AsyncClient, database: Database) -> AsyncIterator[Goods]:
    made = await goods(app, database, client)
    async with made.window:
        yield made
