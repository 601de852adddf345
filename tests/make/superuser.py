"""Somebody with SQL and every right, doing what no verb of the shop would do."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine


async def planted(owner_url: str, schema: str, statement: str, **values: Any) -> int:
    """How many rows it changed."""
    engine = create_async_engine(
        owner_url, connect_args={"server_settings": {"search_path": f'"{schema}", extensions'}}
    )
    async with engine.begin() as connection:
        done = await connection.execute(text(statement), values)
    await engine.dispose()
    return int(done.rowcount)
