"""The cart as a page: for visitors too. What a visitor put in stays there after signing in."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from orders.cart.merge import merge
from orders.cart.put_line import QUANTITY_MAX, add_line, put_line
from orders.cart.queries import lines_of
from orders.cart.remove_line import remove_line
from orders.cart.visitor import COOKIE, LIFETIME, new_visitor, visitor_id_of
from orders.checkout.cart_api import quoted_cart
from orders.checkout.preview import preview
from orders.checkout.quoted import CheckoutQuoteOut
from orders.checkout.regions import labels_of
from shop.access.guard import maybe_actor
from shop.access.permissions import Actor, Permission
from shop.access.session.cookies import is_secure, own_cookie
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotAllowed
from shop.core.requests import TheDatabase, TheSettings, settings_of
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)


@routes.get("/cart")
async def get_cart(request: Request, database: TheDatabase) -> Response:
    """Lines, troubles in plain words, sums; signed in, freight for where the last order went."""
    return await _page(request, database, await buyer_of(request))


@routes.post("/cart/lines")
async def post_line(
    request: Request,
    database: TheDatabase,
    settings: TheSettings,
    sku_id: Annotated[UUID, Form()],
    quantity: Annotated[str, Form()] = "1",
) -> Response:
    """From a product's page: so many more. Shows the cart."""
    actor = await buyer_of(request)
    cookie = request.cookies.get(_cookie(request)) or new_visitor()
    requested = _quantity(quantity)
    if requested is None:
        return await _page(request, database, actor, wrong={})
    async with database.transaction() as session:
        owner_id = actor.user_id if actor else visitor_id_of(cookie)
        await add_line(session, owner_id=owner_id, sku_id=sku_id, quantity=requested, now=clock.now())
    answer = RedirectResponse("/cart", 303)
    if actor is None:
        answer.set_cookie(
            _cookie(request),
            cookie,
            max_age=int(LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=is_secure(settings),
        )
    return answer


@routes.post("/cart/lines/{sku_id}")
async def post_quantity(
    request: Request,
    database: TheDatabase,
    sku_id: UUID,
    quantity: Annotated[str, Form()] = "",
    do: Annotated[Literal["put", "remove"], Form()] = "put",
) -> Response:
    """From the cart: another quantity, or `do=remove`. What cannot be a quantity stays on the page to be mended."""
    actor = await buyer_of(request)
    owner_id = _owner_of(request, actor)
    requested = _quantity(quantity)
    if owner_id is None:
        return RedirectResponse("/cart", 303)
    if do == "put" and requested is None:
        return await _page(request, database, actor, wrong={sku_id: quantity})
    async with database.transaction() as session:
        if do == "remove" or requested is None:
            await remove_line(session, owner_id=owner_id, sku_id=sku_id)
        else:
            await put_line(session, owner_id=owner_id, sku_id=sku_id, quantity=requested, now=clock.now())
    return RedirectResponse("/cart", 303)


async def buyer_of(request: Request) -> Actor | None:
    """Whoever is signed in, or None for a visitor. Raises NotAllowed for an account that does not buy."""
    actor = await maybe_actor(request)
    if actor and not actor.may(Permission.CART_WRITE):
        raise NotAllowed("这个账号不用来购物。请用职工或客户账号登录后再买。")
    return actor


async def bring_along(request: Request, database: Database, actor: Actor) -> bool:
    """The first look after signing in: the visitor's lines move over. True when the cookie has done its work."""
    cookie = request.cookies.get(_cookie(request))
    if cookie is None:
        return False
    async with database.transaction() as session:
        await merge(session, visitor_id_of(cookie), actor.user_id)
    return True


def _owner_of(request: Request, actor: Actor | None) -> UUID | None:
    cookie = request.cookies.get(_cookie(request))
    if actor:
        return actor.user_id
    return visitor_id_of(cookie) if cookie else None


async def _page(
    request: Request, database: Database, actor: Actor | None, *, wrong: dict[UUID, str] | None = None
) -> Response:
    """wrong: what was typed as a quantity and cannot be one, by SKU."""
    merged = actor is not None and await bring_along(request, database, actor)
    quoted = await _quoted(request, database, actor)
    async with database.reading() as session:
        labels = await labels_of(session, {quoted.region_code or ""})
    page = render(
        request,
        "checkout/cart.html",
        status=200 if wrong is None else 422,
        cart=quoted,
        region=labels.get(quoted.region_code or ""),
        signed_in=actor is not None,
        wrong=wrong or {},
        quantity_max=QUANTITY_MAX,
        refused=wrong is not None,
    )
    if merged:
        drop_cart_cookie(request, page)
    return page


def drop_cart_cookie(request: Request, page: Response) -> None:
    """It has done its work."""
    secure = is_secure(settings_of(request))
    page.delete_cookie(_cookie(request), httponly=True, samesite="lax", secure=secure)


def _cookie(request: Request) -> str:
    return own_cookie(COOKIE, settings_of(request))


async def _quoted(request: Request, database: Database, actor: Actor | None) -> CheckoutQuoteOut:
    if actor:
        return await quoted_cart(database, actor, now=clock.now())
    owner_id = _owner_of(request, None)
    async with database.reading() as session:
        lines = await lines_of(session, owner_id) if owner_id else []
    return await preview(database, lines, person_id=None, region_code=None, now=clock.now())


def _quantity(typed: str) -> int | None:
    """1 … 9999 as people type it (full-width digits too), or None."""
    kept = typed.strip()
    if not kept.isdecimal() or len(kept) > 4:
        return None
    return int(kept) or None
