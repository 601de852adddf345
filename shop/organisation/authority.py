"""May this person do this to that thing? The one place that asks: a permission, and where it is held."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotAllowed, NotFound
from shop.organisation.queries import visible_unit_ids


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thing belongs: its own units, all of them; none: it concerns everybody, or nobody knows whom."""

    units: frozenset[UUID]


EVERYBODY: Final = Place(frozenset())
"""Of what concerns everybody: scope `all`, and nothing less."""


def of_units(*unit_ids: UUID | None) -> Place:
    """A thing of these units; a thing without one concerns everybody."""
    return Place(frozenset(one for one in unit_ids if one is not None))


async def may(session: ReadSession, actor: Actor, permission: Permission, place: Place, *, day: date) -> bool:
    """Whether the actor holds the permission over every unit of the place on that day."""
    units = await visible_unit_ids(session, actor, permission, day)
    return units is None or (bool(place.units) and place.units <= units)


async def require(session: ReadSession, actor: Actor, permission: Permission, place: Place, *, day: date) -> None:
    """Raises NotFound for a thing of others, as if it did not exist; NotAllowed for what concerns everybody."""
    if await may(session, actor, permission, place, day=day):
        return
    if place.units:
        raise NotFound("没有找到，或者它不在您的管理范围内。")
    raise NotAllowed("这件事涉及所有单位，只能由权限覆盖全部单位的人处理。")
