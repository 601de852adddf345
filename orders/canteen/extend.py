"""Fifteen days more to pay, once."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text

from orders.canteen.visibility import kitchen_of_order
from orders.order.move_on import move_payment
from orders.order.shares import extend_due
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem

EXTRA_DAYS: Final = 15
_LOCK_ORDER: Final = text("SELECT id FROM shop_order WHERE id = :order FOR UPDATE").bindparams(
    bindparam("order", type_=Uuid)
)
_WHY_NOT: Final = text("SELECT extended_on, due_on FROM payer_share WHERE order_id = :order").bindparams(
    bindparam("order", type_=Uuid)
)


class AlreadyExtended(Problem):
    status = 409
    code = "already_extended"
    title = "这笔账款已经延期过一次"


class NothingDue(Problem):
    """Not accepted yet, or paid already."""

    status = 409
    code = "nothing_due"
    title = "这笔订单没有可以延期的账款"


async def extend(session: WriteSession, *, actor: Actor, order_id: UUID, reason: str, now: datetime) -> None:
    """The guarded update is the rule: two at once, and one of them finds it done.

    Raises NoSuchCanteenOrder, AlreadyExtended, NothingDue.
    """
    day = clock.business_day(now)
    await kitchen_of_order(session, actor, order_id, day, Permission.CANTEEN_BUY)
    await session.execute(_LOCK_ORDER, {"order": order_id})
    extended = await extend_due(session, order_id=order_id, days=EXTRA_DAYS, day=day)
    if extended is None:
        known = (await session.execute(_WHY_NOT, {"order": order_id})).first()
        if known and known.extended_on:
            raise AlreadyExtended(f"已于 {known.extended_on} 延期，现在应在 {known.due_on} 前付款。每笔只能延期一次。")
        raise NothingDue("验收之后、付清之前才能延期。")
    if extended.payment_state != "overdue":
        await move_payment(session, order_ids=[order_id], leaving="overdue", to="unpaid")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="canteen_order.extend",
        subject=f"order:{order_id}",
        after={"due_on": extended.due_on.isoformat(), "days": EXTRA_DAYS},
        reason=reason,
        now=now,
    )
