"""May this person decide about this money? Staff of the buyer's unit may; without a unit, those of the whole shop."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from orders.aftersales.own_money import OwnMoney
from orders.payment_desk.problems import NothingToDecide
from orders.payment_desk.waiting import WAITING
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

_ORDER_OF: Final = {
    "payment": text("SELECT order_id FROM payment WHERE id = CAST(:id AS uuid)"),
    "refund": text("SELECT order_id FROM refund WHERE id = CAST(:id AS uuid)"),
    "dispute": text("SELECT order_id FROM dispute WHERE id = CAST(:id AS uuid)"),
    "provider_refund": text("SELECT order_id FROM provider_refund WHERE provider_refund_id = :id"),
}
_LOCK: Final = text("SELECT id, buyer_id, person_id, unit_id, state FROM shop_order WHERE id = :order FOR UPDATE")
_WAITING: Final = text(f"SELECT * FROM ({WAITING}) waiting WHERE order_id = :order AND subject = :subject")  # noqa: S608


async def waiting_for(session: WriteSession, actor: Actor, subject: str, *, now: datetime) -> tuple[Row[Any], Row[Any]]:
    """What waits under this name, and its order, locked: two people who decide at once come one after the other.

    Raises NotFound for strangers, OwnMoney for the buyer himself, NothingToDecide for what waits no longer.
    """
    kind, _, key = subject.partition(":")
    order_id = await session.scalar(_ORDER_OF[kind], {"id": key})
    order = (await session.execute(_LOCK, {"order": order_id})).one_or_none()
    visible = await visible_unit_ids(session, actor, Permission.PAYMENT_DESK, clock.business_day(now))
    if order is None or not may_see(order.unit_id, visible):
        raise NotFound("没有找到，或者它不在您的管理范围内。")
    if order.buyer_id == actor.user_id:
        raise OwnMoney
    found = (await session.execute(_WAITING, {"order": order_id, "subject": subject})).one_or_none()
    if found is None:
        raise NothingToDecide("请刷新页面查看结果。")
    return found, order


def may_see(unit_id: UUID | None, visible: frozenset[UUID] | None) -> bool:
    return visible is None or (unit_id is not None and unit_id in visible)
