"""Roles held in a company end when somebody works in it no more; an employee's own goes where he goes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Date, Uuid, bindparam, text

from shop.access.permissions import Actor, Grant, Role
from shop.access.users import grant_role, revoke_role
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.window import in_force, not_ended

REASON: Final = "离开单位"
# A company: the top unit above the one that was left, with all below it. Roles over everything are not a unit's to end.
_ENDED = text(f"""
WITH RECURSIVE gone AS (SELECT DISTINCT person_id, unit_id FROM unnest(:people, :units) AS g(person_id, unit_id)),
up (origin, unit_id) AS (
    SELECT DISTINCT unit_id, unit_id FROM gone
    UNION SELECT up.origin, a.parent_id FROM up JOIN unit_parent a ON a.unit_id = up.unit_id
    WHERE {in_force("a", ":day")}
), top AS (
    SELECT origin, unit_id FROM up WHERE NOT EXISTS (SELECT FROM unit_parent a WHERE a.unit_id = up.unit_id
        AND {in_force("a", ":day")})
), house (top_id, unit_id) AS (
    SELECT DISTINCT unit_id, unit_id FROM top
    UNION SELECT house.top_id, b.unit_id FROM house JOIN unit_parent b ON b.parent_id = house.unit_id
    WHERE {in_force("b", ":day")}
)
SELECT DISTINCT g.user_id, g.role, g.scope_id, m.unit_id AS works_at FROM gone
JOIN user_account u ON u.person_id = gone.person_id JOIN top ON top.origin = gone.unit_id
JOIN role_grant g ON g.user_id = u.id AND g.scope_kind = 'unit' AND {not_ended("g", ":day")}
JOIN house h ON h.top_id = top.unit_id AND h.unit_id::text = g.scope_id
LEFT JOIN membership m ON m.person_id = gone.person_id
    AND {in_force("m", ":day")}
WHERE NOT EXISTS (SELECT FROM house k WHERE k.top_id = top.unit_id AND k.unit_id = m.unit_id)
ORDER BY g.user_id, g.role, g.scope_id
""").bindparams(  # noqa: S608  # our own words
    bindparam("people", type_=ARRAY(Uuid)), bindparam("units", type_=ARRAY(Uuid)), bindparam("day", type_=Date)
)


async def rights_follow(
    session: WriteSession, *, actor: Actor | None, left: Sequence[tuple[UUID, UUID]], day: date, now: datetime
) -> None:
    """left: (person, unit) whose membership there ends, or ended, on `day`; call it when the new one has begun.

    Who works in the company still keeps what he holds. Others hold nothing in it any more, from today on or from that
    later day: tokens end within a second, pages as quickly, and what they had asked others to approve is asked for no
    longer.
    """
    if not left:
        return
    day = max(day, clock.business_day(now))
    named = {"people": [person for person, _ in left], "units": [unit for _, unit in left], "day": day}
    ended = (await session.execute(_ENDED, named)).all()
    for one in ended:
        grant = Grant(Role(one.role), "unit", one.scope_id)
        await revoke_role(session, actor=actor, user_id=one.user_id, grant=grant, day=day, reason=REASON, now=now)
    for user_id, unit_id in {(one.user_id, one.works_at) for one in ended if one.role == Role.EMPLOYEE}:
        if unit_id is not None:
            await grant_role(
                session,
                actor_id=actor.user_id if actor else None,
                user_id=user_id,
                grant=Grant(Role.EMPLOYEE, "unit", str(unit_id)),
                valid_from=day,
                reason=REASON,
                now=now,
            )
