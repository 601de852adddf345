"""Reads of rosters: what a list changed, and who keeps which lists."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids
from shop.organisation.roster_models import CHANGES

SHOWN_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Stand:
    """Where somebody stood. unit_id None: a member of the union who worked nowhere."""

    unit_id: UUID | None
    department: str
    status: str


@dataclass(frozen=True, slots=True)
class RosterChange:
    """kind: joined, left, moved, retired, on_leave, returned."""

    person_id: UUID
    kind: str
    from_unit_id: UUID | None
    to_unit_id: UUID | None
    from_department: str | None
    to_department: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What a list changes against `previous_id` (None: against the members known so far). claims: rows that wait."""

    roster_id: UUID
    previous_id: UUID | None
    people: int
    changes: Sequence[RosterChange]
    claims: int

    def counts(self) -> dict[str, int]:
        found = Counter(one.kind for one in self.changes)
        return {kind: found[kind] for kind in CHANGES}


_CHANGES = text("""
SELECT c.kind, p.name, s.number AS staff_number, f.name AS from_unit, t.name AS to_unit, c.from_department,
    c.to_department
FROM roster_change c JOIN roster r ON r.id = c.roster_id JOIN person p ON p.id = c.person_id
LEFT JOIN staff_number s ON s.union_id = r.union_id AND s.person_id = c.person_id
LEFT JOIN unit f ON f.id = c.from_unit_id LEFT JOIN unit t ON t.id = c.to_unit_id
WHERE c.roster_id = :roster ORDER BY c.kind, s.number NULLS LAST, c.person_id LIMIT :most
""")
_COUNTS = text("SELECT kind, count(*) AS people FROM roster_change WHERE roster_id = :roster GROUP BY 1")
_UNIONS = text(f"""
SELECT l.id, l.code, l.name FROM labour_union l WHERE EXISTS (
    SELECT FROM union_unit s WHERE s.union_id = l.id AND {in_force("s", ":day")}
        AND (CAST(:visible AS uuid[]) IS NULL OR s.unit_id = ANY(:visible)))
ORDER BY l.code
""")  # noqa: S608  # our own words
_ROSTERS = text("""
SELECT id, as_of, people, previous_id, created_at, acknowledged_columns FROM roster WHERE union_id = :union_id
ORDER BY as_of DESC, created_at DESC LIMIT 24
""")


async def unions_of(session: ReadSession, actor: Actor, permission: Permission, day: date) -> list[Row[Any]]:
    """id, code, name of the unions that serve a unit in which the actor has the permission."""
    visible = await visible_unit_ids(session, actor, permission, day)
    named = {"day": day, "visible": None if visible is None else list(visible)}
    return list(await session.execute(_UNIONS, named))


async def union_for(session: ReadSession, actor: Actor, union_id: UUID, day: date) -> Row[Any]:
    """Raises NotFound for a union whose lists the actor does not keep."""
    for one in await unions_of(session, actor, Permission.ROSTER_IMPORT, day):
        if one.id == union_id:
            return one
    raise NotFound("没有找到这个工会，或者它不在您的权限范围内。")


async def rosters_of(session: ReadSession, union_id: UUID) -> list[Row[Any]]:
    """id, as_of, people, previous_id, created_at, acknowledged_columns; the newest first."""
    return list(await session.execute(_ROSTERS, {"union_id": union_id}))


async def changes_of(session: ReadSession, roster_id: UUID) -> tuple[dict[str, int], list[Row[Any]]]:
    """Counts by kind, and the first 200 changes with names of people and units."""
    found = {row.kind: row.people for row in await session.execute(_COUNTS, {"roster": roster_id})}
    rows = await session.execute(_CHANGES, {"roster": roster_id, "most": SHOWN_MOST})
    return {kind: found.get(kind, 0) for kind in CHANGES}, list(rows)
