"""`/canteen`: lists, order again by weight, what is on its way, what is due and overdue, the reserved share."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from orders.canteen.cancel import cancel
from orders.canteen.change_list import add_list, change_list, remove_list
from orders.canteen.extend import extend
from orders.canteen.form import Form as OrderForm
from orders.canteen.form import begun, day_of, sent
from orders.canteen.place import NothingOrdered, Wish, place
from orders.canteen.queries import due_of, lists_of, open_deliveries, order_seen, orders_of, overdue
from orders.canteen.reserved_share import reserved_share_of
from orders.canteen.visibility import Kitchen, NoSuchCanteen, kitchen_for, kitchen_of_order, kitchens_of
from orders.checkout.place import AlreadyOrdered
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Buyer = Annotated[Actor, Depends(requires(Permission.CANTEEN_BUY))]


@routes.get("/canteen")
async def get_canteen(request: Request, actor: Buyer, database: TheDatabase) -> Response:
    """Everything a kitchen needs on one page, the most pressing first."""
    return await _desk(request, actor, database)


@routes.get("/canteen/order")
async def get_order_form(
    request: Request,
    actor: Buyer,
    database: TheDatabase,
    canteen: UUID | None = None,
    list_id: UUID | None = None,
    repeat: UUID | None = None,
    supplements: UUID | None = None,
) -> Response:
    """Filled from a list or an order, to be edited by quantity and weight."""
    now = clock.now()
    kitchen = await _kitchen(database, actor, canteen)
    async with database.reading() as session:
        form = await begun(
            session, actor, kitchen, list_id=list_id, repeat_id=repeat, supplements_id=supplements, now=now
        )
    return render(request, "canteen/order_form.html", kitchen=kitchen, form=form, problem=None)


@routes.post("/canteen/order")
async def post_order_form(request: Request, actor: Buyer, database: TheDatabase) -> Response:
    """`do`: find goods, look at the sum, save the list, or place. What was typed is kept when something is wrong."""
    now = clock.now()
    posted = await request.form()
    fields = {name: value for name, value in posted.items() if isinstance(value, str)}
    kitchen = await _kitchen(database, actor, _id(fields.get("canteen_id")))
    async with database.reading() as session:
        form = await sent(session, fields, kitchen, now)
    problem: Problem | None = None
    if fields.get("do") in {"save", "place"} and not form.errors:
        try:
            return await (_place if fields["do"] == "place" else _save)(database, actor, kitchen, form)
        except Problem as refused:
            problem = refused
    wrong = problem.status if problem else 422 if form.errors else 200
    return render(request, "canteen/order_form.html", wrong, kitchen=kitchen, form=form, problem=problem)


@routes.get("/canteen/orders/{order_id}")
async def get_order(request: Request, order_id: UUID, actor: Buyer, database: TheDatabase) -> Response:
    """One order: what was asked for, what was accepted, papers, and what is to be paid with which code."""
    return await _order(request, database, actor, order_id)


@routes.post("/canteen/orders/{order_id}/extension")
async def post_extension(
    request: Request,
    order_id: UUID,
    actor: Buyer,
    database: TheDatabase,
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Fifteen days more, once."""
    try:
        if not reason.strip():
            raise _ReasonMissing("请写明延期付款的原因。")
        async with database.transaction() as session:
            await extend(session, actor=actor, order_id=order_id, reason=reason.strip(), now=clock.now())
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _order(request, database, actor, order_id, problem)
    return RedirectResponse(f"/canteen/orders/{order_id}", 303)


@routes.post("/canteen/orders/{order_id}/cancel")
async def post_cancel(request: Request, order_id: UUID, actor: Buyer, database: TheDatabase) -> Response:
    """Before the goods are accepted."""
    try:
        async with database.transaction() as session:
            await cancel(session, actor=actor, order_id=order_id, now=clock.now())
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _order(request, database, actor, order_id, problem)
    return RedirectResponse(f"/canteen/orders/{order_id}", 303)


