"""`/canteen/deliveries`: what is to come, the form with which two people accept it, and the papers of its batches."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from orders.acceptance.received import Truck
from orders.acceptance.receivers import receivers_for
from orders.canteen.accept import Weighed, accept
from orders.canteen.add_paper import Paper, add_paper
from orders.canteen.amount import Good, typed
from orders.canteen.queries import LineSeen, open_deliveries, order_seen
from orders.canteen.visibility import kitchen_of_order, kitchens_of
from orders.evidence.keep import FILE_BYTES_MAX, keep
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, Invalid, Problem
from shop.core.ids import new_id
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Receiver = Annotated[Actor, Depends(requires(Permission.ACCEPTANCE_WRITE))]
_DAY_SAID = "日期应为 2026-11-22 的样子"


@routes.get("/canteen/deliveries")
async def get_deliveries(request: Request, actor: Receiver, database: TheDatabase) -> Response:
    """Open ones, by day."""
    async with database.reading() as session:
        kitchens = await kitchens_of(session, actor, Permission.ACCEPTANCE_WRITE, clock.today())
        coming = await open_deliveries(session, kitchens)
    return render(request, "canteen/deliveries.html", coming=coming, day=clock.today())


@routes.get("/canteen/deliveries/{order_id}")
async def get_delivery(request: Request, order_id: UUID, actor: Receiver, database: TheDatabase) -> Response:
    """The form to accept, or, once accepted, what was counted and the papers."""
    return await _page(request, database, actor, order_id, {})


@routes.post("/canteen/deliveries/{order_id}")
async def post_delivery(request: Request, order_id: UUID, actor: Receiver, database: TheDatabase) -> Response:
    """What was weighed and counted; the same page with what was typed when it does not add up."""
    posted = await request.form()
    fields = {name: value.strip() for name, value in posted.items() if isinstance(value, str)}
    now = clock.now()
    async with database.reading() as session:
        await kitchen_of_order(session, actor, order_id, clock.today(), Permission.ACCEPTANCE_WRITE)
        _, lines = await order_seen(session, order_id)
    try:
        counts = _counts(lines, fields)
        async with database.transaction() as session:
            await accept(
                session,
                actor=actor,
                order_id=order_id,
                witness_id=_witness(fields),
                lines=counts,
                accepted_on=_day(fields, "accepted_on") or clock.business_day(now),
                truck=_truck(fields),
                note=fields.get("note", "")[:500] or None,
                key=fields.get("key", "")[:200] or str(new_id()),
                now=now,
            )
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, order_id, fields, problem)
    return RedirectResponse(f"/canteen/deliveries/{order_id}", 303)


@routes.post("/canteen/deliveries/{order_id}/papers")
async def post_paper(
    request: Request,
    order_id: UUID,
    actor: Receiver,
    database: TheDatabase,
    files: TheFiles,
    file: UploadFile,
    line_id: Annotated[UUID, Form()],
    kind: Annotated[str, Form(pattern="^(conformity|quarantine|inspection|delivery_note)$")],
    batch_number: Annotated[str, Form(max_length=60)] = "",
    number: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """A photo or a PDF of the paper; the file is kept first, then tied to the line."""
    now = clock.now()
    async with database.reading() as session:
        kitchen = await kitchen_of_order(session, actor, order_id, clock.today(), Permission.ACCEPTANCE_WRITE)
    try:
        data = await file.read(FILE_BYTES_MAX + 1)
        kept = await keep(
            files, database, data=data, file_name=file.filename or "", actor=actor, unit_id=kitchen.unit_id, now=now
        )
        paper = Paper(line_id, kind, kept.sha256, batch_number.strip() or None, number.strip() or None)
        async with database.transaction() as session:
            await add_paper(session, actor=actor, order_id=order_id, paper=paper, now=now)
    except Problem as problem:
        return await _page(
            request, database, actor, order_id, {"batch_number": batch_number, "number": number}, problem
        )
    return RedirectResponse(f"/canteen/deliveries/{order_id}", 303)


async def _page(
    request: Request,
    database: Database,
    actor: Actor,
    order_id: UUID,
    fields: Mapping[str, str],
    problem: Problem | None = None,
) -> Response:
    day = clock.today()
    async with database.reading() as session:
        kitchen = await kitchen_of_order(session, actor, order_id, day, Permission.ACCEPTANCE_WRITE)
        order, lines = await order_seen(session, order_id)
        witnesses = await receivers_for(session, [kitchen.unit_id], order_id, day)
    return render(
        request,
        "canteen/delivery.html",
        problem.status if problem else 200,
        kitchen=kitchen,
        order=order,
        lines=lines,
        witnesses=[(str(one.user_id), one.name or "—") for one in witnesses if one.user_id != actor.user_id],
        typed=fields,
        key=fields.get("key") or str(new_id()),
        problem=problem,
        day=day,
    )


def _counts(lines: list[LineSeen], fields: Mapping[str, str]) -> list[Weighed]:
    """Raises Invalid with every field that cannot be read."""
    wrong: list[Detail] = []

    def milli(line: LineSeen, what: str) -> int:
        name = f"{what}-{line.id}"
        if what == "accepted" and not fields.get(name):
            wrong.append(Detail(f"/{name}", "missing", f"{line.title}：请填实收，没到的填 0"))
            return 0
        good = Good(line.sku_id, line.weighed, line.net_grams, line.spec, line.title)
        try:
            amount = typed(line.sku_id, fields.get(name) or "0", good)
        except ValueError as error:
            wrong.append(Detail(f"/{name}", "amount_wrong", str(error)))
            return 0
        return (amount.grams or 0) * 1_000 // line.net_grams if line.weighed else (amount.quantity or 0) * 1_000

    def best_before(line: LineSeen) -> date | None:
        try:
            return _day(fields, f"best_before-{line.id}")
        except Invalid as error:
            wrong.extend(error.errors)
            return None

    counts = [
        Weighed(
            line_id=line.id,
            accepted_milli=milli(line, "accepted"),
            damaged_milli=milli(line, "damaged"),
            refused_milli=milli(line, "refused"),
            reason=fields.get(f"reason-{line.id}", "")[:200] or None,
            best_before=best_before(line),
            batch_number=fields.get(f"batch-{line.id}", "")[:60] or None,
        )
        for line in lines
    ]
    if wrong:
        raise Invalid("请改正标出的地方，其余已为您保留。", wrong)
    return counts


def _witness(fields: Mapping[str, str]) -> UUID:
    try:
        return UUID(fields.get("witness_id", ""))
    except ValueError as error:
        raise Invalid("请选共同验收人。", [Detail("/witness_id", "missing", "验收要两个人")]) from error


def _day(fields: Mapping[str, str], name: str) -> date | None:
    written = fields.get(name, "")
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as error:
        raise Invalid("请改正日期。", [Detail(f"/{name}", "day_wrong", _DAY_SAID)]) from error


def _truck(fields: Mapping[str, str]) -> Truck | None:
    driver, plate = fields.get("driver", "")[:100], fields.get("plate", "")[:20]
    if not driver and not plate:
        return None
    if not driver or not plate:
        raise Invalid("司机和车牌要一起填。", [Detail("/plate", "missing", "司机和车牌要一起填")])
    return Truck(driver, plate, fields.get("delivery_note", "")[:60] or None)
