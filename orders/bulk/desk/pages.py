"""`/union`: the desk of a union's buyer and approver. Works without scripts."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from orders.bulk.approval.delegate import delegate
from orders.bulk.approval.notice import concerned
from orders.bulk.desk.answers import PurchaseOut
from orders.bulk.desk.options import goods_on_sale, places_of, unions_approved_by
from orders.bulk.desk.plan_form import Typed, as_fen, blank, plan_of, typed_from, typed_of
from orders.bulk.desk.queries import purchase_as_it_stands, purchases_of, shown_in_notice
from orders.bulk.desk.words import TONES, WORDS
from orders.bulk.plan.change_plan import change_plan
from orders.bulk.plan.contract import contracts_of
from orders.bulk.plan.create import create
from orders.bulk.plan.schemas import DelegationIn, PlanIn, PlanPatch
from orders.bulk.problems import STATE_WORDS
from orders.bulk.states import OPEN_TO_CHANGE, WAY
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Invalid, NotFound, Problem
from shop.core.ids import new_id
from shop.core.paging import Cursor
from shop.core.requests import TheDatabase
from shop.organisation.claim_queries import claims_waiting
from shop.sheet.value import Unreadable, whole_of
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Clerk = Annotated[Actor, Depends(requires(Permission.BULK_WRITE))]
Reader = Annotated[Actor, Depends(requires(Permission.BULK_READ))]
Approver = Annotated[Actor, Depends(requires(Permission.BULK_APPROVE))]
Anybody = Annotated[Actor, Depends(requires(Permission.ME_READ))]
Saved = Annotated[Literal["save", "more"], Form()]


@routes.get("/union")
async def get_desk(
    request: Request, actor: Reader, database: TheDatabase, cursor: Cursor = None, delegated: bool = False
) -> Response:
    """What waits for whoever looks stands first."""
    return await _desk(request, database, actor, cursor=cursor, delegated=delegated)


@routes.post("/union/delegations")
async def post_delegation(request: Request, actor: Approver, database: TheDatabase) -> Response:
    """An approver on leave lets somebody else decide, for some days and up to an amount."""
    typed = {name: said.strip() for name, said in (await request.form()).items() if isinstance(said, str)}
    facts = {name: said for name, said in typed.items() if name in DelegationIn.model_fields}
    try:
        requested = DelegationIn.model_validate(facts | {"up_to_fen": as_fen(typed.get("up_to", ""))})
        async with database.transaction() as session:
            await delegate(session, actor=actor, **requested.model_dump(), now=clock.now())
    except ValidationError:
        wrong = Invalid("请选择工会，填写受托人邮箱、金额（例如 10000）和起止日期。")
        return await _desk(request, database, actor, problem=wrong, typed=typed)
    except Problem as problem:
        return await _desk(request, database, actor, problem=problem, typed=typed)
    return RedirectResponse("/union?delegated=true", 303)


@routes.get("/union/purchases/new")
async def get_new(request: Request, actor: Clerk, database: TheDatabase) -> Response:
    return await _editor(request, database, actor, blank(str(clock.today())), key=str(new_id()))


@routes.post("/union/purchases/new")
async def post_new(request: Request, actor: Clerk, database: TheDatabase, do: Saved = "save") -> Response:
    """Everything typed is kept when something is wrong. Sent twice it is one plan: the form carries its key."""
    form = dict(await request.form())
    key = str(form.get("key", ""))[:100] or str(new_id())
    typed = typed_of(form, more=do == "more")
    if do == "more":
        return await _editor(request, database, actor, typed, key=key)
    plan = plan_of(typed)
    if not isinstance(plan, PlanIn):
        typed.errors.update(plan)
        return await _editor(request, database, actor, typed, key=key, status=422)
    try:
        async with database.transaction() as session:
            made = await create(session, actor=actor, plan=plan, key=key, now=clock.now())
    except Problem as problem:
        return await _editor(request, database, actor, typed, key=key, problem=problem, status=problem.status)
    return RedirectResponse(f"/union/purchases/{made}", 303)


@routes.get("/union/purchases/{purchase_id}/edit")
async def get_edit(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    async with database.reading() as session:
        found = await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=clock.now())
    return await _editor(request, database, actor, typed_from(found), purchase=found)


@routes.post("/union/purchases/{purchase_id}/edit")
async def post_edit(
    request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase, do: Saved = "save"
) -> Response:
    """What differs is changed; the form names the revision that it was made from."""
    form = dict(await request.form())
    typed = typed_of(form, more=do == "more")
    async with database.reading() as session:
        found = await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=clock.now())
    if do == "more":
        return await _editor(request, database, actor, typed, purchase=found)
    plan = plan_of(typed)
    if not isinstance(plan, PlanIn):
        typed.errors.update(plan)
        return await _editor(request, database, actor, typed, purchase=found, status=422)
    try:
        async with database.transaction() as session:
            patch = _difference(found, plan, str(form.get("revision", "")))
            await change_plan(session, actor=actor, purchase_id=purchase_id, patch=patch, now=clock.now())
    except Problem as problem:
        return await _editor(request, database, actor, typed, purchase=found, problem=problem, status=problem.status)
    return RedirectResponse(f"/union/purchases/{purchase_id}", 303)


@routes.get("/union/purchases/{purchase_id}")
async def get_purchase(request: Request, purchase_id: UUID, actor: Reader, database: TheDatabase) -> Response:
    return await purchase_page(request, database, actor, purchase_id)


@routes.get("/union/purchases/{purchase_id}/contract")
async def get_contract(request: Request, purchase_id: UUID, actor: Reader, database: TheDatabase) -> Response:
    """For the printer, also where no font for PDF is installed."""
    async with database.reading() as session:
        found = await contracts_of(session, actor=actor, purchase_id=purchase_id, now=clock.now())
    draft = found.state in {"draft", "quoting", "submitted", "rejected", "cancelled"}
    return render(request, "bulk/contract.html", found=found, draft=draft, purchase_id=purchase_id)


@routes.get("/union/purchases/{purchase_id}/notice")
async def get_notice(request: Request, purchase_id: UUID, actor: Anybody, database: TheDatabase) -> Response:
    """What members see: goods, prices, suppliers and sums; no names."""
    now = clock.now()
    async with database.reading() as session:
        await concerned(session, actor=actor, purchase_id=purchase_id, now=now)
        found = await shown_in_notice(session, purchase_id, now=now)
    if found.notice is None:
        raise NotFound("这个采购没有公示。")
    is_open = found.notice.open_until > clock.business_day(now)
    return render(request, "bulk/notice.html", purchase=found, is_open=is_open, words=WORDS, problem=None, typed="")


async def purchase_page(
    request: Request,
    database: Database,
    actor: Actor,
    purchase_id: UUID,
    *,
    problem: Problem | None = None,
    typed: dict[str, Any] | None = None,
) -> Response:
    """The purchase with what may be done next; `typed` stays in the form that was refused."""
    now = clock.now()
    async with database.transaction() as session:  # not a replica: one's own step is seen at once
        found = await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=now)
        goods = await goods_on_sale(session, now) if found.state in {"ordered", "shipped", "accepted"} else ()
    asked = found.requester.id == actor.user_id
    skipped = {e.state: e.reason for e in found.events if e.skipped and e.revision == found.revision}
    return render(
        request,
        "bulk/purchase.html",
        problem.status if problem else 200,
        purchase=found,
        goods=goods,
        steps=[(state, STATE_WORDS[state], skipped.get(state)) for state in WAY],
        at=WAY.index(found.state) if found.state in WAY else -1,
        may_write=actor.may(Permission.BULK_WRITE),
        may_decide=not asked and found.state == "submitted",
        may_approve_changes=actor.may(Permission.BULK_APPROVE),
        open_to_change=found.state in OPEN_TO_CHANGE,
        today=clock.business_day(now),
        words=WORDS,
        tones=TONES,
        problem=problem,
        typed=typed or {},
        actor_id=actor.user_id,
    )


async def _desk(
    request: Request,
    database: Database,
    actor: Actor,
    *,
    cursor: str | None = None,
    delegated: bool = False,
    problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    now = clock.now()
    async with database.reading() as session:
        found = await purchases_of(session, actor=actor, now=now, state=None, limit=50, cursor=cursor)
        unions = await unions_approved_by(session, actor, clock.business_day(now))
        claimed, _ = await claims_waiting(session, actor, now=now)
    may_list = actor.may(Permission.ROSTER_IMPORT)
    return render(
        request,
        "bulk/desk.html",
        problem.status if problem else 200,
        waiting=[one for one in found.items if one.waits_for_me],
        others=[one for one in found.items if not one.waits_for_me],
        next_cursor=found.next_cursor,
        cursor=cursor,
        may_write=actor.may(Permission.BULK_WRITE),
        may_list=may_list,
        claimed=may_list and any(one.person_id != actor.person_id for one in claimed),
        unions=unions,
        delegated=delegated,
        problem=problem,
        typed=typed or {},
        words=WORDS,
        tones=TONES,
    )


async def _editor(
    request: Request,
    database: Database,
    actor: Actor,
    typed: Typed,
    *,
    key: str = "",
    purchase: PurchaseOut | None = None,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    now = clock.now()
    async with database.reading() as session:
        pairs, units = await places_of(session, actor, clock.business_day(now))
        goods = await goods_on_sale(session, now)
    return render(
        request,
        "bulk/plan.html",
        status,
        typed=typed,
        pairs=pairs,
        units=units,
        goods=goods,
        key=key,
        purchase=purchase,
        problem=problem,
        words=WORDS,
    )


def _difference(found: PurchaseOut, plan: PlanIn, revision: str) -> PlanPatch:
    """Only what the form changed, so that an unchanged list keeps its ids and its members' choices."""
    requested = plan.model_dump(exclude={"union_id", "unit_id", "person_ids", "payers"}, exclude_unset=True)
    requested |= {name: None for name in ("festival", "directed_reason", "choose_until") if name not in requested}
    goods = [(k.name, [(line.sku_id, line.pieces) for line in k.lines]) for k in found.packages]
    said = [(k.name, [(line.sku_id, line.pieces) for line in k.lines]) for k in plan.packages]
    sites = [(s.unit.id, s.name, s.contact_name, s.contact_phone, s.region_code, s.street) for s in found.sites]
    changed = {
        name: value
        for name, value in requested.items()
        if name not in {"packages", "sites"} and value != getattr(found, name)
    }
    if sorted(goods, key=str) != sorted(said, key=str):
        changed["packages"] = [package.model_dump() for package in plan.packages]
    if sites != [(s.unit_id, s.name, s.contact_name, s.contact_phone, s.region_code, s.street) for s in plan.sites]:
        changed["sites"] = [site.model_dump() for site in plan.sites]
    try:
        changed["revision"] = whole_of(revision)
    except Unreadable as wrong:  # without it nobody would notice that somebody else has changed the plan meanwhile
        raise Invalid("请刷新页面再试。") from wrong
    return PlanPatch.model_validate(changed)
