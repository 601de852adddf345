"""Goods that a kitchen ordered and does not want: before they are accepted, and while nothing was paid for them."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text

from catalog.stock import moving
from orders.canteen.visibility import kitchen_of_order
from orders.order.move_on import move_on
from orders.order.shares import nothing_due
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem

_ORDER = bindparam("order", type_=Uuid)
_LOCK: Final = text("SELECT state FROM shop_order WHERE id = :order FOR NO KEY UPDATE").bindparams(_ORDER)


class CannotCancel(Problem):
    """Accepted already, or paid for."""

    status = 409
    code = "not_cancellable"
    title = "这张食堂订单不能取消"


async def cancel(session: WriteSession, *, actor: Actor, order_id: UUID, now: datetime) -> None:
    """Held goods can be sold to others again. Cancelled before is success. Raises NoSuchCanteenOrder, CannotCancel."""
    await kitchen_of_order(session, actor, order_id, clock.business_day(now), Permission.CANTEEN_BUY)
    state = await session.scalar(_LOCK, {"order": order_id})
    if state == "cancelled":
        return
    if state != "confirmed":
        raise CannotCancel("货已经验收，请与供应商商量退货，由帮扶办办理退款。")
    if not await nothing_due(session, order_id=order_id):
        raise CannotCancel("已经付过款，请先联系帮扶办退款。")
    await move_on(session, order_ids=[order_id], to="cancelled", now=now, actor_id=actor.user_id)
    await moving.release(session, order_ids=[order_id])
    await record_change(
        session,
        actor_id=actor.user_id,
        action="canteen_order.cancel",
        subject=f"order:{order_id}",
        before={"state": state},
        after={"state": "cancelled"},
        now=now,
    )
