"""The database: two roles, a read side that cannot write, and one visible transaction at the edge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self

from sqlalchemy import BigInteger, CheckConstraint, DateTime, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import SQLModel

from shop.core.errors import Problem
from shop.core.postgres.connection import POOL_SECONDS, WORK_SECONDS, Options, opened
from shop.core.postgres.hot import HotPool, answered
from shop.core.settings import Settings

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Fen = BigInteger
Grams = BigInteger
Moment = DateTime(timezone=True)
BY_INDEX = {"enable_seqscan": "off"}
"""Who writes a few rows never wants a whole table read. A plan made while a table was empty would do just that, also
for foreign keys, until the table is analysed again."""
HOT = BY_INDEX | {"enable_hashjoin": "off", "enable_mergejoin": "off", "plan_cache_mode": "force_generic_plan"}
"""Hot statements touch a handful of rows, each through its index, and are the same each time: planning one anew costs
more than running it, and guessing a hundred rows where there are three would read whole indexes."""
USUAL = {"enable_seqscan": "on", "enable_hashjoin": "on", "enable_mergejoin": "on", "plan_cache_mode": "auto"}
"""Behind a pooler, strangers may have left something else."""
HOT_AT_ONCE: Final = 4
"""More connections than this do not serve a web process quicker; they only queue for the same hot row."""
STATEMENTS: Final = 1500
"""Kept compiled by a process and prepared by a connection: more than the whole shop has, which are some 1,200. Of the
toolkit's usual hundred a day's mixed calls would drive out each other's, and parse and plan them anew."""
WEB_POOL: Final = 3
WORKER_POOL: Final = 7
"""Connections of one process, where nobody said (DATABASE_POOL): twenty web processes and four workers leave nine of
PostgreSQL's usual hundred for `shop migrate`, `shop doctor` and people, besides the superuser's three."""
APPEND_ONLY = {"append_only": True}
"""`info` of a table on which the application's role has neither UPDATE nor DELETE. A table of which only some columns
may change says its `rights` in full."""


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A code is text that the database checks: readable in every tool, and a new value is one migration."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class ReadSession(AsyncSession):
    """Reads. On its connections the database itself refuses to write; each statement sees what is committed now."""


class WriteSession(ReadSession):
    """One transaction: it may write, and it may read what it wrote."""


@dataclass(slots=True)
class Replica:
    """well: whether it answered lately (`shop.core.postgres.replica`); until somebody looked, nobody knows."""

    engine: AsyncEngine
    well: bool = False


@dataclass(frozen=True, slots=True)
class Database:
    """Engines for the three ways to talk to PostgreSQL. With a replica, what only reads asks it while it is well.

    `writer` and `reader` share connections: what only reads may not write on them, what writes says so as it begins.
    `hot` has the driver's own connections, for the few statements where a third of the time would go into the toolkit.
    """

    writer: AsyncEngine
    reader: AsyncEngine
    hot: HotPool
    long_reads: asyncio.Semaphore
    """Held by whoever keeps a connection for long (a report, an export, an import), and taken before `second`: one is
    always left to everybody else."""
    replica: Replica | None = None
    kept: dict[type[Any], Any] = field(default_factory=dict)
    """What this process remembers of this database for a moment, by its own type (checkout's RecentGoods)."""
    second: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever will ask for a second connection before giving back the first, from before the first until it has
    both: two who each held one would wait for each other where there are no more."""

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        replica_url: str | None = None,
        schema: str = "public",
        size: int = 16,
        hot_size: int = HOT_AT_ONCE,
        patience: float = WORK_SECONDS,
        wait: float = POOL_SECONDS,
    ) -> Self:
        """At most `size` + `hot_size` connections to a server, opened when first needed; two nobody can do without.

        patience: seconds that one statement may take before its server is taken for gone; wait: for a connection.
        """
        path = {"search_path": f'"{schema}", extensions', "timezone": "'UTC'", "jit": "off"}
        may_write = {"transaction_read_only": "off"}
        reads = path | USUAL | {"default_transaction_read_only": "on"}
        writer = _engine(url, size, Options(reads, writing=BY_INDEX | may_write), patience, wait)
        # A copy refuses whoever says that he may write, also the toolkit's own first question.
        replica = replica_url and Replica(_only_reads(_engine(replica_url, size, Options(reads), patience, wait)))
        hot = HotPool(url, size=hot_size, options=Options(path | HOT, writing=may_write), patience=patience)
        return cls(writer, _only_reads(writer), hot, asyncio.Semaphore(max(1, size - 1)), replica or None)

    async def close(self) -> None:
        await self.hot.close()
        for engine in (self.writer, *([self.replica.engine] if self.replica else [])):
            await engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """Committed when the block ends, before any answer leaves; rolled back by any error."""
        async with WriteSession(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        async with ReadSession(self._to_read(), expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ReadSession]:
        """Several reads that must see the same moment: a report and its totals."""
        engine = self._to_read().execution_options(isolation_level="REPEATABLE READ")
        async with ReadSession(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _to_read(self) -> AsyncEngine:
        """The replica while it answers, else the primary."""
        return self.replica.engine if self.replica and self.replica.well else self.reader


def _only_reads(engine: AsyncEngine) -> AsyncEngine:
    """The same connections."""
    return engine.execution_options(postgresql_readonly=True)


def _engine(url: str, size: int, options: Options, patience: float, wait: float) -> AsyncEngine:
    """Its connections were looked at (`shop.core.postgres.connection`), and are left when their server is silent."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait,
        hide_parameters=True,
        query_cache_size=STATEMENTS,
        connect_args={"prepared_statement_cache_size": STATEMENTS},
        async_creator=partial(opened, url, options, patience=patience),
    )
    event.listen(engine.sync_engine, "handle_error", _throw_away)
    event.listen(engine.sync_engine, "connect", forget_no_statement)
    return engine


