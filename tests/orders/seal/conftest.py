"""Somebody with all rights and SQL: what no privilege can stop must be found."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shop.core.postgres import embedded


@pytest.fixture
async def as_superuser(postgres: Path, database_name: str, schema: str):  # noqa: ANN201
    engine = create_async_engine(
        embedded.url(postgres, database_name, embedded.OWNER_ROLE),
        connect_args={"server_settings": {"search_path": f'"{schema}", extensions'}},
    )

    async def run(statement: str, **values: object) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(statement), values)

    yield run
    await engine.dispose()
