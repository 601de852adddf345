"""A union's list at a cut-off day: saved as it is, compared with what was known, memberships begun and ended by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from shop.access.known_people import people_one_by_one
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force
from shop.organisation.claims import Claimed, keep_claims
from shop.organisation.rights_follow import rights_follow
from shop.organisation.roster_doubts import refuse_renumbered
from shop.organisation.roster_memberships import ROW, Left, begin_memberships, end_memberships
from shop.organisation.roster_people import Keeping, Listed, Meant, refuse_planned, whose
from shop.organisation.roster_queries import Difference, RosterChange, Stand

AT_ONCE: Final = 5_000
"""Rows of a list in one statement."""


class RosterOlder(Problem):
    """A list cannot be put in before one that is in use."""

    status = 409
    code = "roster_older"
    title = "已有更晚的名册"


class RosterChanged(Problem):
    """Somebody saved another list after the difference was shown."""

    status = 409
    code = "roster_changed"
    title = "名册刚刚有改动"


@dataclass(slots=True)
class _Plan:
    """What the list does: `changes` and the people whose membership ends."""

    changes: list[RosterChange] = field(default_factory=list)
    ending: list[tuple[UUID, UUID | None]] = field(default_factory=list)


_LOCK = text("SELECT id FROM labour_union WHERE id = :union_id FOR NO KEY UPDATE")
_LAST = text("""
SELECT r.id, r.as_of, r.file_sha256, r.people, r.acknowledged_columns FROM roster r
WHERE r.union_id = :union_id AND NOT EXISTS (SELECT FROM roster n WHERE n.previous_id = r.id)
""")
# The last list, and whoever came to the union since by another way.
_STANDS = text(f"""
WITH last AS (SELECT person_id, unit_id, department, status FROM roster_entry WHERE roster_id = :last)
SELECT person_id, unit_id, department, status FROM last
UNION ALL
SELECT u.person_id, m.unit_id, '', 'active' FROM union_membership u
LEFT JOIN membership m ON m.person_id = u.person_id AND {in_force("m", ":day")}
WHERE u.union_id = :union_id AND {in_force("u", ":day")}
    AND NOT EXISTS (SELECT FROM last WHERE last.person_id = u.person_id)
""")  # noqa: S608  # our own words
_ROSTER = text("""
INSERT INTO roster (id, union_id, as_of, previous_id, file_sha256, people, created_by, created_at, acknowledged_columns)
VALUES (:id, :union_id, :as_of, :last, :sha, :people, :actor, :now, :acknowledged)
""")
_ENTRIES = text(f"""
INSERT INTO roster_entry (roster_id, person_id, position, staff_number, unit_id, department, status)
SELECT :roster, person_id, position, staff_number, unit_id, department, status FROM {ROW}
""")  # noqa: S608  # composed of our own constants
_CHANGES = text("""
INSERT INTO roster_change (roster_id, person_id, kind, from_unit_id, to_unit_id, from_department, to_department)
SELECT :roster, person_id, kind, from_unit_id, to_unit_id, from_department, to_department
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(person_id uuid, kind text, from_unit_id uuid, to_unit_id uuid,
    from_department text, to_department text)
""")
# A list speaks for the units of who keeps it: people whom the last one had in other units stay as they are.
_CARRY = text("""
INSERT INTO roster_entry (roster_id, person_id, position, staff_number, unit_id, department, status)
SELECT :roster, e.person_id, :after + e.position, e.staff_number, e.unit_id, e.department, e.status FROM roster_entry e
WHERE e.roster_id = :last AND e.unit_id <> ALL(:keeps)
    AND NOT EXISTS (SELECT FROM roster_entry n WHERE n.roster_id = :roster AND n.person_id = e.person_id)
