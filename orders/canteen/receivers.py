"""Who may count what came: people who may accept goods in the unit, and had no part in asking for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Date, Text, Uuid, bindparam, text

from orders.canteen.reach import Kitchen
from shop.access.permissions import ROLE_PERMISSIONS, Permission
from shop.core.database import ReadSession
from shop.organisation.queries import unit_path

_ROLES: Final = [str(role) for role, allowed in ROLE_PERMISSIONS.items() if Permission.ACCEPTANCE_WRITE in allowed]
_RECEIVERS: Final = text("""
SELECT DISTINCT u.id, p.name
FROM role_grant g JOIN user_account u ON u.id = g.user_id JOIN person p ON p.id = u.person_id
WHERE g.role = ANY(:roles) AND g.valid_from <= :day AND (g.valid_to IS NULL OR g.valid_to > :day)
    AND (g.scope_kind = 'all' OR (g.scope_kind = 'unit' AND g.scope_id = ANY(:path)))
    AND NOT EXISTS (SELECT FROM acceptance_duty d WHERE d.order_id = :order AND u.id IN (d.requester_id, d.approver_id))
ORDER BY p.name, u.id
""").bindparams(
    bindparam("roles", type_=ARRAY(Text)),
    bindparam("path", type_=ARRAY(Text)),
    bindparam("order", type_=Uuid),
    bindparam("day", type_=Date),
)


@dataclass(frozen=True, slots=True)
class Receiver:
    user_id: UUID
    name: str | None


async def receivers_for(session: ReadSession, kitchen: Kitchen, order_id: UUID, day: date) -> Sequence[Receiver]:
    path = [str(unit_id) for unit_id in await unit_path(session, kitchen.unit_id, day)]
    found = await session.execute(_RECEIVERS, {"roles": _ROLES, "path": path, "order": order_id, "day": day})
    return [Receiver(row.id, row.name) for row in found]
