"""`POST /quotes` and `POST /orders`: what it would cost, and buying it."""

import re
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from orders.cart.queries import lines_of
from orders.checkout.place import place
from orders.checkout.preview import preview
from orders.checkout.quoted import CheckoutQuoteOut
from orders.checkout.schemas import CheckoutQuoteIn, PlaceIn
from orders.order.schemas import OrderOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.errors import Detail, Problem
from shop.core.requests import TheDatabase, database_of

routes = APIRouter(prefix="/api/v1", tags=["orders"])

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
# Documented here and read by hand below: this route is walked by everybody who buys.
_KEY_HEADER: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "One a request: the same key with the same body gives the first answer again.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"},
        }
    ]
}


class IdempotencyKeyRequired(Problem):
    status = 422
    code = "idempotency_key_required"
    title = "缺少请求编号"


@routes.post("/quotes")
async def post_quote(
    body: CheckoutQuoteIn, actor: Annotated[Actor, Depends(requires(Permission.CART_WRITE))], database: TheDatabase
) -> CheckoutQuoteOut:
    """What these lines (or the cart) cost at that place, whether they arrive, and what they will count for."""
    if body.lines is None:
        async with database.reading() as session:
            lines = await lines_of(session, actor.user_id)
    else:
        lines = [(line.sku_id, line.quantity) for line in body.lines]
    return await preview(
        database, lines, person_id=actor.person_id, region_code=body.address.region_code, now=clock.now()
    )


@routes.post("/orders", status_code=201, response_model=OrderOut, openapi_extra=_KEY_HEADER)
async def post_order(
    request: Request, body: PlaceIn, actor: Annotated[Actor, Depends(requires(Permission.ORDER_PLACE))]
) -> Response:
    """Place an order: prices, papers and stock are checked again, and the goods held until `expires_at`.

    `Idempotent-Replayed: true` marks the first answer, given again.
    """
    key = key_of(request)
    placed = await place(
        database_of(request),
        actor=actor,
        key=key,
        request_sha256=sha256(await request.body()).digest(),
        requested=body,
        now=clock.now(),
    )
    headers = {"idempotent-replayed": "true"} if placed.replayed else None
    return Response(placed.answer, 201, headers, "application/json")


def key_of(request: Request) -> str:
    """The Idempotency-Key header. Raises IdempotencyKeyRequired."""
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyRequired(
            "请在 Idempotency-Key 里放一个新的编号（1 到 200 个可见的 ASCII 字符），重试时用同一个。",
            [Detail("/Idempotency-Key", "idempotency_key_required", "必填")],
        )
    return key
