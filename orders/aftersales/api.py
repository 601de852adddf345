"""`POST /orders/{id}/cancel`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from orders.aftersales.cancel import cancel
from orders.aftersales.schemas import CancelledOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["orders"])


@routes.post("/orders/{order_id}/cancel")
async def post_cancel(
    request: Request,
    order_id: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.ORDER_CANCEL))],
    database: TheDatabase,
) -> CancelledOut:
    """Cancel one's own order before it is sent. What was paid goes back whole; cancelled before is success."""
    gateway: PaymentGateway = request.app.state.gateway
    refund_id = await cancel(database, gateway, actor=actor, order_id=order_id, now=clock.now())
    return CancelledOut(order_id, "cancelled", refund_id)
