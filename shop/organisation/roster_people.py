"""Who is meant by a row of a roster: a known staff number, else the same phone and name, else somebody new.

Whoever belongs elsewhere is meant, too, but nothing of him is touched: the row becomes a claim.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from shop.access.known_people import known_people
from shop.access.list_people import Said, add_people, correct_people
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force
from shop.organisation.claims import people_elsewhere


class RosterRefused(Problem):
    """Rows that cannot be true; nothing was saved."""

    status = 422
    code = "roster_refused"
    title = "名册里有错误，什么都没有保存"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the list. department '' = none; status: active, on_leave, retired."""

    staff_number: str
    name: str
    phone: str | None
    unit_id: UUID
    department: str
    status: str


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of which union, for which units (None: all of them), after which list and at which day the list is."""

    union_id: UUID
    units: frozenset[UUID] | None
    last_roster_id: UUID | None
    day: date


@dataclass(frozen=True, slots=True)
class Meant:
    """elsewhere: somebody whom the list may only claim."""

    person_id: UUID
    elsewhere: bool


_NUMBERS = text("""
SELECT s.number, s.person_id, p.name, p.phone FROM staff_number s JOIN person p ON p.id = s.person_id
WHERE s.union_id = :union_id
""")
# Members who came by another way than a list: they have no staff number yet.
_NUMBERLESS = text(f"""
SELECT p.id, p.name, m.unit_id FROM union_membership u JOIN person p ON p.id = u.person_id
JOIN membership m ON m.person_id = p.id AND {in_force("m", ":day")}
WHERE u.union_id = :union_id AND {in_force("u", ":day")}
    AND NOT EXISTS (SELECT FROM staff_number s WHERE s.union_id = :union_id AND s.person_id = p.id)
""")  # noqa: S608  # our own words
_NEW_NUMBERS = text("""
INSERT INTO staff_number (union_id, number, person_id)
SELECT :union_id, number, person_id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(number text, person_id uuid)
""")
_PLANNED = text("""
SELECT m.person_id, min(m.valid_from) AS day FROM (
    SELECT person_id, valid_from FROM membership WHERE person_id = ANY(:people) AND valid_from > :day
    UNION ALL
    SELECT person_id, valid_from FROM union_membership
    WHERE person_id = ANY(:people) AND union_id = :union_id AND valid_from > :day
) m GROUP BY 1
""").bindparams(bindparam("people", type_=ARRAY(Uuid)))


async def whose(session: WriteSession, keeping: Keeping, people: Sequence[Listed], now: datetime) -> list[Meant]:
    """The person of each row, in the rows' order; new ones are made, with or without a phone.

    Raises RosterRefused where a staff number belongs to somebody else, or two rows mean the same person.
    """
    known = {row.number: row for row in await session.execute(_NUMBERS, {"union_id": keeping.union_id})}
    unknown = [one for one in people if one.staff_number not in known]
    by_phone = await known_people(session, {(one.phone, one.name) for one in unknown if one.phone})
    numberless = await _numberless(session, keeping.union_id, keeping.day) if unknown else {}
    found: list[UUID] = []
    made: dict[UUID, Listed] = {}
    taken = {row.person_id for row in known.values()}
    errors: list[Detail] = []
    for index, one in enumerate(people):
        row = known.get(one.staff_number)
        if row is not None:
            found.append(row.person_id)
            if row.name is not None and row.name != one.name and (one.phone is None or one.phone != row.phone):
                said = "这个工号以前属于另一个姓名的人；同一个人改名请填原手机，新人请用新工号"
                errors.append(Detail(f"/{index}/staff_number", "staff_number_taken", said))
            continue
        person_id = by_phone.get((one.phone or "", one.name)) or numberless.get((one.unit_id, one.name))
        if person_id is None:
            person_id = new_id()
            made[person_id] = one
            if one.phone:
                by_phone[one.phone, one.name] = person_id
        elif person_id in taken:
            said = "手机和姓名与另一个工号的人相同，一个人只能有一个工号"
            errors.append(Detail(f"/{index}/staff_number", "person_twice", said))
        taken.add(person_id)
        found.append(person_id)
    if errors:
        raise RosterRefused(errors=errors)
    elsewhere = await people_elsewhere(
        session,
        [one for one in found if one not in made],
        keeps=keeping.units,
        last_roster_id=keeping.last_roster_id,
        day=keeping.day,
        today=clock.business_day(now),
    )
    meant = [Meant(one, one in elsewhere) for one in found]
    await add_people(session, {person: Said(one.name, one.phone) for person, one in made.items()}, now=now)
    own = [(one.person_id, people[i]) for i, one in enumerate(meant) if not one.elsewhere]
    await correct_people(
        session,
        {
            person: Said(one.name, one.phone)
            for person, one in own
            if one.staff_number in known and _says_otherwise(one, known[one.staff_number])
        },
    )
    numbers = [(person, one.staff_number) for person, one in own if one.staff_number not in known]
    await bind_numbers(session, keeping.union_id, numbers)
    return meant


async def bind_numbers(session: WriteSession, union_id: UUID, numbers: Sequence[tuple[UUID, str]]) -> None:
    """(person, staff number) of the union, for ever."""
    rows = as_rows({"person_id": str(person), "number": number} for person, number in numbers)
    await session.execute(_NEW_NUMBERS, {"rows": rows, "union_id": union_id})


def _says_otherwise(one: Listed, was: Row[Any]) -> bool:
    """Another name or phone than before, of somebody who is not erased."""
    return was.name is not None and (was.name != one.name or bool(one.phone and one.phone != was.phone))


async def refuse_planned(
    session: WriteSession, keeping: Keeping, meant: Sequence[Meant], people: Sequence[Listed]
) -> None:
    """Raises RosterRefused for whoever has a membership that begins after the cut-off day."""
    here = {one.person_id: i for i, one in enumerate(meant) if not one.elsewhere and people[i].status != "retired"}
    named = {"people": list(here), "day": keeping.day, "union_id": keeping.union_id}
    planned = sorted((here[row.person_id], row.day) for row in await session.execute(_PLANNED, named))
    if planned:
        raise RosterRefused(
            errors=[
                Detail(f"/{i}/staff_number", "later_change_planned", f"已有从 {day} 起的记录，请核对截止日")
                for i, day in planned
            ]
        )


async def _numberless(session: WriteSession, union_id: UUID, day: date) -> dict[tuple[UUID, str], UUID]:
    """(unit, name) → person, where only one is called so there."""
    found: dict[tuple[UUID, str], UUID] = {}
    twice = set()
    for row in await session.execute(_NUMBERLESS, {"union_id": union_id, "day": day}):
        if (row.unit_id, row.name) in found:
            twice.add((row.unit_id, row.name))
        found[row.unit_id, row.name] = row.id
    return {key: person for key, person in found.items() if key not in twice}
