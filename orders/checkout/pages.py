"""The checkout page: where to, what it costs, what it counts for; then the order, and on to paying."""

import secrets
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from orders.cart.queries import lines_of
from orders.checkout.cart_pages import bring_along, drop_cart_cookie
from orders.checkout.form import CheckoutForm, Destination, destination_of
from orders.checkout.open_payment import open_payment
from orders.checkout.payable import AlreadyPaid, OrderOver
from orders.checkout.place import AlreadyOrdered, place
from orders.checkout.preview import preview
from orders.checkout.problems import EmptyCart, RegionUnknown
from orders.checkout.schemas import AddressIn, PlaceIn
from orders.order.queries import order_under_key
from shop.access.contact import BadContact
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.idempotency import IdempotencyKeyReused
from shop.core.requests import TheDatabase
from shop.organisation.address_book import BadAddress, checked_address, remember_address
from shop.ui.i18n import translations
from shop.ui.pages import lang_of, render

routes = APIRouter(include_in_schema=False)

Buyer = Annotated[Actor, Depends(requires(Permission.ORDER_PLACE))]


@routes.get("/checkout")
async def get_checkout(request: Request, actor: Buyer, database: TheDatabase, address: str = "") -> Response:
    """`?address=new`: type another one than those remembered."""
    merged = await bring_along(request, database, actor)
    page = await _page(request, database, actor, CheckoutForm(address=address))
    if merged:
        drop_cart_cookie(request, page)
    return page


@routes.post("/checkout")
async def post_checkout(
    request: Request, actor: Buyer, database: TheDatabase, form: Annotated[CheckoutForm, Form()]
) -> Response:
    """Everything typed is kept on error. Sent twice it is one order: the form carries the order's key."""
    if form.do != "place" or not form.key:
        return await _page(request, database, actor, form)
    destination = await _destination(database, actor, form)
    if destination.address is None:
        return await _page(request, database, actor, form, destination=destination, status=422)
    if form.seen_total_fen is None:
        return await _page(request, database, actor, form, destination=destination, first_total=True)
    try:
        placed_id = await _place(database, actor, form, destination)
    except Problem as problem:
        if isinstance(problem, IdempotencyKeyReused | AlreadyOrdered | EmptyCart):
            async with database.reading() as session:
                before = await order_under_key(session, actor, form.key)
            if before:
                return RedirectResponse(f"/orders/{before}?notice=before", 303)
        return await _page(
            request, database, actor, form, destination=destination, problem=problem, status=problem.status
        )
    return await _to_payment(request, database, actor, placed_id)


@routes.post("/orders/{order_id}/pay")
async def post_pay(
    request: Request,
    order_id: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.PAYMENT_OPEN))],
    database: TheDatabase,
) -> Response:
    """The button of an order that waits for its payment."""
    return await _to_payment(request, database, actor, order_id)


async def _to_payment(request: Request, database: Database, actor: Actor, order_id: UUID) -> Response:
    """On to the payment page, or to the order, which says why there is none."""
    gateway: PaymentGateway = request.app.state.gateway
    try:
        opened = await open_payment(database, gateway, actor=actor, order_id=order_id, method="stripe", now=clock.now())
    except (AlreadyPaid, OrderOver):
        return RedirectResponse(f"/orders/{order_id}", 303)
    except Problem as problem:
        if problem.status == 404:
            raise
        return RedirectResponse(f"/orders/{order_id}?notice=pay_later", 303)
    return RedirectResponse(opened.redirect_url or f"/orders/{order_id}", 303)


async def _place(database: Database, actor: Actor, form: CheckoutForm, destination: Destination) -> UUID:
    """Returns the order's id."""
    address = destination.address
    assert address is not None  # noqa: S101  # the caller looked
    requested = PlaceIn(
        address=address, expected_total_fen=form.seen_total_fen, allowance_fen=form.requested_allowance_fen
    )
    now = clock.now()
    await place(
        database,
        actor=actor,
        key=form.key,
        request_sha256=sha256(requested.model_dump_json().encode()).digest(),
        requested=requested,
        now=now,
    )
    if form.remember or destination.remembered_id:
        await _remember(database, actor, address, now)
    async with database.reading() as session:
        placed_id = await order_under_key(session, actor, form.key)
    assert placed_id is not None  # noqa: S101  # it was just placed
    return placed_id


async def _remember(database: Database, actor: Actor, address: AddressIn, now: datetime) -> None:
    """The order stands: an address that the book does not take is simply not remembered."""
    with suppress(BadAddress, BadContact):
        kept = checked_address(**address.model_dump())
        async with database.transaction() as session:
            await remember_address(session, person_id=actor.person_id, destination=kept, now=now)


async def _destination(database: Database, actor: Actor, form: CheckoutForm) -> Destination:
    async with database.reading() as session:
        return await destination_of(session, form, person_id=actor.person_id, day=clock.today())


async def _page(
    request: Request,
    database: Database,
    actor: Actor,
    form: CheckoutForm,
    *,
    destination: Destination | None = None,
    problem: Problem | None = None,
    first_total: bool = False,
    status: int = 200,
) -> Response:
    """first_total: the address is complete, and the total is shown for the first time: once more, please."""
    complaining = destination is not None
    destination = destination or await _destination(database, actor, form)
    async with database.reading() as session:
        lines = await lines_of(session, actor.user_id)
    if not lines:
        return RedirectResponse("/cart", 303)
    if not form.key:
        form = form.model_copy(update={"key": secrets.token_urlsafe(24)})
    now, errors = clock.now(), dict(destination.errors) if complaining else {}
    if form.do == "find" and "region_q" in destination.errors and not destination.regions:
        errors["region_q"] = destination.errors["region_q"]
    try:
        quoted = await preview(database, lines, person_id=actor.person_id, region_code=destination.region_code, now=now)
    except RegionUnknown as unknown:
        errors["region_q"] = unknown.detail
        quoted = await preview(database, lines, person_id=actor.person_id, region_code=None, now=now)
    words = translations(lang_of(request))
    return render(
        request,
        "checkout/checkout.html",
        status=status,
        form=form,
        quoted=quoted,
        destination=destination,
        errors={name: words.gettext(said) for name, said in errors.items()},
        problem=problem,
        first_total=first_total and quoted.can_order,
    )
