"""Where the sandbox keeps its objects: in memory for a test, in PostgreSQL where several processes share it."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import asyncpg

Body = dict[str, Any]
Connect = Callable[[], AbstractAsyncContextManager["asyncpg.Connection | asyncpg.pool.PoolConnectionProxy"]]


class StoreUnavailable(Exception):  # it says what happened
    """The objects could not be read or written; nothing of the turn was kept."""


class Objects(Protocol):
    """JSON objects by id. Ids of one kind sort by time."""

    async def get(self, object_id: str) -> Body | None: ...

    async def put(self, object_id: str, kind: str, body: Body) -> None: ...

    async def newest(self, kind: str, *, before: str | None, limit: int) -> list[Body]: ...


class Store(Protocol):
    def turn(self, *keys: str) -> AbstractAsyncContextManager[Objects]:
        """All or nothing, and alone: no other turn that names one of the keys runs meanwhile, in any process.

        Raises StoreUnavailable.
        """


class MemoryStore:
    """For tests of one process. It takes turns one after another, whatever their keys."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, Body]] = {}
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, *keys: str) -> AsyncIterator[Objects]:  # noqa: ARG002  # one lock serves every key
        async with self._one_at_a_time:
            draft = _MemoryObjects(dict(self._rows))
            yield draft
            self._rows = draft.rows


class _MemoryObjects:
    def __init__(self, rows: dict[str, tuple[str, Body]]) -> None:
        self.rows = rows

    async def get(self, object_id: str) -> Body | None:
        return copy.deepcopy(self.rows[object_id][1]) if object_id in self.rows else None

    async def put(self, object_id: str, kind: str, body: Body) -> None:
        self.rows[object_id] = (kind, copy.deepcopy(body))

    async def newest(self, kind: str, *, before: str | None, limit: int) -> list[Body]:
        ids = (i for i, (of_kind, _) in self.rows.items() if of_kind == kind and (before is None or i < before))
        return [copy.deepcopy(self.rows[i][1]) for i in sorted(ids, reverse=True)[:limit]]


class PostgresStore:
    """For development and for tests that kill processes: web and worker see one sandbox, and a crash loses nothing.

    connect: gives an asyncpg connection for a while, such as `pool.acquire`; a pool of its own, of about four, keeps
    turns that wait for each other from starving the shop. `sandbox_object` is looked for on the search path.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    @asynccontextmanager
    async def turn(self, *keys: str) -> AsyncIterator[Objects]:
        try:
            async with self._connect() as connection, connection.transaction():
                for key in sorted(keys):  # in one order everywhere, so that turns queue instead of deadlock
                    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('sandbox ' || $1, 0))", key)
                yield _PostgresObjects(connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreUnavailable from error


class _PostgresObjects:
    """Bodies travel as text: whatever JSON codec the connection has stays out of it."""

    def __init__(self, connection: "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy") -> None:
        self._connection = connection

    async def get(self, object_id: str) -> Body | None:
        body = await self._connection.fetchval("SELECT body::text FROM sandbox_object WHERE id = $1", object_id)
        return None if body is None else _read(body)

    async def put(self, object_id: str, kind: str, body: Body) -> None:
        await self._connection.execute(
            "INSERT INTO sandbox_object (id, kind, body) VALUES ($1, $2, $3::text::jsonb)"
            " ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body",
            object_id,
            kind,
            json.dumps(body, ensure_ascii=False),
        )

    async def newest(self, kind: str, *, before: str | None, limit: int) -> list[Body]:
        rows = await self._connection.fetch(
            'SELECT body::text FROM sandbox_object WHERE kind = $1 AND ($2::text IS NULL OR id COLLATE "C" < $2)'
            ' ORDER BY id COLLATE "C" DESC LIMIT $3',
            kind,
            before,
            limit,
        )
        return [_read(row[0]) for row in rows]


def _read(text: str) -> Body:
    body: Body = json.loads(text)
    return body
