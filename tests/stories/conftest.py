"""The demo's shop in process: its people, its 80 products, and the worker's jobs called by hand."""

import httpx
import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.story import Story


@pytest.fixture
def template(shop_template: str) -> str:
    """Each test has a demo database of its own."""
    return shop_template


@pytest.fixture
async def story(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Story:
    return Story(client, app, database)
