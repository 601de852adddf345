"""Two clocks: a report says what was known at a moment, and is the same whenever it is asked for that moment.

`recorded_at` cannot decide that: a row written first may commit later. A snapshot says who had committed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.report.tick import Known, look
from orders.seal.header import stamp
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Detail, Problem
from shop.core.rows import as_rows

GAP = timedelta(seconds=1)
"""Looked at later than this after the last time, and changed in between: nobody can say what was known there."""


class NothingKnownThen(Problem):
    """`nearest`: the moments before and after that can be asked; none where nothing was kept yet."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "nothing_known_then"
    title: ClassVar[str] = "那一刻没有留下记录"


class NotKnownYet(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "not_known_yet"
    title: ClassVar[str] = "知悉时间不能晚于现在"


_AROUND = text("""
SELECT k.*, (SELECT min(n.at) FROM knowledge n WHERE n.at > :at) AS next_at
FROM (SELECT) here LEFT JOIN LATERAL (
    SELECT at, snapshot::text AS snapshot, balanced_as_of, seal_number, holds_until, told FROM knowledge
    WHERE at <= :at ORDER BY at DESC LIMIT 1) k ON true
""")
_TELL = text("UPDATE knowledge SET told = true WHERE at = :at RETURNING at")
_NAMES = text("""
SELECT DISTINCT ON (id) id, name FROM name_shown WHERE id = ANY(CAST(:ids AS uuid[]))
ORDER BY id, (shown_at <= :at) DESC, CASE WHEN shown_at <= :at THEN shown_at END DESC, shown_at
""")
_SHOW = text("""
INSERT INTO name_shown (id, shown_at, name)
SELECT r.id, :at, r.name FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, name text) ON CONFLICT DO NOTHING
""")


async def known_at(database: Database, at: datetime, *, name: str = "known_at") -> Known:
    """What was known at a moment: the last tick at or before it, which is never thinned from now on.

    A moment after the last tick is looked at first (see tick.py), so that its answer stays what it is. name: of the
    parameter that a refusal points at. Raises NotKnownYet; NothingKnownThen before the first tick and where nobody
    watched.
    """
    found = await _around(database, at)
    if found.next_at is None and not _holds(found, at):
        await look(database)
        found = await _around(database, at)
        if found.next_at is None and not _holds(found, at) and (found.at or at > clock.now()):
            raise NotKnownYet("请选择现在或以前的时间。", [Detail(f"/{name}", NotKnownYet.code, "晚于现在")])
    if not _holds(found, at) and not _watched(found):
        raise _nothing(found, name)
    if not found.told:
        async with database.transaction() as session:
            thinned = await session.scalar(_TELL, {"at": found.at}) is None
        if thinned:  # just now
            return await known_at(database, at, name=name)
    known = Known(found.at, found.snapshot, found.balanced_as_of, found.seal_number)
    return known if known.at == at else replace(known, asked=at)


async def _around(database: Database, at: datetime) -> Row[Any]:
    async with database.reading() as session:
        return (await session.execute(_AROUND, {"at": at})).one()


def _holds(found: Row[Any], at: datetime) -> bool:
    """Whether the moment is the tick's own, or one up to which it holds."""
    return found.at is not None and (found.at == at or (found.holds_until is not None and at <= found.holds_until))


def _watched(found: Row[Any]) -> bool:
    """Whether the next tick came as soon as it should."""
    return None not in (found.holds_until, found.next_at) and found.next_at - found.holds_until <= GAP


def _nothing(found: Row[Any], name: str) -> NothingKnownThen:
    before, after = found.holds_until or found.at, found.next_at
    nearest = {"before": before and stamp(before), "after": after and stamp(after)}
    moments = " 或 ".join(filter(None, nearest.values()))
    instead = f"请改问最近的时间：{moments}" if moments else "还没有任何记录，请留空，按现在所知查询"
    wrong = Detail(f"/{name}", NothingKnownThen.code, f"那一刻没有留下记录；{instead}")
    return NothingKnownThen(f"{instead}。", [wrong], {"nearest": nearest})


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
