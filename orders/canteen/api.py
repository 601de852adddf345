"""`/canteen-…`: lists to repeat, orders by weight, acceptances with papers, the extension, what is overdue."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.acceptance.received import Truck
from orders.canteen.accept import Weighed, accept
from orders.canteen.add_paper import Paper, add_paper
from orders.canteen.cancel import cancel
from orders.canteen.change_list import add_list, change_list, remove_list
from orders.canteen.extend import extend
from orders.canteen.place import Wish, place
from orders.canteen.queries import LineSeen, due_of, lists_of, order_seen, orders_of, overdue
from orders.canteen.schemas import (
    AcceptIn,
    CanteenOrderOut,
    CanteenPaperIn,
    ContractIn,
    CountIn,
    ExtensionIn,
    ListChangeIn,
    ListIn,
    ListOut,
    Lists,
    Made,
    OrderIn,
    OrderPage,
    line_out,
)
from orders.canteen.sign_contract import NewContract, sign_contract
from orders.canteen.visibility import Kitchen, kitchen_of_order, kitchens_of
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession, WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["canteens"])

Buyer = Annotated[Actor, Depends(requires(Permission.CANTEEN_BUY))]
Receiver = Annotated[Actor, Depends(requires(Permission.ACCEPTANCE_WRITE))]


@routes.get("/canteens")
async def get_canteens(actor: Buyer, database: TheDatabase) -> dict[str, list[Kitchen] | None]:
    """The kitchens that the caller buys for."""
    async with database.reading() as session:
        found = await kitchens_of(session, actor, Permission.CANTEEN_BUY, clock.today())
    return {"items": found, "next_cursor": None}


@routes.get("/canteen-lists")
async def get_lists(actor: Buyer, database: TheDatabase) -> Lists:
    """With today's prices."""
    async with database.reading() as session:
        kitchens = await kitchens_of(session, actor, Permission.CANTEEN_BUY, clock.today())
        found = await lists_of(session, kitchens, now=clock.now())
    return Lists([ListOut(one.id, one.canteen_id, one.name, one.version, one.changed_at, one.lines) for one in found])


@routes.post("/canteen-lists", status_code=201, response_model=Made)
async def post_list(request: Request, body: ListIn, actor: Buyer, key: IdempotencyKey) -> Response:
    """A list to order from again and again."""

    async def verb(session: WriteSession, now: datetime) -> Made:
        lines = [line.as_amount() for line in body.lines]
        made = await add_list(session, actor=actor, canteen_id=body.canteen_id, name=body.name, lines=lines, now=now)
        return Made(made)

    return await answer_once(request, actor.user_id, key, verb)


@routes.put("/canteen-lists/{list_id}")
async def put_list(list_id: UUID, body: ListChangeIn, actor: Buyer, database: TheDatabase) -> dict[str, int]:
    """Replace name and lines; 409 when somebody changed it meanwhile."""
    async with database.transaction() as session:
        version = await change_list(
            session,
            actor=actor,
            list_id=list_id,
            version=body.version,
            name=body.name,
            lines=[line.as_amount() for line in body.lines],
            now=clock.now(),
        )
    return {"version": version}


@routes.delete("/canteen-lists/{list_id}", status_code=204)
async def delete_list(list_id: UUID, actor: Buyer, database: TheDatabase) -> None:
    """Orders made from it stay."""
    async with database.transaction() as session:
        await remove_list(session, actor=actor, list_id=list_id, now=clock.now())


@routes.post("/canteen-orders", status_code=201, response_model=CanteenOrderOut)
async def post_order(request: Request, body: OrderIn, actor: Buyer, key: IdempotencyKey) -> Response:
    """Confirmed and unpaid at once; goods are held until their day."""
    wish = Wish(
        deliver_on=body.deliver_on,
        lines=[line.as_amount() for line in body.lines],
        list_id=body.list_id,
        repeat_id=body.repeat_order_id,
        supplements_id=body.supplements_id,
    )

    async def verb(session: WriteSession, now: datetime) -> CanteenOrderOut:
        order_id = await place(session, actor=actor, canteen_id=body.canteen_id, wish=wish, key=key, now=now)
        return await _order_out(session, order_id)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/canteen-orders")
