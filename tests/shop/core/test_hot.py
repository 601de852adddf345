"""Connections for hot statements: never more than asked for, never one in an unknown state."""

import asyncio

import asyncpg
import pytest

from shop.core.database import Database
from shop.core.postgres.connection import Options
from shop.core.postgres.hot import HotPool, PoolClosed


@pytest.fixture
def pool(database_url: str) -> HotPool:
    return HotPool(database_url, size=2, options=Options({"application_name": "hot"}))


async def backend(pool: HotPool) -> int:
    found: int = await pool.fetchval("SELECT pg_backend_pid()")
    return found


@pytest.mark.anyio
async def test_the_same_connection_serves_one_after_another_and_two_serve_many(pool: HotPool) -> None:
    assert {await backend(pool) for _ in range(5)} == {await backend(pool)}
    backends = await asyncio.gather(*(pool.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.01)") for _ in range(9)))
    assert len(set(backends)) == 2
    await pool.close()


@pytest.mark.anyio
async def test_an_error_of_the_statement_costs_no_connection(pool: HotPool) -> None:
    before = await backend(pool)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await pool.fetchrow("SELECT 1 / 0")
    assert await backend(pool) == before
    await pool.close()


@pytest.mark.anyio
async def test_what_was_interrupted_is_not_used_again(pool: HotPool) -> None:
    before = await backend(pool)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pool.fetchval("SELECT pg_sleep(5)")
    with pytest.raises(KeyError):
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            raise KeyError
    assert await backend(pool) != before
    await pool.close()


@pytest.mark.anyio
async def test_a_connection_that_the_server_ended_is_replaced(pool: HotPool, database: Database) -> None:
    before = await backend(pool)
    await database.hot.fetchval("SELECT pg_terminate_backend($1)", before)
    await asyncio.sleep(0.05)
    assert await backend(pool) != before
    await pool.close()


@pytest.mark.anyio
async def test_a_place_is_given_back_when_nobody_answers() -> None:
    nowhere = HotPool("postgresql://nobody@127.0.0.1:1/nothing", size=1, options=Options({}))
    for _ in range(2):
        with pytest.raises(OSError):
            await nowhere.fetchval("SELECT 1")


@pytest.mark.anyio
async def test_a_closed_pool_says_so_instead_of_waiting(database: Database) -> None:
    await database.hot.fetchval("SELECT 1")
    await database.hot.close()
    with pytest.raises(PoolClosed):
        await database.hot.fetchval("SELECT 1")
