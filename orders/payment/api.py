"""`POST /hooks/stripe`: believe, keep, answer. What it means is found out later (`orders/switchboard.py`)."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from orders.payment import inbox
from shop.adapters.stripe.gateway import PaymentGateway, SignatureInvalid
from shop.core import clock
from shop.core.requests import TheDatabase

LARGEST_EVENT = 512 * 1024  # bytes; far more than any event that we subscribe to

routes = APIRouter(tags=["payments"])


@routes.post(
    "/hooks/stripe",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def post_stripe_event(
    request: Request, database: TheDatabase, stripe_signature: Annotated[str, Header()] = ""
) -> Response:
    """Stripe's signed events. 400 `signature_invalid` for forged, stale or oversized ones, and nothing is kept."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_EVENT:
            raise SignatureInvalid("通知内容过大，未被接受。")
    gateway: PaymentGateway = request.app.state.gateway
    event = gateway.verify_event(bytes(body), stripe_signature)
    async with database.transaction() as session:
        await inbox.put(session, event, now=clock.wall())
    return Response(status_code=200)