@routes.post("/canteen/lists/{list_id}/remove")
async def post_remove(list_id: UUID, actor: Buyer, database: TheDatabase) -> Response:
    async with database.transaction() as session:
        await remove_list(session, actor=actor, list_id=list_id, now=clock.now())
    return RedirectResponse("/canteen", 303)


class _ReasonMissing(Problem):
    status = 422
    code = "reason_missing"
    title = "没有写原因"


async def _desk(request: Request, actor: Actor, database: Database) -> Response:
    day, now = clock.today(), clock.now()
    async with database.reading() as session:
        kitchens = await kitchens_of(session, actor, Permission.CANTEEN_BUY, day)
        owed = await due_of(session, kitchens)
        recent, _ = await orders_of(session, kitchens, limit=10)
        shares = [(one, await reserved_share_of(session, one, day)) for one in kitchens]
        lists = await lists_of(session, kitchens, now=now)
        coming = await open_deliveries(session, kitchens)
    late = overdue(owed, day)
    return render(
        request,
        "canteen/desk.html",
        kitchens=kitchens,
        names={one.id: one.name for one in kitchens},
        lists=lists,
        coming=coming,
        late=late,
        due=[one for one in owed if one not in late],
        recent=recent,
        shares=[(kitchen, share) for kitchen, share in shares if share],
        day=day,
    )


async def _order(
    request: Request, database: Database, actor: Actor, order_id: UUID, problem: Problem | None = None
) -> Response:
    async with database.reading() as session:
        kitchen = await kitchen_of_order(session, actor, order_id, clock.today(), Permission.CANTEEN_BUY)
        order, lines = await order_seen(session, order_id)
    return render(
        request,
        "canteen/order.html",
        problem.status if problem else 200,
        kitchen=kitchen,
        order=order,
        lines=lines,
        problem=problem,
        day=clock.today(),
    )


async def _kitchen(database: Database, actor: Actor, canteen_id: UUID | None) -> Kitchen:
    """The one that was named, or the first of the actor's."""
    async with database.reading() as session:
        if canteen_id:
            return await kitchen_for(session, actor, Permission.CANTEEN_BUY, canteen_id, clock.today())
        found = await kitchens_of(session, actor, Permission.CANTEEN_BUY, clock.today())
    if not found:
        raise NoSuchCanteen("您的单位还没有登记食堂，请联系管理员。")
    return found[0]


async def _place(database: Database, actor: Actor, kitchen: Kitchen, form: OrderForm) -> Response:
    deliver_on = day_of(form.deliver_on)
    if deliver_on is None:
        raise _DayMissing("请选送货日期。")
    if not form.amounts:
        raise NothingOrdered("请至少填一行数量或重量。")
    wish = Wish(deliver_on, form.amounts, list_id=form.list_id, supplements_id=form.supplements_id)
    try:
        async with database.transaction() as session:
            order_id = await place(
                session, actor=actor, canteen_id=kitchen.id, wish=wish, key=form.key, now=clock.now()
            )
    except AlreadyOrdered:
        return RedirectResponse("/canteen", 303)
    return RedirectResponse(f"/canteen/orders/{order_id}", 303)


class _DayMissing(Problem):
    status = 422
    code = "deliver_on_missing"
    title = "没有选送货日期"


class _NameMissing(Problem):
    status = 422
    code = "list_name_missing"
    title = "清单没有名字"


async def _save(database: Database, actor: Actor, kitchen: Kitchen, form: OrderForm) -> Response:
    """A new list, or the one that was opened, if it still stands as it was."""
    if not form.list_name:
        raise _NameMissing("请给清单起一个名字，例如“周一早餐”。")
    async with database.transaction() as session:
        if form.list_id and form.list_version is not None:
            await change_list(
                session,
                actor=actor,
                list_id=form.list_id,
                version=form.list_version,
                name=form.list_name,
                lines=form.amounts,
                now=clock.now(),
            )
        else:
            await add_list(
                session, actor=actor, canteen_id=kitchen.id, name=form.list_name, lines=form.amounts, now=clock.now()
            )
    return RedirectResponse("/canteen", 303)


def _id(written: str | None) -> UUID | None:
    try:
        return UUID(written or "")
    except ValueError:
        return None
