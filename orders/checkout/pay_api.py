"""`POST /orders/{id}/pay`: open a payment page for one's own order."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from orders.checkout.open_payment import Method, Opened, open_payment
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["orders"])


class PayIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Method


@routes.post("/orders/{order_id}/pay")
async def post_pay(
    request: Request,
    order_id: UUID,
    body: PayIn,
    actor: Annotated[Actor, Depends(requires(Permission.PAYMENT_OPEN))],
    database: TheDatabase,
) -> Opened:
    """Open (or find again) the payment page, or get the code of a bank transfer; the goods stay held meanwhile."""
    gateway: PaymentGateway = request.app.state.gateway
    return await open_payment(database, gateway, actor=actor, order_id=order_id, method=body.method, now=clock.now())