def _throw_away(context: ExceptionContext) -> None:
    """A connection on which anything but PostgreSQL's own answer was raised (a value that the driver cannot encode, a
    time-out) is in nobody knows what state: nobody gets it again.
    """
    original = context.original_exception
    cancelled = not isinstance(original, Exception)  # the toolkit does it by itself
    if isinstance(original, TimeoutError):
        # The server is silent: the pool's others go, too. Each is given two seconds to part when it would be used next.
        context.is_disconnect = context.invalidate_pool_on_disconnect = True
    elif not cancelled and not answered(original.__cause__ or original) and context.connection is not None:
        context.connection.invalidate(original)


def forget_no_statement(adapted: Any, _: object) -> None:
    """Of a new connection: statements without a name cannot be kept; the next one takes the place of the last."""
    if not adapted.driver_connection.own:
        adapted._prepared_statement_cache = None  # noqa: SLF001  # no public way, once it is open


async def open_database(
    settings: Settings,
    *,
    patience: float = WORK_SECONDS,
    wait: float = POOL_SECONDS,
    most: int = WEB_POOL,
    hot: int = HOT_AT_ONCE,
) -> Database:
    """Open what the settings name; with no DATABASE_URL, start the embedded PostgreSQL first.

    most: connections, where DATABASE_POOL says nothing; hot: of them for hot statements, a third at the most.
    """
    url = settings.database_url or embedded_url(settings, owner=False)
    replica, schema = settings.database_replica_url, settings.database_schema
    most = settings.database_pool or most
    hot = min(hot, most // 3)
    return await Database.open(
        url, replica_url=replica, schema=schema, size=most - hot, hot_size=hot, patience=patience, wait=wait
    )


def embedded_url(settings: Settings, *, owner: bool) -> str:
    from shop.core.postgres import embedded  # noqa: PLC0415

    socket = embedded.ensure_persistent(settings.data_folder / "postgres")
    embedded.prepare(socket, "bangfu")
    return embedded.url(socket, "bangfu", embedded.OWNER_ROLE if owner else embedded.APP_ROLE)


class OwnerUnknown(Problem):
    """Only commands that change the schema need the owner; web and worker never hold the password."""

    status = 500
    code = "owner_unknown"
    title = "缺少 DATABASE_OWNER_URL"


def owner_url(settings: Settings) -> str:
    """Where migrations run. Raises OwnerUnknown in production when nobody said."""
    if settings.database_owner_url:
        return settings.database_owner_url
    if settings.production:
        raise OwnerUnknown("请在运行这条命令时设置 DATABASE_OWNER_URL（迁移用的数据库角色）。")
    return settings.database_url or embedded_url(settings, owner=True)
