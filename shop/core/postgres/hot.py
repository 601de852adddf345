"""The driver's own connections for hot statements: the one used last is used next, nothing is done in between.

asyncpg's pool makes a task and a proxy of every use; around a small statement that costs as much as the statement.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from types import TracebackType
from typing import Any, Final

import asyncpg

from shop.core.errors import Problem
from shop.core.postgres.connection import POOL_SECONDS, WORK_SECONDS, Options, ShopConnection, opened

IDLE_MOST_S: Final = 300.0
"""One that nobody used for longer may have been dropped by a firewall without a word."""


def answered(error: BaseException) -> bool:
    """Whether PostgreSQL itself said so: what the driver raises, of a value that it cannot encode, has no severity."""
    return isinstance(error, asyncpg.PostgresError) and getattr(error, "severity", None) is not None


class PoolClosed(RuntimeError):
    """The application has stopped: nothing is asked of the database any more."""


class HotPool:
    """At most `size` connections, opened when first needed. Whoever comes when all are in use waits."""

    def __init__(self, url: str, *, size: int, options: Options, patience: float = WORK_SECONDS) -> None:
        self.url = url
        self.patience = patience
        self.options = options
        self.idle: list[tuple[ShopConnection, float]] = []
        self.free = asyncio.Semaphore(size)
        self.closed = False

    def acquire(self) -> Held:
        """`async with pool.acquire() as connection`."""
        return Held(self)

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        async with Held(self) as connection:
            return await connection.fetch(statement, *values)

    async def fetchrow(self, statement: str, *values: Any) -> asyncpg.Record | None:
        async with Held(self) as connection:
            return await connection.fetchrow(statement, *values)

    async def fetchval(self, statement: str, *values: Any) -> Any:
        async with Held(self) as connection:
            return await connection.fetchval(statement, *values)

    def forget_idle(self) -> None:
        """The server fell silent: none of them is better than the one that waited."""
        while self.idle:
            self.idle.pop()[0].terminate()

    async def close(self) -> None:
        """Those in use are closed by whoever uses them; whoever comes later gets PoolClosed."""
        self.closed = True
        while self.idle:
            await self.idle.pop()[0].close()


class Held:
    """One use of a connection."""

    __slots__ = ("connection", "pool")

    connection: ShopConnection

    def __init__(self, pool: HotPool) -> None:
        self.pool = pool

    async def __aenter__(self) -> ShopConnection:
        pool = self.pool
        async with asyncio.timeout(POOL_SECONDS):
            await pool.free.acquire()
        if pool.closed:
            pool.free.release()
            raise PoolClosed
        while pool.idle:
            found, since = pool.idle.pop()
            if found.is_closed():
                continue
            if monotonic() - since < IDLE_MOST_S:
                self.connection = found
                return found
            found.terminate()
        try:
            self.connection = await opened(pool.url, pool.options, patience=pool.patience)
        except BaseException:
            pool.free.release()
            raise
        return self.connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held, pool = self.connection, self.pool
        # What ended otherwise than by PostgreSQL's answer or by our own refusal, or left a transaction open, is in
        # nobody knows what state.
        if isinstance(error, TimeoutError):
            pool.forget_idle()
        unsure = error is not None and not isinstance(error, Problem) and not answered(error)
        if unsure or pool.closed or held.is_closed() or held.is_in_transaction():
            held.terminate()
        else:
            pool.idle.append((held, monotonic()))
        pool.free.release()