""").bindparams(bindparam("keeps", type_=ARRAY(Uuid)))


async def last_roster(session: WriteSession, union_id: UUID) -> Row[Any] | None:
    """id, as_of, file_sha256, people, acknowledged_columns of the newest list."""
    return (await session.execute(_LAST, {"union_id": union_id})).one_or_none()


async def save_roster(
    session: WriteSession,
    *,
    actor: Actor | None,
    keeps: frozenset[UUID] | None,
    union_id: UUID,
    as_of: date,
    people: Sequence[Listed],
    file_sha256: str,
    after: UUID | None,
    now: datetime,
    acknowledged: Sequence[str] = (),
) -> Difference:
    """Save a list and what it changes: people are found or made, memberships begin and end on the cut-off day.

    keeps: the units whose people the list may move, None for all; who belongs elsewhere is claimed only, and who is
    missing from a unit of others is missed by nobody. after: the list that was the newest when this one was compared.
    acknowledged: columns that nobody read. Raises RosterOlder, RosterChanged, and for single rows RosterRefused, whose
    errors point at `/{index}/{column}`; NumbersChanged where only the numbers are others.
    """
    await session.execute(_LOCK, {"union_id": union_id})
    await people_one_by_one(session)
    last = await last_roster(session, union_id)
    if (last.id if last else None) != after:
        raise RosterChanged("另一份名册刚刚保存。请重新核对差异，再提交。")
    if last and as_of < last.as_of:
        raise RosterOlder(f"最近一份名册的截止日是 {last.as_of}，请填这一天或之后的日期。")
    if last:
        await refuse_renumbered(session, last.id, people, keeps)
    keeping = Keeping(union_id, keeps, after, as_of)
    meant = await whose(session, keeping, people, now)
    await refuse_planned(session, keeping, meant, people)
    before = await _stands(session, keeping)
    own = {one.person_id: _stand(people[i]) for i, one in enumerate(meant) if not one.elsewhere}
    plan = compare(before, own)
    roster_id = new_id()
    facts = {"id": roster_id, "as_of": as_of, "last": after, "sha": file_sha256, "people": len(people), "now": now}
    actor_id = actor.user_id if actor else None
    by = {"union_id": union_id, "actor": actor_id, "acknowledged": list(acknowledged)}
    await session.execute(_ROSTER, facts | by)
    left = await _save_entries(session, roster_id, keeping, meant, people)
    left += await end_memberships(session, plan.ending, union_id=union_id, day=as_of)
    await rights_follow(session, actor=actor, left=left, day=as_of, now=now)
    await session.execute(_CHANGES, {"roster": roster_id, "rows": as_rows(plan.changes)})
    claimed = [_claimed(one.person_id, i, people[i]) for i, one in enumerate(meant) if one.elsewhere]
    await keep_claims(session, claimed, union_id=union_id, roster_id=roster_id, actor_id=actor_id, now=now)
    made = Difference(roster_id, after, len(people), tuple(plan.changes), len(claimed))
    await record_change(
        session,
        actor_id=actor_id,
        action="roster.saved",
        subject=f"labour_union:{union_id}",
        before={"roster_id": str(after) if after else None},
        after={"roster_id": str(roster_id), "as_of": str(as_of), "people": len(people), **made.counts()}
        | {"claims": len(claimed)}
        | ({"acknowledged_columns": list(acknowledged)} if acknowledged else {}),
        now=now,
    )
    return made


async def _save_entries(
    session: WriteSession, roster_id: UUID, keeping: Keeping, meant: Sequence[Meant], people: Sequence[Listed]
) -> Left:
    """The list's own entries with their memberships, then those of other units as they were. Who left which unit."""
    left: Left = []
    own = [_entry(one.person_id, i, people[i]) for i, one in enumerate(meant) if not one.elsewhere]
    for start in range(0, len(own), AT_ONCE):
        rows = as_rows(own[start : start + AT_ONCE])
        await session.execute(_ENTRIES, {"roster": roster_id, "rows": rows})
        left += await begin_memberships(session, rows, union_id=keeping.union_id, day=keeping.day)
    if keeping.units is not None and keeping.last_roster_id is not None:
        named = {"roster": roster_id, "last": keeping.last_roster_id, "keeps": list(keeping.units)}
        await session.execute(_CARRY, named | {"after": len(people)})
    return left


def compare(before: Mapping[UUID, Stand], after: Mapping[UUID, Stand]) -> _Plan:
    """One change a person at most: what it means for membership comes before where somebody sits."""
    plan = _Plan()
    for person_id, now in after.items():
        was = before.get(person_id)
        kind = _kind(was, now)
        if kind:
            plan.changes.append(
                RosterChange(
                    person_id,
                    kind,
                    was.unit_id if was else None,
                    now.unit_id,
                    (was.department or None) if was else None,
                    now.department or None,
                )
            )
        if was and now.status == "retired" and was.status != "retired":
            plan.ending.append((person_id, was.unit_id))
    for person_id, was in before.items():
        if person_id not in after:
            plan.changes.append(RosterChange(person_id, "left", was.unit_id, None, was.department or None, None))
            if was.status != "retired":
                plan.ending.append((person_id, was.unit_id))
    return plan


def _kind(was: Stand | None, now: Stand) -> str | None:
    if was is None:
        return "joined"
    if was.status != now.status:
        return {"retired": "retired", "on_leave": "on_leave", "active": "returned"}[now.status]
    department_known = bool(was.department)
    if was.unit_id != now.unit_id or (department_known and was.department != now.department):
        return "moved"
    return None


def _stand(one: Listed) -> Stand:
    return Stand(one.unit_id, one.department, one.status)


async def _stands(session: WriteSession, keeping: Keeping) -> dict[UUID, Stand]:
    """Who stood where, of the units that the list speaks for and of none."""
    rows = await session.execute(
        _STANDS, {"union_id": keeping.union_id, "last": keeping.last_roster_id, "day": keeping.day}
    )
    return {
        row.person_id: Stand(row.unit_id, row.department, row.status)
        for row in rows
        if row.unit_id is None or keeping.units is None or row.unit_id in keeping.units
    }


def _entry(person_id: UUID, position: int, one: Listed) -> dict[str, Any]:
    return {
        "person_id": str(person_id),
        "position": position,
        "staff_number": one.staff_number,
        "unit_id": str(one.unit_id),
        "department": one.department,
        "status": one.status,
        "works_id": str(new_id()),
        "belongs_id": str(new_id()),
    }


def _claimed(person_id: UUID, position: int, one: Listed) -> Claimed:
    return Claimed(person_id, position, one.staff_number, one.unit_id, one.department, one.status)
