"""My orders, and one of them with its receipt."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from orders.order.queries import Credited, helped_in, orders_of, own_order, receipt_of
from orders.order.schemas import OrderCountyRef, OrderOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import LIMIT_DEFAULT, Cursor
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Reader = Annotated[Actor, Depends(requires(Permission.ORDER_READ))]

LOOKS_MOST = 10
"""How often the page looks again by itself whether the payment has arrived; then the visitor decides."""


@routes.get("/orders")
async def get_orders(request: Request, actor: Reader, database: TheDatabase, cursor: Cursor = None) -> Response:
    """The newest first, and what the buyer has helped this year."""
    now = clock.now()
    async with database.reading() as session:
        page = await orders_of(session, actor, limit=LIMIT_DEFAULT, cursor=cursor)
        helped = await helped_in(session, actor, year=clock.business_day(now).year)
    return render(request, "order/list.html", page=page, helped=helped, cursor=cursor, now=now)


@routes.get("/orders/{order_id}")
async def get_order(
    request: Request,
    order_id: UUID,
    actor: Reader,
    database: TheDatabase,
    notice: Annotated[str, Query(max_length=30)] = "",
    look: Annotated[int, Query(ge=0, le=LOOKS_MOST)] = 0,
) -> Response:
    """One's own order. While a payment is under way the page looks again every three seconds, ten times at most."""
    now = clock.now()
    async with database.reading() as session:
        order = await own_order(session, actor, order_id)
        receipt = await receipt_of(session, order_id)
    payable = order.state == "placed" and order.expires_at > now
    waiting = payable and order.payment_state == "pending" and look < LOOKS_MOST
    return render(
        request,
        "order/order.html",
        order=order,
        receipt=receipt,
        credited=receipt.credited if order.payment_state == "paid" else promised(order),
        payable=payable,
        notice_of=notice,
        look_again=f"/orders/{order_id}?look={look + 1}" if waiting else None,
    )


def promised(order: OrderOut) -> list[Credited]:
    """What an unpaid order will count for, by county; nothing once it is over."""
    if order.state != "placed":
        return []
    sums: dict[tuple[OrderCountyRef, str | None], int] = {}
    for line in order.lines:
        for origin in line.origins:
            key = (origin.county, origin.not_counted_reason)
            sums[key] = sums.get(key, 0) + origin.paid_fen
    return [Credited(county, fen, reason) for (county, reason), fen in sums.items()]
