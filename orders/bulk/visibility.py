"""Whose purchase is it? Strangers do not learn that it exists."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids

_FOUND = "SELECT p.* FROM bulk_purchase p WHERE p.id = :purchase"
_READ, _LOCK = text(_FOUND), text(f"{_FOUND} FOR NO KEY UPDATE")
DELEGATED: Final = f"""
WITH RECURSIVE under (union_id, unit_id) AS (
    SELECT d.union_id, n.id FROM approval_delegation d
    JOIN user_account a ON a.id = d.approver_id AND a.state = 'active'
    JOIN role_grant g ON g.user_id = a.id AND g.role = 'union_approver'
        AND {in_force("g", ":day")}
    JOIN unit n ON g.scope_kind = 'all' OR (g.scope_kind = 'unit' AND n.id::text = g.scope_id)
    WHERE d.delegate_id = :actor AND {in_force("d", ":day")}
    UNION
    SELECT under.union_id, b.unit_id FROM under JOIN unit_parent b ON b.parent_id = under.unit_id
    WHERE {in_force("b", ":day")}
)
SELECT union_id, unit_id FROM under
"""  # noqa: S608  # our own words
"""(union, unit) of which somebody lets the actor decide: nobody passes on more than he has himself today."""
_DELEGATED = text(f"SELECT (CAST(:union AS uuid), CAST(:unit AS uuid)) IN ({DELEGATED})")  # our own


async def purchase_for(
    session: ReadSession,
    actor: Actor,
    permission: Permission,
    purchase_id: UUID,
    now: datetime,
    lock: bool = False,
) -> Row[Any]:
    """The purchase's row, where the actor may use the permission in its unit; locked until the transaction ends.

    Whoever approves for somebody else today sees what that one approves. Raises NotFound for strangers.
    """
    day = clock.business_day(now)
    row = (await session.execute(_LOCK if lock else _READ, {"purchase": purchase_id})).one_or_none()
    if row is None:
        raise NotFound("没有这个采购计划。")
    visible = await visible_unit_ids(session, actor, permission, day)
    if visible is None or row.unit_id in visible:
        return row
    may_be_delegate = permission in {Permission.BULK_READ, Permission.BULK_APPROVE}
    named = {"union": row.union_id, "unit": row.unit_id, "actor": actor.user_id, "day": day}
    if may_be_delegate and await session.scalar(_DELEGATED, named):
        return row
    raise NotFound("没有这个采购计划。")
