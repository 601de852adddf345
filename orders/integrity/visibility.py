"""Which flags and rectification items somebody may see: those of the units of the grant."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

_FLAG = text("SELECT id, kind, subject, unit_id FROM flag WHERE id = :id")
_ITEM = text("SELECT * FROM rectification WHERE id = :id")


async def flag_for(
    session: ReadSession, actor: Actor, permission: Permission, flag_id: UUID, *, now: datetime
) -> Row[Any]:
    """Raises NotFound for what does not exist or is not his to see."""
    return await _within(session, actor, permission, await _one(session, _FLAG, flag_id), now)


async def item_for(
    session: ReadSession, actor: Actor, permission: Permission, item_id: UUID, *, now: datetime
) -> Row[Any]:
    """Raises NotFound."""
    return await _within(session, actor, permission, await _one(session, _ITEM, item_id), now)


async def _one(session: ReadSession, statement: Any, id_: UUID) -> Row[Any] | None:
    return (await session.execute(statement, {"id": id_})).one_or_none()


async def _within(
    session: ReadSession, actor: Actor, permission: Permission, row: Row[Any] | None, now: datetime
) -> Row[Any]:
    visible = await visible_unit_ids(session, actor, permission, clock.business_day(now))
    if row is None or (visible is not None and row.unit_id not in visible):
        raise NotFound("没有找到，或者它不在您的管理范围内。")
    return row
