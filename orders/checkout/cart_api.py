"""The signed-in buyer's cart: what is in it stands in `orders/cart`, what it would cost is asked here."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from orders.cart.put_line import put_line
from orders.cart.queries import lines_of
from orders.cart.remove_line import remove_line
from orders.checkout.preview import last_region, preview
from orders.checkout.problems import RegionUnknown
from orders.checkout.quoted import CheckoutQuoteOut
from orders.checkout.schemas import QuantityIn
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["cart"])

Buyer = Annotated[Actor, Depends(requires(Permission.CART_WRITE))]


@routes.get("/cart")
async def get_cart(actor: Buyer, database: TheDatabase) -> CheckoutQuoteOut:
    """The cart, quoted now; freight for where the last order went, null when there is none."""
    return await quoted_cart(database, actor, now=clock.now())


@routes.put("/cart/lines/{sku_id}")
async def put_cart_line(sku_id: UUID, body: QuantityIn, actor: Buyer, database: TheDatabase) -> CheckoutQuoteOut:
    """So many pieces of it, whatever was there before; the cart as it is now."""
    now = clock.now()
    async with database.transaction() as session:
        await put_line(session, owner_id=actor.user_id, sku_id=sku_id, quantity=body.quantity, now=now)
    return await quoted_cart(database, actor, now=now)


@routes.delete("/cart/lines/{sku_id}", status_code=204)
async def delete_cart_line(sku_id: UUID, actor: Buyer, database: TheDatabase) -> Response:
    """Not there any more is success."""
    async with database.transaction() as session:
        await remove_line(session, owner_id=actor.user_id, sku_id=sku_id)
    return Response(status_code=204)


async def quoted_cart(database: Database, actor: Actor, *, now: datetime) -> CheckoutQuoteOut:
    """A user's cart, sent to where the last order went if that place still exists."""
    async with database.reading() as session:
        lines = await lines_of(session, actor.user_id)
        region_code = await last_region(session, user_id=actor.user_id, person_id=actor.person_id)
    try:
        return await preview(database, lines, person_id=actor.person_id, region_code=region_code, now=now)
    except RegionUnknown:
        return await preview(database, lines, person_id=actor.person_id, region_code=None, now=now)
