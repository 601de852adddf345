"""Whose purchase is it? Strangers do not learn that it exists."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

_FOUND = "SELECT p.* FROM bulk_purchase p WHERE p.id = :purchase"
_READ, _LOCK = text(_FOUND), text(f"{_FOUND} FOR NO KEY UPDATE")
_DELEGATED = text("""
SELECT EXISTS (SELECT FROM approval_delegation WHERE union_id = :union AND delegate_id = :actor
    AND valid_from <= :day AND valid_to > :day)
""")


async def purchase_for(
    session: ReadSession,
    actor: Actor,
    permission: Permission,
    purchase_id: UUID,
    now: datetime,
    lock: bool = False,
) -> Row[Any]:
    """The purchase's row, where the actor may use the permission in its unit; locked until the transaction ends.

    Whoever approves for somebody else today sees that union's purchases. Raises NotFound for strangers.
    """
    day = clock.business_day(now)
    row = (await session.execute(_LOCK if lock else _READ, {"purchase": purchase_id})).one_or_none()
    if row is None:
        raise NotFound("没有这个采购计划。")
    visible = await visible_unit_ids(session, actor, permission, day)
    if visible is None or row.unit_id in visible:
        return row
    may_be_delegate = permission in {Permission.BULK_READ, Permission.BULK_APPROVE}
    named = {"union": row.union_id, "actor": actor.user_id, "day": day}
    if may_be_delegate and await session.scalar(_DELEGATED, named):
        return row
    raise NotFound("没有这个采购计划。")
