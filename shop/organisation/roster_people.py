"""Who is meant by a row of a roster: a known staff number, else the same phone and name, else somebody new."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows


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


_NUMBERS = text("""
SELECT s.number, s.person_id, p.name, p.phone FROM staff_number s JOIN person p ON p.id = s.person_id
WHERE s.union_id = :union_id
""")
_BY_PHONE = text("""
SELECT p.phone, p.name, min(p.id::text)::uuid AS id, count(*) AS persons FROM person p
JOIN unnest(:phones, :names) AS w(phone, name) ON w.phone = p.phone AND w.name = p.name
WHERE p.erased_at IS NULL GROUP BY 1, 2
""").bindparams(bindparam("phones", type_=ARRAY(Text)), bindparam("names", type_=ARRAY(Text)))
# Members who came by another way than a list: they have no staff number yet.
_NUMBERLESS = text("""
SELECT p.id, p.name, m.unit_id FROM union_membership u JOIN person p ON p.id = u.person_id
JOIN membership m ON m.person_id = p.id AND m.valid_from <= :day AND (m.valid_to IS NULL OR m.valid_to > :day)
WHERE u.union_id = :union_id AND u.valid_from <= :day AND (u.valid_to IS NULL OR u.valid_to > :day)
    AND NOT EXISTS (SELECT FROM staff_number s WHERE s.union_id = :union_id AND s.person_id = p.id)
""")
_PERSONS = text("""
INSERT INTO person (id, name, phone, created_at)
SELECT person_id, name, phone, :now FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(person_id uuid, name text,
    phone text)
""")
_NEW_NUMBERS = text("""
INSERT INTO staff_number (union_id, number, person_id)
SELECT :union_id, number, person_id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(number text, person_id uuid)
""")
_CONTACTS = text("""
UPDATE person p SET name = r.name, phone = coalesce(r.phone, p.phone)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(person_id uuid, name text, phone text)
WHERE p.id = r.person_id AND p.erased_at IS NULL
""")
_PLANNED = text("""
SELECT m.person_id, min(m.valid_from) AS day FROM (
    SELECT person_id, valid_from FROM membership WHERE person_id = ANY(:people) AND valid_from > :day
    UNION ALL
    SELECT person_id, valid_from FROM union_membership
    WHERE person_id = ANY(:people) AND union_id = :union_id AND valid_from > :day
) m GROUP BY 1
""").bindparams(bindparam("people", type_=ARRAY(Uuid)))


async def whose(
    session: WriteSession, union_id: UUID, people: Sequence[Listed], day: date, now: datetime
) -> list[UUID]:
    """The person of each row, in the rows' order; new ones are made, with or without a phone.

    Raises RosterRefused where a staff number belongs to somebody else, or two rows mean the same person.
    """
    known = {row.number: row for row in await session.execute(_NUMBERS, {"union_id": union_id})}
    unknown = [one for one in people if one.staff_number not in known]
    by_phone = await _by_phone(session, [one for one in unknown if one.phone])
    numberless = await _numberless(session, union_id, day) if unknown else {}
    taken = {row.person_id for row in known.values()}
    found: list[UUID] = []
    made: list[dict[str, Any]] = []
    numbers: list[dict[str, Any]] = []
    contacts: list[dict[str, Any]] = []
    errors: list[Detail] = []
    for index, one in enumerate(people):
        contact = {"name": one.name, "phone": one.phone}
        row = known.get(one.staff_number)
        if row is not None:
            found.append(row.person_id)
            if row.name is not None and row.name != one.name and (one.phone is None or one.phone != row.phone):
                said = "这个工号以前属于另一个姓名的人；同一个人改名请填原手机，新人请用新工号"
                errors.append(Detail(f"/{index}/staff_number", "staff_number_taken", said))
            elif row.name is not None and (row.name != one.name or (one.phone and one.phone != row.phone)):
                contacts.append({"person_id": str(row.person_id), **contact})
            continue
        person_id = by_phone.get((one.phone or "", one.name)) or numberless.get((one.unit_id, one.name))
        if person_id in taken:
            said = "手机和姓名与另一个工号的人相同，一个人只能有一个工号"
            errors.append(Detail(f"/{index}/staff_number", "person_twice", said))
        if person_id is None:
            person_id = new_id()
            made.append({"person_id": str(person_id), **contact})
        taken.add(person_id)
        found.append(person_id)
        numbers.append({"number": one.staff_number, "person_id": str(person_id)})
    if errors:
        raise RosterRefused(errors=errors)
    await session.execute(_PERSONS, {"rows": as_rows(made), "now": now})
    await session.execute(_CONTACTS, {"rows": as_rows(contacts)})
    await session.execute(_NEW_NUMBERS, {"rows": as_rows(numbers), "union_id": union_id})
    return found


async def refuse_planned(
    session: WriteSession, union_id: UUID, person_ids: Sequence[UUID], people: Sequence[Listed], day: date
) -> None:
    """Raises RosterRefused for whoever has a membership that begins after the cut-off day."""
    here = [person for person, one in zip(person_ids, people, strict=True) if one.status != "retired"]
    rows = await session.execute(_PLANNED, {"people": here, "day": day, "union_id": union_id})
    planned = {row.person_id: row.day for row in rows}
    if planned:
        raise RosterRefused(
            errors=[
                Detail(f"/{i}/staff_number", "later_change_planned", f"已有从 {planned[person]} 起的记录，请核对截止日")
                for i, person in enumerate(person_ids)
                if person in planned
            ]
        )


async def _by_phone(session: WriteSession, people: Sequence[Listed]) -> dict[tuple[str, str], UUID]:
    named = {"phones": [one.phone for one in people], "names": [one.name for one in people]}
    rows = await session.execute(_BY_PHONE, named)
    return {(row.phone, row.name): row.id for row in rows}


async def _numberless(session: WriteSession, union_id: UUID, day: date) -> dict[tuple[UUID, str], UUID]:
    """(unit, name) → person, where only one is called so there."""
    found: dict[tuple[UUID, str], UUID] = {}
    twice = set()
    for row in await session.execute(_NUMBERLESS, {"union_id": union_id, "day": day}):
        if (row.unit_id, row.name) in found:
            twice.add((row.unit_id, row.name))
        found[row.unit_id, row.name] = row.id
    return {key: person for key, person in found.items() if key not in twice}
