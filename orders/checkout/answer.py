"""What a buyer is answered who placed an order: the order as it is about to be written."""

from datetime import datetime, timedelta
from typing import Final

from orders.checkout.quote import Quote
from orders.checkout.quoted import origin_out
from orders.checkout.schemas import PlaceIn
from orders.order.number import new_number
from orders.order.schemas import NameRef, OrderLineOut, OrderOut
from shop.core import clock
from shop.core.ids import new_id

HOLD: Final = timedelta(minutes=30)
"""How long goods are held for a payment that nobody has begun."""


def order_of(quoted: Quote, requested: PlaceIn, now: datetime) -> OrderOut:
    return OrderOut(
        id=new_id(),
        number=new_number(clock.business_day(now)),
        state="placed",
        payment_state="unpaid",
        fund_source=requested.fund_source,
        placed_at=now,
        expires_at=now + HOLD,
        goods_fen=quoted.goods_fen,
        discount_fen=quoted.discount_fen,
        freight_fen=quoted.total_freight_fen,
        total_fen=quoted.total_fen,
        paid_fen=0,
        refunded_fen=0,
        credit_kind=quoted.credit_kind,
        unit=NameRef(quoted.unit.id, quoted.unit.name) if quoted.unit else None,
        lines=[
            OrderLineOut(
                id=new_id(),
                sku_id=line.sku_id,
                product_id=line.sku.product_id,
                title=line.sku.title,
                spec=line.sku.spec,
                supplier=NameRef(line.sku.supplier_id, line.sku.supplier_name),
                quantity=line.quantity,
                unit_price_fen=line.step.fen,
                price_list=line.step.list,
                discount_fen=line.discount_fen,
                paid_fen=line.net_fen,
                refunded_quantity=0,
                refunded_fen=0,
                origins=[origin_out(piece) for piece in line.pieces],
            )
            for line in quoted.lines
            if line.sku and line.step
        ],
    )
