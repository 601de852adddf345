"""What a list does to memberships: who stands on it works there and belongs to the union, who left does not."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, TextClause, Uuid, bindparam, text

from shop.core.database import WriteSession
from shop.core.window import in_force, not_ended

ROW: Final = """jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(person_id uuid, position int, staff_number text,
    unit_id uuid, department text, status text, works_id uuid, belongs_id uuid)"""
_HERE = f"SELECT * FROM {ROW} WHERE status <> 'retired'"  # noqa: S608  # composed of our own constants, as all below
# What began on the very day never held; what began before ends that day.
_MOVED: Final = (
    text(f"""
DELETE FROM membership m USING ({_HERE}) w
WHERE m.person_id = w.person_id AND m.unit_id <> w.unit_id AND m.valid_from = :day RETURNING m.person_id, m.unit_id
"""),  # noqa: S608  # our own words
    text(f"""
UPDATE membership m SET valid_to = :day FROM ({_HERE}) w
WHERE m.person_id = w.person_id AND m.unit_id <> w.unit_id AND m.valid_from < :day
    AND {not_ended("m", ":day")} RETURNING m.person_id, m.unit_id
"""),  # noqa: S608  # our own words
)
_BEGUN: Final = (
    text(f"""
INSERT INTO membership (id, person_id, unit_id, valid_from)
SELECT w.works_id, w.person_id, w.unit_id, :day FROM ({_HERE}) w WHERE NOT EXISTS (
    SELECT FROM membership m WHERE m.person_id = w.person_id AND {in_force("m", ":day")})
"""),  # noqa: S608  # our own words
    text(f"""
INSERT INTO union_membership (id, person_id, union_id, valid_from)
SELECT w.belongs_id, w.person_id, :union_id, :day FROM ({_HERE}) w WHERE NOT EXISTS (
    SELECT FROM union_membership m WHERE m.person_id = w.person_id AND m.union_id = :union_id
        AND {in_force("m", ":day")})
"""),  # noqa: S608  # our own words
)
_GONE = "unnest(:people, :units) AS w(person_id, unit_id)"


def _of_gone(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("people", type_=ARRAY(Uuid)), bindparam("units", type_=ARRAY(Uuid)))


_LEFT_UNION: Final = (
    _of_gone(f"""
DELETE FROM union_membership m USING {_GONE}
WHERE m.person_id = w.person_id AND m.union_id = :union_id AND m.valid_from = :day
"""),  # noqa: S608  # our own words
    _of_gone(f"""
UPDATE union_membership m SET valid_to = :day FROM {_GONE}
WHERE m.person_id = w.person_id AND m.union_id = :union_id AND m.valid_from < :day
    AND {not_ended("m", ":day")}
"""),  # noqa: S608  # our own words
)
# Another union that has him on its newest list in the same unit says that he works there still.
_NOBODY_ELSE = """NOT EXISTS (SELECT FROM roster_entry e JOIN roster r ON r.id = e.roster_id
    WHERE e.person_id = m.person_id AND e.unit_id = m.unit_id AND e.status <> 'retired' AND r.union_id <> :union_id
        AND NOT EXISTS (SELECT FROM roster n WHERE n.previous_id = r.id))"""
_LEFT_UNIT: Final = (
    _of_gone(f"""
DELETE FROM membership m USING {_GONE}
WHERE m.person_id = w.person_id AND m.unit_id = w.unit_id AND m.valid_from = :day AND {_NOBODY_ELSE}
RETURNING m.person_id, m.unit_id
"""),  # noqa: S608  # our own words
    _of_gone(f"""
UPDATE membership m SET valid_to = :day FROM {_GONE}
WHERE m.person_id = w.person_id AND m.unit_id = w.unit_id AND m.valid_from < :day
    AND {not_ended("m", ":day")} AND {_NOBODY_ELSE}
RETURNING m.person_id, m.unit_id
"""),  # noqa: S608  # our own words
)
Left = list[tuple[UUID, UUID]]
"""(person, unit): where somebody works no more."""


async def begin_memberships(session: WriteSession, rows: str, *, union_id: UUID, day: date) -> Left:
    """rows: entries of the list as `as_rows` gives them; each but the retired works in its unit from `day` on."""
    named = {"rows": rows, "union_id": union_id, "day": day}
    left = await _all(session, _MOVED, named)
    for statement in _BEGUN:
        await session.execute(statement, named)
    return left


async def end_memberships(
    session: WriteSession, gone: Sequence[tuple[UUID, UUID | None]], *, union_id: UUID, day: date
) -> Left:
    """gone: (person, the unit in which the list before had him)."""
    named = {"people": [one for one, _ in gone], "units": [unit for _, unit in gone], "union_id": union_id, "day": day}
    for statement in _LEFT_UNION:
        await session.execute(statement, named)
    return await _all(session, _LEFT_UNIT, named)


async def _all(session: WriteSession, statements: Sequence[TextClause], named: dict[str, object]) -> Left:
    return [(row.person_id, row.unit_id) for one in statements for row in await session.execute(one, named)]
