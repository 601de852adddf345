"""In which order transactions committed, by numbers that no cluster resets.

PostgreSQL numbers its transactions anew in every cluster. A dump that is restored into another one brings rows with
higher numbers than the new cluster gives out, and every question about a past moment would be answered wrongly. So rows
carry the cluster's number plus what was added when the shop began in that cluster (an epoch), and snapshots are moved
by as much. Connections to a cluster in which no epoch began are refused: nobody could know the order there.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

import asyncpg
from sqlalchemy import Column, Connection, MetaData, text
from sqlalchemy.types import UserDefinedType

from shop.core.errors import Problem

HISTORY: Final = (
    "concat((SELECT max(number) FROM commit_epoch), ' ', left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))"
)
"""SQL: epoch and timeline. Where it changes, by a backup that is restored or by a copy that takes over, something that
was committed may be gone: what was known before holds no longer than somebody had looked."""
FIRST_HISTORY: Final = "'1 00000001'"
"""Of what was kept before anybody asked for it."""


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's xid8: which transaction wrote a row, so that readers can stop below the oldest open one."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class Snapshot(UserDefinedType[str]):
    """PostgreSQL's pg_snapshot: which transactions had committed at a moment."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


def written_by() -> Column[str]:
    """The column `xid` of a row: the number of the transaction that wrote it."""
    return Column(TransactionId(), nullable=False, server_default=text("commit_number()"))


class AnotherCluster(Problem):
    """The database was restored by hand, or moved: until `shop migrate` has run there, nothing is answered."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "another_cluster"
    title: ClassVar[str] = "数据库换了地方，请先运行 shop migrate"


# Planned as if they stood in the statement: they cost nothing.
_NUMBER: Final = """
CREATE OR REPLACE FUNCTION commit_number() RETURNS xid8 LANGUAGE sql VOLATILE AS $$
SELECT (pg_current_xact_id()::text::bigint + {added})::text::xid8
$$
"""
_SNAPSHOT: Final = """
CREATE OR REPLACE FUNCTION commit_snapshot() RETURNS pg_snapshot LANGUAGE sql STABLE AS $$
SELECT concat_ws(':', pg_snapshot_xmin(s)::text::bigint + {added}, pg_snapshot_xmax(s)::text::bigint + {added},
    coalesce((SELECT string_agg((x::text::bigint + {added})::text, ',' ORDER BY x) FROM pg_snapshot_xip(s) x), '')
)::pg_snapshot FROM pg_current_snapshot() s
$$
"""
_KNOWN: Final = """
CREATE OR REPLACE FUNCTION cluster_is_known() RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT system_identifier = {cluster} FROM pg_control_system()
$$
"""
_HERE: Final = text("""
SELECT c.system_identifier AS cluster, e.cluster AS last_cluster, coalesce(e.number, 0) AS number
FROM pg_control_system() c LEFT JOIN (SELECT * FROM commit_epoch ORDER BY number DESC LIMIT 1) e ON true
""")
_BEGIN: Final = text("""
INSERT INTO commit_epoch (number, cluster, added, began_at) VALUES (:number, :cluster, :added, :now)
""")
_TURN: Final = text("SELECT pg_current_xact_id()::text::bigint")


def begin_epoch(connection: Connection, metadata: MetaData, *, restored: bool, now: datetime) -> int | None:
    """As the owner, nobody else writing: go on above every number that the tables hold. None: this cluster is known.

    restored: what was committed since the backup is gone, also where the cluster is the same one. Returns what is added
    to the cluster's numbers from now on.
    """
    here = connection.execute(_HERE).one()
    if here.cluster == here.last_cluster and not restored:
        return None
    used = max((connection.scalar(text(one)) or 0 for one in _greatest(metadata)), default=0)
    turn = connection.scalar(_TURN) or 0
    added = used + 1 - turn if used > turn else 0
    for function in (_NUMBER, _SNAPSHOT, _KNOWN):
        connection.exec_driver_sql(function.format(added=added, cluster=here.cluster))
    number = max(here.number, int(restored)) + 1  # an older release's backup has numbered none
    connection.execute(_BEGIN, {"number": number, "cluster": here.cluster, "added": added, "now": now})
    return added


def _greatest(metadata: MetaData) -> list[str]:
    """SQL: the greatest number in each column that holds any."""
    return [
        f"SELECT max({said}::text::bigint) FROM {table.name}"  # noqa: S608  # names of our own
        for table in metadata.sorted_tables
        for column in table.columns
        if (said := _number_in(column))
    ]


def _number_in(column: Column[Any]) -> str | None:
    if isinstance(column.type, Snapshot):
        return f"pg_snapshot_xmax({column.name})"
    return column.name if isinstance(column.type, TransactionId) else None


async def refuse_another_cluster(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Of a new connection. Raises AnotherCluster. A schema that knows no epochs yet is another release's matter."""
    try:
        known = await connection.fetchval("SELECT cluster_is_known()")
    except asyncpg.UndefinedFunctionError:
        return
    if not known:
        raise AnotherCluster("数据是从别处恢复的，提交的先后还没有接上：恢复后运行 shop migrate，再启动网站。")
