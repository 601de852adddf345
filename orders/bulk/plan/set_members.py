"""Members of the day: from the union's roster, or, before its first one, from its memberships.

Whom the list only claimed is a member from the day on which that was confirmed.
"""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.window import in_force

_FROM_ROSTER = """
    SELECT e.person_id, e.position, e.staff_number, e.unit_id, e.department FROM roster_entry e
    WHERE e.roster_id = (SELECT id FROM roster WHERE union_id = :union AND as_of <= :day
            ORDER BY as_of DESC, created_at DESC LIMIT 1)
        AND e.status = ANY(:statuses)
        AND NOT EXISTS (SELECT FROM membership_claim c WHERE c.roster_id = e.roster_id AND c.person_id = e.person_id
            AND c.valid_from > :day)
"""
_FROM_MEMBERSHIP = f"""
    SELECT u.person_id, 0, CAST(NULL AS text), m.unit_id, ''
    FROM union_membership u JOIN membership m ON m.person_id = u.person_id
    WHERE u.union_id = :union AND {in_force("u", ":day")}
        AND {in_force("m", ":day")}
        AND NOT EXISTS (SELECT FROM roster WHERE union_id = :union AND as_of <= :day)
"""  # noqa: S608  # our own words
_LAY = text(f"""
WITH of_the_day AS ({_FROM_ROSTER} UNION ALL {_FROM_MEMBERSHIP}),
gone AS (
    DELETE FROM bulk_member b WHERE b.purchase_id = :purchase AND (b.person_id NOT IN (SELECT person_id FROM of_the_day)
        OR (CAST(:some AS bool) AND b.person_id <> ALL(:people)))
)
INSERT INTO bulk_member (purchase_id, person_id, position, staff_number, name, unit_id, department)
SELECT :purchase, d.person_id, row_number() OVER (ORDER BY d.position, d.person_id), d.staff_number, p.name, d.unit_id,
    d.department
FROM of_the_day d JOIN person p ON p.id = d.person_id
WHERE NOT CAST(:some AS bool) OR d.person_id = ANY(:people)
ON CONFLICT (purchase_id, person_id) DO UPDATE SET position = excluded.position, staff_number = excluded.staff_number,
    name = excluded.name, unit_id = excluded.unit_id, department = excluded.department
RETURNING person_id
""").bindparams(bindparam("statuses", type_=ARRAY(Text)), bindparam("people", type_=ARRAY(Uuid)))  # noqa: S608  # our own constants


class NotMembers(Problem):
    """Somebody is no member of the union on that day. `errors[]` points at each."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "not_a_member"
    title: ClassVar[str] = "名单里有人当日不是本工会会员"


class NoMembers(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "no_members"
    title: ClassVar[str] = "截止日没有会员"


async def set_members(
    session: WriteSession,
    *,
    purchase_id: UUID,
    union_id: UUID,
    day: date,
    purpose: str,
    person_ids: Sequence[UUID] | None,
) -> int:
    """Freeze who belongs to the plan; choices of those who stay are kept. Returns how many.

    Retired people are members of retirement gifts only. Raises NoMembers, NotMembers.
    """
    people = list(dict.fromkeys(person_ids or ()))
    written = set(
        await session.scalars(
            _LAY,
            {
                "purchase": purchase_id,
                "union": union_id,
                "day": day,
                "statuses": ["retired"] if purpose == "retirement" else ["active", "on_leave"],
                "some": person_ids is not None,
                "people": people,
            },
        )
    )
    if missing := [i for i, person in enumerate(people) if person not in written]:
        raise NotMembers(
            f"有 {len(missing)} 人在 {day} 不是本工会会员，请核对名册或换一个截止日。",
            [Detail(f"/person_ids/{i}", NotMembers.code, "当日不是本工会会员") for i in missing[:100]],
        )
    if not written:
        raise NoMembers(f"{day} 的名册里没有可以发放的会员，请先导入名册。")
    return len(written)
