"""Who may count what came: people who may accept goods of a unit, and had no part in asking for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Date, Text, Uuid, bindparam, text

from shop.access.permissions import ROLE_PERMISSIONS, Permission
from shop.core.database import ReadSession
from shop.core.window import in_force
from shop.organisation.path import path_on

_ROLES: Final = [str(role) for role, allowed in ROLE_PERMISSIONS.items() if Permission.ACCEPTANCE_WRITE in allowed]
_NAMED: Final = (
    bindparam("roles", type_=ARRAY(Text)),
    bindparam("units", type_=ARRAY(Uuid)),
    bindparam("day", type_=Date),
)
_COVERING: Final = f"""
WITH path AS (SELECT p.unit_id FROM unnest(:units) AS u CROSS JOIN LATERAL ({path_on("u", ":day")}) p),
covering AS (
    SELECT g.user_id FROM role_grant g
    WHERE g.role = ANY(:roles) AND {in_force("g", ":day")}
        AND (g.scope_kind = 'all' OR (g.scope_kind = 'unit' AND g.scope_id IN (SELECT unit_id::text FROM path)))
)
"""  # noqa: S608  # expressions of our own
_RECEIVERS: Final = text(f"""{_COVERING}
SELECT u.id, p.name FROM user_account u JOIN person p ON p.id = u.person_id
WHERE u.id IN (SELECT user_id FROM covering) AND NOT EXISTS (
    SELECT FROM acceptance_duty d WHERE d.order_id = :order AND u.id IN (d.requester_id, d.approver_id))
ORDER BY p.name, u.id
""").bindparams(*_NAMED, bindparam("order", type_=Uuid))  # noqa: S608  # our own constant is put in
_MAY: Final = text(f"""{_COVERING}
SELECT EXISTS (SELECT FROM covering WHERE user_id = :user)
""").bindparams(*_NAMED, bindparam("user", type_=Uuid))  # noqa: S608  # our own words


@dataclass(frozen=True, slots=True)
class Receiver:
    user_id: UUID
    name: str | None


async def receivers_for(
    session: ReadSession, unit_ids: Sequence[UUID], order_id: UUID, day: date
) -> Sequence[Receiver]:
    """Everybody who may accept goods of one of these units, apart from those who asked for the order or approved it."""
    named = {"units": list(unit_ids), "order": order_id, "roles": _ROLES, "day": day}
    return [Receiver(row.id, row.name) for row in await session.execute(_RECEIVERS, named)]


async def may_receive(session: ReadSession, user_id: UUID, unit_ids: Sequence[UUID], day: date) -> bool:
    """Whether the account may accept goods of one of these units on that day."""
    named = {"units": list(unit_ids), "user": user_id, "roles": _ROLES, "day": day}
    return bool(await session.scalar(_MAY, named))
