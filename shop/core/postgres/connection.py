"""How a connection is opened: what holds on it, what is asked of it, and how long its server may be silent.

A server that was cut off, or stopped without closing, never answers and never says so. Who asks as long as this leaves,
and its other connections with him: whoever asks next reaches the server that has taken over.

A pooler (PgBouncer in transaction mode) gives each transaction another of its server's processes: what is said to one
holds for strangers afterwards, and not for us. So it is asked who answers, and only a process of our own is told things
to keep. Everybody else says everything at the beginning of each transaction, and names no statement.
"""

import asyncio
import socket
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import asyncpg

from shop.core.commit_number import refuse_another_cluster
from shop.core.errors import Problem
from shop.core.postgres.database_url import driver_urls

if TYPE_CHECKING:
    Driver = asyncpg.Connection[asyncpg.Record]
else:
    Driver = asyncpg.Connection

CONNECT_SECONDS: Final = 5.0
NEXT_HOST_SECONDS: Final = 1.0
WEB_SECONDS: Final = 20.0
"""No statement of a page or a call takes longer; somebody waits for it."""
WORK_SECONDS: Final = 600.0
"""Of workers and commands: figures over years. A host that is gone is noticed by its silence below."""
POOL_SECONDS: Final = 8.0
"""For a free connection; then the shop is too busy, and says so."""
WORK_POOL_SECONDS: Final = 60.0
"""Of a worker, whose jobs outnumber its connections: nobody waits for it."""
_SILENT: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""Seconds, and milliseconds of the last: some 20 s after its last word a host is taken for gone."""


@dataclass(frozen=True, slots=True)
class Options:
    """PostgreSQL's settings as SQL spells their values. always: under which every statement runs; writing: in
    transactions that may write, besides.
    """

    always: Mapping[str, str]
    writing: Mapping[str, str] = field(default_factory=dict)

    @property
    def only_reads(self) -> bool:
        """Whether what stands in no transaction may not write."""
        return self.always.get("default_transaction_read_only") == "on"


class ShopConnection(Driver):
    """own: whether a process of the server's is ours alone. Nothing is taken for ours before it was asked."""

    options = Options({})
    own = False

    async def settle(self, options: Options) -> None:
        """Make the options hold, here or from one transaction to the next."""
        self.options = options
        self._stmt_cache_enabled = False  # no public way, once it is open: statements then have no names
        if await self.fetchval("SELECT pg_backend_pid()") == self.get_server_pid():
            if options.always:
                await super().execute(_said("SET", options.always))
            self._stmt_cache_enabled = self.own = True

    def transaction(self, *, isolation: Any = None, readonly: bool = False, deferrable: bool = False) -> Any:
        """Where each statement may stand alone, `readonly` means only that: it sees what is committed now."""
        if self.own and readonly and isolation in {None, "read_committed"} and self.options.only_reads:
            return _Alone()
        return super().transaction(isolation=isolation, readonly=readonly, deferrable=deferrable)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109  # the driver's
        if not args and query.startswith("BEGIN"):
            query = f"{query.rstrip(';')};{self._at_the_beginning('READ ONLY' in query)}"
        elif not args and not self.own and not self.is_in_transaction():
            async with self._wrapped():
                return await super().execute(query, timeout=timeout)
        return await super().execute(query, *args, timeout=timeout)

    def _execute(self, query: str, *facts: Any, **more: Any) -> Awaitable[Any]:
        """What the driver's own verbs end in."""
        done: Awaitable[Any]
        if self.own or self.is_in_transaction():
            done = super()._execute(query, *facts, **more)  # type: ignore[misc]
        else:
            done = self._executed_in_one(query, *facts, **more)
        return done

    async def _executed_in_one(self, query: str, *facts: Any, **more: Any) -> Any:
        async with self._wrapped():
            return await super()._execute(query, *facts, **more)  # type: ignore[misc]

    def _wrapped(self) -> Any:
        return super().transaction(readonly=self.options.only_reads)

    def _at_the_beginning(self, readonly: bool) -> str:
        held = {} if self.own else self.options.always
        return _said("SET LOCAL", held if readonly else {**held, **self.options.writing})


class _Alone:
    """In the place of a transaction where there is none."""

    async def start(self) -> None: ...

    async def commit(self) -> None: ...

    async def rollback(self) -> None: ...


def _said(verb: str, values: Mapping[str, str]) -> str:
    return ";".join(f"{verb} {name} TO {value}" for name, value in values.items())


async def connected(url: str, options: Options, *, patience: float | None) -> ShopConnection:
    """A new connection on which the options hold, to the first host that takes us: each is asked a second after the one
    before it, or as soon as that one said no. Raises OSError, asyncpg.PostgresError, of the last.
    """
    waiting = [_connected(one, options, patience) for one in driver_urls(url)]
    asked: set[asyncio.Task[ShopConnection]] = set()
    taken: ShopConnection | None = None
    wrong: BaseException | None = None
    try:
        while taken is None and (waiting or asked):
            asked |= {asyncio.create_task(waiting.pop(0))} if waiting else set()
            done, asked = await asyncio.wait(
                asked, timeout=NEXT_HOST_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for one in done:
                wrong = one.exception()
                if wrong is None and taken is None:
                    taken = one.result()
                elif wrong is None:
                    one.result().terminate()
    finally:
        for one in asked:
            one.add_done_callback(_given_up)
            one.cancel()
        for never in waiting:
            never.close()
    if taken is None:
        assert wrong is not None  # noqa: S101  # there is always one host
        raise wrong
    return taken


def _given_up(asked: "asyncio.Task[ShopConnection]") -> None:
    if not asked.cancelled() and asked.exception() is None:
        asked.result().terminate()


async def _connected(address: str, options: Options, patience: float | None) -> ShopConnection:
    """address: of one host, as the driver spells it."""
    made: ShopConnection = await asyncpg.connect(
        address, timeout=CONNECT_SECONDS, command_timeout=patience, connection_class=ShopConnection
    )
    try:
        _notice_silence(made._transport.get_extra_info("socket"))  # type: ignore[attr-defined]  # noqa: SLF001  # no public way
        async with asyncio.timeout(CONNECT_SECONDS):
            await made.settle(options)
    except BaseException:
        made.terminate()
        raise
    return made


async def opened(url: str, options: Options, *, patience: float) -> ShopConnection:
    """The same, in the cluster that the shop knows. Raises AnotherCluster, too."""
    made = await connected(url, options, patience=patience)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await refuse_another_cluster(made)
    except BaseException:
        made.terminate()
        raise
    return made


class ThroughPooler(Problem):
    """What keeps a lock or a path from one transaction to the next needs a process of its own."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "through_pooler"
    title: ClassVar[str] = "这里不能经过连接池（PgBouncer）"


async def the_server_itself(url: str, options: Options = Options({})) -> ShopConnection:  # it is frozen
    """For migrations, backup and restore. Raises ThroughPooler."""
    made = await connected(url, options, patience=None)
    if not made.own:
        made.terminate()
        raise ThroughPooler(
            "迁移、备份和恢复要直接连 PostgreSQL：请把 DATABASE_OWNER_URL 改成数据库服务器自己的地址和端口。"
        )
    return made


def is_encrypted(connection: Driver) -> bool:
    """Between us and whom we speak to: the server, or a pooler in front of it."""
    return connection._transport.get_extra_info("ssl_object") is not None  # type: ignore[attr-defined]  # noqa: SLF001  # no public way


def _notice_silence(opened: Any) -> None:
    if opened.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _SILENT.items():
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
