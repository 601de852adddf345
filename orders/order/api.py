"""`GET /orders`: one's own, and one of them."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Response

from orders.order.queries import order_seen_by, orders_of
from orders.order.schemas import OrderList, OrderOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["orders"])

Reader = Annotated[Actor, Depends(requires(Permission.ORDER_READ))]


@routes.get("/orders", response_model=OrderList)
async def get_orders(
    actor: Reader,
    database: TheDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """The caller's own orders, the newest first."""
    async with database.reading() as session:
        page = await orders_of(session, actor, limit=limit, cursor=cursor)
    return Response(msgspec.json.encode(page), media_type="application/json")


@routes.get("/orders/{order_id}", response_model=OrderOut)
async def get_order(order_id: UUID, actor: Reader, database: TheDatabase) -> Response:
    """The buyer sees all of it; staff who may refund it see no name and no address; a supplier the own lines."""
    async with database.reading() as session:
        order = await order_seen_by(session, actor, order_id, day=clock.today())
    return Response(msgspec.json.encode(order), media_type="application/json")