async def get_orders(
    actor: Buyer,
    database: TheDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> OrderPage:
    """The newest first."""
    async with database.reading() as session:
        kitchens = await kitchens_of(session, actor, Permission.CANTEEN_BUY, clock.today())
        items, next_cursor = await orders_of(session, kitchens, limit=limit, cursor=cursor)
    return OrderPage(items, next_cursor)


@routes.get("/canteen-orders/{order_id}")
async def get_order(
    order_id: UUID, actor: Annotated[Actor, Depends(requires(Permission.ORDER_READ))], database: TheDatabase
) -> CanteenOrderOut:
    """For who buys for the canteen, and for who accepts its goods."""
    async with database.reading() as session:
        await kitchen_of_order(
            session, actor, order_id, clock.today(), Permission.CANTEEN_BUY, Permission.ACCEPTANCE_WRITE
        )
        return await _order_out(session, order_id)


@routes.post("/canteen-orders/{order_id}/acceptances", status_code=201, response_model=Made)
async def post_acceptance(
    request: Request, order_id: UUID, body: AcceptIn, actor: Receiver, key: IdempotencyKey
) -> Response:
    """What two people weighed and counted. Neither of them asked for the goods."""

    async def verb(session: WriteSession, now: datetime) -> Made:
        await kitchen_of_order(session, actor, order_id, clock.business_day(now), Permission.ACCEPTANCE_WRITE)
        _, ordered = await order_seen(session, order_id)
        by_id = {line.id: line for line in ordered}
        accepted = await accept(
            session,
            actor=actor,
            order_id=order_id,
            witness_id=body.witness_id,
            lines=[_weighed(line, by_id.get(line.line_id)) for line in body.lines],
            accepted_on=body.accepted_on or clock.business_day(now),
            truck=Truck(body.truck.driver, body.truck.plate, body.truck.delivery_note) if body.truck else None,
            note=body.note,
            key=key,
            now=now,
        )
        return Made(accepted)

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/canteen-orders/{order_id}/papers", status_code=201)
async def post_paper(order_id: UUID, body: CanteenPaperIn, actor: Receiver, database: TheDatabase) -> dict[str, str]:
    """A conformity or quarantine paper of an accepted line's batch; the file comes by `POST /evidence`."""
    paper = Paper(body.line_id, body.kind, body.evidence_sha256, body.batch_number, body.number)
    async with database.transaction() as session:
        await add_paper(session, actor=actor, order_id=order_id, paper=paper, now=clock.now())
    return {"evidence_sha256": body.evidence_sha256}


@routes.post("/canteen-orders/{order_id}/extension")
async def post_extension(order_id: UUID, body: ExtensionIn, actor: Buyer, database: TheDatabase) -> CanteenOrderOut:
    """Fifteen days more to pay, once; 409 `already_extended`."""
    async with database.transaction() as session:
        await extend(session, actor=actor, order_id=order_id, reason=body.reason, now=clock.now())
        return await _order_out(session, order_id)


@routes.post("/canteen-orders/{order_id}/cancel")
async def post_cancel(order_id: UUID, actor: Buyer, database: TheDatabase) -> CanteenOrderOut:
    """Before the goods are accepted; what was held can be sold again."""
    async with database.transaction() as session:
        await cancel(session, actor=actor, order_id=order_id, now=clock.now())
        return await _order_out(session, order_id)


@routes.get("/canteen-overdue")
async def get_overdue(actor: Buyer, database: TheDatabase) -> OrderPage:
    """What should have been paid before today."""
    async with database.reading() as session:
        kitchens = await kitchens_of(session, actor, Permission.CANTEEN_BUY, clock.today())
        owed = await due_of(session, kitchens)
    return OrderPage(overdue(owed, clock.today()), None)


@routes.post("/canteen-contracts", status_code=201, response_model=Made)
async def post_contract(
    request: Request,
    body: ContractIn,
    actor: Annotated[Actor, Depends(requires(Permission.RULE_WRITE))],
    key: IdempotencyKey,
) -> Response:
    """Who pays for a canteen from a day on. By those who keep dated rules; the contract before it ends that day."""

    async def verb(session: WriteSession, now: datetime) -> Made:
        contract = NewContract(**body.model_dump(exclude={"canteen_id"}))
        return Made(await sign_contract(session, actor=actor, canteen_id=body.canteen_id, contract=contract, now=now))

    return await answer_once(request, actor.user_id, key, verb)


async def _order_out(session: ReadSession, order_id: UUID) -> CanteenOrderOut:
    order, lines = await order_seen(session, order_id)
    return CanteenOrderOut(order, [line_out(line) for line in lines])


def _weighed(count: CountIn, line: LineSeen | None) -> Weighed:
    """Grams or pieces to milli-pieces; an unknown line is refused by the verb."""

    def milli(amount: int) -> int:
        if line is not None and line.weighed:
            return amount * 1_000 // line.net_grams
        return amount * 1_000

    return Weighed(
        line_id=count.line_id,
        accepted_milli=milli(count.accepted),
        damaged_milli=milli(count.damaged),
        refused_milli=milli(count.refused),
        reason=count.reason,
        best_before=count.best_before,
        batch_number=count.batch_number,
    )
