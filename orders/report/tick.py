"""Ticks: what the shop knows, kept as a snapshot; the one place that writes them.

Whoever writes one takes its turn first and looks afterwards, so that a later tick never knows less than an earlier
one; and moments only go forward, also when the clock was set back.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from shop.core import clock
from shop.core.commit_number import FIRST_HISTORY, HISTORY
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.locks import Lock

EVERY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """snapshot: PostgreSQL's own text of it. seal_number: the last seal then. asked: the moment that was asked for,
    where that is not the tick's own.
    """

    at: datetime
    snapshot: str
    balanced_as_of: datetime | None
    seal_number: int | None
    asked: datetime | None = None


_NOW = text("SELECT commit_snapshot()::text")
_TURN = text(f"SELECT pg_advisory_xact_lock({Lock.TICK})")
# Who only looks does not wait for the disk: whoever is told of a tick has his report kept by a later commit that does.
_UNHURRIED = "set_config('synchronous_commit', 'off', true)"
_TURN_TO_LOOK = text(f"SELECT pg_advisory_xact_lock({Lock.TICK}), {_UNHURRIED}")
_TURN_IF_FREE = text(f"SELECT pg_try_advisory_xact_lock({Lock.TICK}), {_UNHURRIED}")
_BALANCED = "(SELECT max(balanced_at) FROM balance_run WHERE balanced_at <= {0} AND holds)"
_SEALED = "(SELECT max(number) FROM seal WHERE sealed_at <= {0})"
FLAGS = ("flag", "flag_line", "flag_decision", "flag_end")
_LAST = "SELECT * FROM knowledge ORDER BY at DESC LIMIT 1"


def _unseen(table: str) -> str:
    """SQL: whether something of a table is committed that the snapshot `k` does not show."""
    return f"""EXISTS (SELECT FROM {table} w WHERE w.xid >= pg_snapshot_xmin(k.snapshot)
        AND NOT pg_visible_in_snapshot(w.xid, k.snapshot))"""


# What this statement sees is what it names as its snapshot. Everything that a report can show is asked about; ticks
# begin when there is something to show. What did not change holds until now.
_LOOK = text(f"""
WITH looked AS MATERIALIZED (
    SELECT commit_snapshot()::text AS seen, k.at, k.snapshot::text AS snapshot, k.balanced_as_of, k.seal_number,
        CASE WHEN k.at IS NULL THEN EXISTS (SELECT FROM credit_entry) OR EXISTS (SELECT FROM flag)
        ELSE {" OR ".join(map(_unseen, ("credit_entry", "period_event", *FLAGS)))}
            OR {_BALANCED.format("greatest(k.at, :now)")} IS DISTINCT FROM k.balanced_as_of
            OR {_SEALED.format("greatest(k.at, :now)")} IS DISTINCT FROM k.seal_number
            OR coalesce(k.seen_in, {FIRST_HISTORY}) <> {HISTORY}
        END AS changed
    FROM (SELECT) here LEFT JOIN LATERAL ({_LAST}) k ON true
), held AS (
    UPDATE knowledge h SET holds_until = :now FROM looked l
    WHERE NOT l.changed AND h.at = l.at AND coalesce(h.holds_until, h.at) < :now
)
SELECT * FROM looked
""")  # noqa: S608  # only names of our own are put in
_ADD = text(f"""
WITH placed AS (
    SELECT greatest(:now, (SELECT coalesce(k.holds_until, k.at) FROM ({_LAST}) k) + INTERVAL '1 microsecond') AS at
)
INSERT INTO knowledge (at, snapshot, balanced_as_of, seal_number, holds_until, told, seen_in)
SELECT at, CAST(CAST(:snapshot AS text) AS pg_snapshot), {_BALANCED.format("at")}, {_SEALED.format("at")}, at, :told,
    {HISTORY}
FROM placed RETURNING at, snapshot::text AS snapshot, balanced_as_of, seal_number
""")  # noqa: S608  # as above


async def seen_by(session: ReadSession) -> str:
    """The snapshot that a session of one moment reads from."""
    return str((await session.execute(_NOW)).scalar_one())


async def tick(database: Database) -> Known | None:
    """The worker's look: see `look`. None also where somebody else was looking just then."""
    async with database.transaction() as session:
        if not await session.scalar(_TURN_IF_FREE):
            return None
        return await _looked(session)


async def look(database: Database) -> Known | None:
    """What is known now: the last tick, if nothing changed since, else a new one. None: there never was anything."""
    async with database.transaction() as session:
        await session.execute(_TURN_TO_LOOK)
        return await _looked(session)


async def keep(database: Database, reading: ReadSession) -> Known:
    """A tick of exactly what `reading` sees: a session of one moment that has read nothing yet."""
    async with database.second:
        await reading.connection()  # nobody is kept waiting for it once it is our turn
        async with database.transaction() as session:
            await session.execute(_TURN)
            return await _add(session, await seen_by(reading), told=True)


async def _looked(session: WriteSession) -> Known | None:
    before = clock.now()  # what is unchanged when we look was unchanged then
    row = (await session.execute(_LOOK, {"now": before})).one()
    if row.changed:
        return await _add(session, row.seen, told=False)
    return Known(row.at, row.snapshot, row.balanced_as_of, row.seal_number) if row.at else None


async def _add(session: WriteSession, snapshot: str, *, told: bool) -> Known:
    """The moment is read after the snapshot was taken: nothing in it was committed later."""
    row = (await session.execute(_ADD, {"snapshot": snapshot, "now": clock.now(), "told": told})).one()
    return Known(row.at, row.snapshot, row.balanced_as_of, row.seal_number)
