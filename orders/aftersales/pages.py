"""The button that cancels one's own order."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from orders.aftersales.cancel import CancelTooLate, NotCancellable, cancel
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.requests import TheDatabase

routes = APIRouter(include_in_schema=False)


@routes.post("/orders/{order_id}/cancel")
async def post_cancel(
    request: Request,
    order_id: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.ORDER_CANCEL))],
    database: TheDatabase,
) -> Response:
    """Back to the order, which says how it stands now."""
    gateway: PaymentGateway = request.app.state.gateway
    try:
        await cancel(database, gateway, actor=actor, order_id=order_id, now=clock.now())
    except CancelTooLate:
        return RedirectResponse(f"/orders/{order_id}?notice=cancel_too_late", 303)
    except NotCancellable:
        return RedirectResponse(f"/orders/{order_id}?notice=not_cancellable", 303)
    return RedirectResponse(f"/orders/{order_id}", 303)
