"""Who may give money back, and the whole way of a refund: asked, reserved, sent."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from orders.aftersales.give_back import send
from orders.aftersales.queries import refund_of
from orders.aftersales.refund import request_refund
from orders.aftersales.schemas import RefundIn, RefundOut
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor, Grant, Role
from tests.make.payments import Till
from tests.make.shop import buyer


async def staff(desk: Till, unit_id: UUID) -> Actor:
    person = await buyer(desk.database)
    return replace(person, grants=(Grant(Role.STAFF, "unit", str(unit_id)),))


async def supplier(desk: Till, supplier_id: UUID) -> Actor:
    person = await buyer(desk.database)
    return replace(person, grants=(Grant(Role.SUPPLIER, "supplier", str(supplier_id)),))


async def refund(desk: Till, actor: Actor, order_id: UUID, key: str | None = None, **requested: Any) -> RefundOut:
    now = datetime.now(UTC)
    asked = RefundIn.model_validate({"reason": "到货有坏果", **requested})
    async with desk.database.transaction() as session:
        requested = await request_refund(
            session,
            actor=actor,
            order_id=order_id,
            requested=asked,
            now=now,
            key=key,
            request_sha256=sha256(asked.model_dump_json().encode()).digest(),
        )
    await send(desk.database, desk.gateway, refund_id=requested.refund_id, now=now)
    async with desk.database.reading() as session:
        return await refund_of(session, requested.refund_id)


def pieces(order: OrderOut, index: int, quantity: int) -> dict[str, Any]:
    return {"lines": [{"line_id": order.lines[index].id, "quantity": quantity}]}


async def off_the_shelf(desk: Till) -> None:
    wrong = await desk.all(
        "SELECT i.sku_id FROM stock_item i JOIN stock_movement m USING (sku_id) GROUP BY i.sku_id"
        " HAVING i.on_hand_pieces <> sum(m.pieces)"
    )
    assert wrong == [], "what is on hand is the sum of the movements"
