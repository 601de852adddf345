"""The member's page behind the personal link, and the leader's page."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from orders.bulk.choice.api import package_sums
from orders.bulk.choice.choose import Choice, PackageUnknown, choice_of, choose
from orders.bulk.choice.leader import ChoiceFor, choose_for, led_by, link_list, members_of
from orders.bulk.plan.cases import cased
from orders.bulk.plan.set_cases import set_cases
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Invalid, Problem
from shop.core.requests import TheDatabase, TheKeys, TheSettings
from shop.sheet.value import Unreadable, whole_of
from shop.sheet.write import csv_response
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Leader = Annotated[Actor, Depends(requires(Permission.BULK_WRITE))]


@routes.get("/choose/{secret}")
async def get_choose(request: Request, secret: str, database: TheDatabase) -> Response:
    """What there is to choose, and what one chose. Needs no account; the link is the key."""
    return _choice_page(request, secret, await _choice(database, secret))


@routes.post("/choose/{secret}")
async def post_choose(
    request: Request, secret: str, database: TheDatabase, package_id: Annotated[str, Form()] = ""
) -> Response:
    """Kept, and shown as kept; after the cut-off the page says so."""
    try:
        requested = UUID(package_id)
    except ValueError:
        requested = UUID(int=0)
    try:
        async with database.transaction() as session:
            await choose(session, secret=secret, package_id=requested, now=clock.now())
    except Problem as problem:
        if problem.status == 404:
            raise
        return _choice_page(request, secret, await _choice(database, secret), problem)
    return RedirectResponse(f"/choose/{secret}", 303)


@routes.get("/union/purchases/{purchase_id}/choices")
async def get_choices(
    request: Request, purchase_id: UUID, actor: Leader, database: TheDatabase, waiting: bool = False
) -> Response:
    """Who has chosen, sums, cases and spares; a form for those who cannot choose themselves."""
    return await _leader_page(request, database, actor, purchase_id, waiting=waiting)


@routes.post("/union/purchases/{purchase_id}/choices")
async def post_choices(
    request: Request,
    purchase_id: UUID,
    actor: Leader,
    database: TheDatabase,
    staff_number: Annotated[str, Form()] = "",
    package_id: Annotated[str, Form()] = "",
) -> Response:
    """For one member by staff number. What was typed stays when it is refused."""
    typed = {"staff_number": staff_number, "package_id": package_id}
    try:
        try:
            requested = UUID(package_id)
        except ValueError as error:
            raise PackageUnknown("请选择一种套餐。") from error
        choice = ChoiceFor(requested, staff_number=staff_number.strip().replace("\0", "")[:40])
        async with database.transaction() as session:
            await choose_for(session, actor=actor, purchase_id=purchase_id, choices=[choice], now=clock.now())
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _leader_page(request, database, actor, purchase_id, problem=problem, typed=typed)
    return RedirectResponse(f"/union/purchases/{purchase_id}/choices", 303)


@routes.post("/union/purchases/{purchase_id}/choices/links")
async def post_links(
    request: Request, purchase_id: UUID, actor: Leader, database: TheDatabase, keys: TheKeys, settings: TheSettings
) -> Response:
    """The list to hand out, as a csv that spreadsheet software opens."""
    try:
        async with database.transaction() as session:
            listed = await link_list(session, actor=actor, purchase_id=purchase_id, keys=keys, now=clock.now())
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _leader_page(request, database, actor, purchase_id, problem=problem)
    address = f"{settings.public_url.rstrip('/')}/choose"
    rows = [(one.unit, one.department, one.staff_number, one.name, f"{address}/{secret}") for one, secret in listed]
    return csv_response("choice-links.csv", [("单位", "部门", "工号", "姓名", "选择链接"), *rows], private=True)


@routes.post("/union/purchases/{purchase_id}/choices/cases")
async def post_case(
    request: Request,
    purchase_id: UUID,
    actor: Leader,
    database: TheDatabase,
    sku_id: Annotated[UUID, Form()],
    case_pieces: Annotated[str, Form()] = "",
) -> Response:
    """How many pieces of one SKU a case holds."""
    kept = case_pieces.strip()
    try:
        pieces = whole_of(kept, least=1, most=10_000)
        async with database.transaction() as session:
            await set_cases(
                session, actor=actor, purchase_id=purchase_id, case_pieces={sku_id: pieces}, now=clock.now()
            )
    except Unreadable:
        wrong = Invalid("每箱件数请填 1 到 10000 的整数。")
        return await _leader_page(request, database, actor, purchase_id, problem=wrong, typed={str(sku_id): kept})
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _leader_page(request, database, actor, purchase_id, problem=problem, typed={str(sku_id): kept})
    return RedirectResponse(f"/union/purchases/{purchase_id}/choices#cases", 303)


async def _choice(database: Database, secret: str) -> Choice:
    async with database.reading() as session:
        return await choice_of(session, secret, clock.now())


def _choice_page(request: Request, secret: str, choice: Choice, problem: Problem | None = None) -> Response:
    page = render(
        request, "bulk/choose.html", problem.status if problem else 200, secret=secret, choice=choice, problem=problem
    )
    page.headers["referrer-policy"] = "no-referrer"  # the address is the key
    page.headers["x-robots-tag"] = "noindex"
    return page


async def _leader_page(
    request: Request,
    database: Database,
    actor: Actor,
    purchase_id: UUID,
    *,
    waiting: bool = False,
    problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    now = clock.now()
    async with database.reading() as session:
        led = await led_by(session, actor, purchase_id, now)
        sums, members = await members_of(session, led, waiting=waiting)
        packages = await package_sums(session, purchase_id)
        goods = await cased(session, purchase_id) if led.whole else []
    until = led.purchase.choose_until
    return render(
        request,
        "bulk/choices.html",
        problem.status if problem else 200,
        purchase=led.purchase,
        open=led.purchase.choices_frozen_at is None
        and led.purchase.state in {"draft", "quoting"}
        and (until is None or until > now),
        whole=led.whole,
        sums=sums,
        members=members,
        packages=packages,
        goods=goods,
        waiting=waiting,
        problem=problem,
        typed=typed or {},
    )
