"""Two clocks: a report says what was known at a moment, and is the same whenever it is asked for that moment.

`recorded_at` cannot decide that: a row written first may commit later. A snapshot says who had committed.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from shop.core.database import Database, ReadSession, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.rows import as_rows


class NothingKnownThen(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "nothing_known_then"
    title: ClassVar[str] = "那时系统还没有留下记录"


class NotKnownYet(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "not_known_yet"
    title: ClassVar[str] = "知悉时间不能晚于现在"


@dataclass(frozen=True, slots=True)
class Known:
    """snapshot: PostgreSQL's own text of it. seal_number: the last seal then."""

    at: datetime
    snapshot: str
    balanced_as_of: datetime | None
    seal_number: int | None


_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(8320019)")
_LAST = text("""
SELECT at, snapshot::text AS snapshot, balanced_as_of, seal_number FROM knowledge ORDER BY at DESC LIMIT 1
""")
_AT = text("""
SELECT at, snapshot::text AS snapshot, balanced_as_of, seal_number FROM knowledge WHERE at <= :at
ORDER BY at DESC LIMIT 1
""")
_STAMPS = text("""
SELECT (SELECT max(balanced_at) FROM balance_run WHERE balanced_at <= :at AND holds) AS balanced_as_of,
    (SELECT max(number) FROM seal WHERE sealed_at <= :at) AS seal_number
""")
_KEEP = text("""
INSERT INTO knowledge (at, snapshot, balanced_as_of, seal_number)
VALUES (:at, CAST(CAST(:snapshot AS text) AS pg_snapshot), :balanced_as_of, :seal_number)
""")
_NOW = text("SELECT pg_current_snapshot()::text")
_NAMES = text("""
SELECT DISTINCT ON (id) id, name FROM name_shown WHERE id = ANY(CAST(:ids AS uuid[]))
ORDER BY id, (shown_at <= :at) DESC, CASE WHEN shown_at <= :at THEN shown_at END DESC, shown_at
""")
_SHOW = text("""
INSERT INTO name_shown (id, shown_at, name)
SELECT r.id, :at, r.name FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, name text) ON CONFLICT DO NOTHING
""")


async def seen_by(session: ReadSession) -> str:
    """The snapshot that a session of one moment reads from."""
    return str((await session.execute(_NOW)).scalar_one())


async def known_at(session: ReadSession, at: datetime, *, now: datetime) -> Known:
    """What was known at a moment. Raises NotKnownYet, NothingKnownThen."""
    if at > now + timedelta(seconds=1):
        raise NotKnownYet("请选择现在或以前的时间。", [Detail("/known_at", NotKnownYet.code, "晚于现在")])
    row = (await session.execute(_AT, {"at": at})).one_or_none()
    if row is None:
        raise NothingKnownThen(
            "请选择较晚的时间；第一份报表产生之后的任何时间都可以重现。",
            [Detail("/known_at", NothingKnownThen.code, "早于最早的记录")],
        )
    return Known(*row)


async def keep(database: Database, snapshot: str, *, now: datetime) -> Known:
    """Remember what is known now, with its stamps. Nothing new since the last time: the same moment again.

    Moments only go forward, also when the clock was set back.
    """
    async with database.transaction() as session:
        last = await _last(session)
        if last and last.snapshot == snapshot:
            return last
        await session.execute(_ONE_AT_A_TIME)
        last = await _last(session)
        at = now if last is None else max(now, last.at + timedelta(microseconds=1))
        stamps = (await session.execute(_STAMPS, {"at": at})).one()
        known = Known(at, snapshot, stamps.balanced_as_of, stamps.seal_number)
        await session.execute(_KEEP, asdict(known))
    return known


async def names_then(session: ReadSession, today: Mapping[UUID, str], at: datetime) -> dict[UUID, str]:
    """Names as reports of that moment showed them; what none has shown yet goes by today's name."""
    rows = await session.execute(_NAMES, {"ids": [str(id_) for id_ in today], "at": at})
    return dict(today) | {row.id: row.name for row in rows}


async def show_names(database: Database, today: Mapping[UUID, str], at: datetime) -> None:
    """Remember the names that a report of now shows, where they differ from what was shown last."""
    async with database.reading() as session:
        before = {row.id: row.name for row in await session.execute(_NAMES, {"ids": [*map(str, today)], "at": at})}
    new = [{"id": str(id_), "name": name} for id_, name in today.items() if before.get(id_) != name]
    if new:
        async with database.transaction() as session:
            await session.execute(_SHOW, {"rows": as_rows(new), "at": at})


async def _last(session: WriteSession) -> Known | None:
    row = (await session.execute(_LAST)).one_or_none()
    return None if row is None else Known(*row)
