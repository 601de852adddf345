"""Which unions' money somebody may see or change: of those that serve a unit within reach."""

from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, Date, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids

_UNIONS = text(f"""
SELECT id FROM labour_union l WHERE CAST(:everywhere AS boolean) OR EXISTS (
    SELECT FROM union_unit u WHERE u.union_id = l.id AND u.unit_id = ANY(:units)
    AND {in_force("u", ":day")})
""").bindparams(bindparam("units", type_=ARRAY(Uuid)), bindparam("day", type_=Date))  # noqa: S608  # our own words


async def visible_union_ids(
    session: ReadSession, actor: Actor, permission: Permission, *, day: date
) -> frozenset[UUID]:
    """The unions that on `day` serve one of the units in which the actor may use the permission."""
    units = await visible_unit_ids(session, actor, permission, day)
    facts = {"everywhere": units is None, "units": list(units or ()), "day": day}
    return frozenset(await session.scalars(_UNIONS, facts))


async def check_union(session: ReadSession, actor: Actor, permission: Permission, union_id: UUID, *, day: date) -> None:
    """Raises NotFound to strangers."""
    if union_id not in await visible_union_ids(session, actor, permission, day=day):
        raise NotFound("没有这个工会。")
