"""The pools: what happens to a connection after an error."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shop.core.database import Database


@pytest.mark.anyio
async def test_a_connection_on_which_the_driver_failed_is_never_used_again(database: Database) -> None:
    async def backend() -> int:
        async with database.reading() as session:
            return int(await session.scalar(text("SELECT pg_backend_pid()")) or 0)

    first = await backend()
    assert await backend() == first
    with pytest.raises(DBAPIError):  # PostgreSQL's own refusal leaves it as it was
        async with database.reading() as session:
            await session.execute(text("SELECT 1 / 0"))
    assert await backend() == first
    with pytest.raises(DBAPIError):
        async with database.reading() as session:
            await session.execute(text("SELECT CAST(:n AS int)"), {"n": 2**70})
    assert await backend() != first
