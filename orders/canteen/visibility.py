"""Which kitchens somebody may act for: those of the units in which the permission holds. Strangers learn nothing."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

_CANTEENS: Final = text("""
SELECT c.id, c.name, c.unit_id, u.name AS unit_name, u.province FROM canteen c JOIN unit u ON u.id = c.unit_id
WHERE (:everywhere OR c.unit_id = ANY(:units)) AND (:one OR c.id = :id) ORDER BY c.name, c.id
""").bindparams(bindparam("units", type_=ARRAY(Uuid)), bindparam("id", type_=Uuid))
_OF_ORDER: Final = text("SELECT canteen_id FROM canteen_order WHERE order_id = :order").bindparams(
    bindparam("order", type_=Uuid)
)


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A canteen and the unit that is credited with what it buys."""

    id: UUID
    name: str
    unit_id: UUID
    unit_name: str
    province: str | None


class NoSuchCanteen(NotFound):
    code = "canteen_not_found"
    title = "没有这个食堂"


class NoSuchCanteenOrder(NotFound):
    code = "canteen_order_not_found"
    title = "没有这张食堂订单"


async def kitchens_of(
    session: ReadSession, actor: Actor, permission: Permission, day: date, *, canteen_id: UUID | None = None
) -> list[Kitchen]:
    """All of them, by name; or that one, if it is among them."""
    units = await visible_unit_ids(session, actor, permission, day)
    found = await session.execute(
        _CANTEENS,
        {"everywhere": units is None, "units": list(units or ()), "one": canteen_id is None, "id": canteen_id},
    )
    return [Kitchen(*row) for row in found]


async def kitchen_for(
    session: ReadSession, actor: Actor, permission: Permission, canteen_id: UUID, day: date
) -> Kitchen:
    """Raises NoSuchCanteen, for strangers too."""
    found = await kitchens_of(session, actor, permission, day, canteen_id=canteen_id)
    if not found:
        raise NoSuchCanteen("请从您的食堂里选一个。")
    return found[0]


async def kitchen_of_order(
    session: ReadSession, actor: Actor, order_id: UUID, day: date, *permissions: Permission
) -> Kitchen:
    """The kitchen that ordered, for whoever has one of the permissions there. Raises NoSuchCanteenOrder."""
    canteen_id = await session.scalar(_OF_ORDER, {"order": order_id})
    for permission in permissions if canteen_id else ():
        if found := await kitchens_of(session, actor, permission, day, canteen_id=canteen_id):
            return found[0]
    raise NoSuchCanteenOrder("请从食堂的订单列表里打开。")
