"""`/api/v1/bulk-purchases`: the plan, its quotes, approval, notice and changes."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from orders.bulk.approval.approve import approve, reject
from orders.bulk.approval.delegate import delegate
from orders.bulk.approval.notice import answer_objection, publish, raise_objection
from orders.bulk.approval.submit import submit
from orders.bulk.change.decide_change import approve_change, reject_change
from orders.bulk.change.request_change import request_change
from orders.bulk.desk.answers import PurchaseList, PurchaseOut
from orders.bulk.desk.queries import purchase_as_it_stands, purchases_of
from orders.bulk.models import BULK_STATES
from orders.bulk.plan.cancel import cancel
from orders.bulk.plan.change_plan import change_plan
from orders.bulk.plan.contract import contract_pdf
from orders.bulk.plan.copy_last_year import copy_last_year
from orders.bulk.plan.create import create
from orders.bulk.plan.quotes import add_quote, choose_quote
from orders.bulk.plan.schemas import (
    AnswerIn,
    ApprovedOut,
    ApproveIn,
    CancelIn,
    ChangeApproveIn,
    ChangeIn,
    CopyIn,
    DelegationIn,
    DoneOut,
    MadeOut,
    NoticeIn,
    ObjectionIn,
    PlanIn,
    PlanPatch,
    PurchaseQuoteIn,
    PurchaseRejectIn,
)
from orders.bulk.visibility import purchase_for
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Invalid
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["bulk purchases"])

Clerk = Annotated[Actor, Depends(requires(Permission.BULK_WRITE))]
Reader = Annotated[Actor, Depends(requires(Permission.BULK_READ))]
Approver = Annotated[Actor, Depends(requires(Permission.BULK_APPROVE))]
Anybody = Annotated[Actor, Depends(requires(Permission.ME_READ))]


@routes.post("/bulk-purchases", status_code=201, response_model=PurchaseOut)
async def post_purchase(request: Request, plan: PlanIn, actor: Clerk, key: IdempotencyKey) -> Response:
    """A new plan in state `draft`, with what the spending rules say about it."""

    async def verb(session: WriteSession, now: datetime) -> PurchaseOut:
        purchase_id = await create(session, actor=actor, plan=plan, key=key, now=now)
        return await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=now)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/bulk-purchases")
async def get_purchases(
    actor: Reader,
    database: TheDatabase,
    state: Annotated[str | None, Query(pattern=NO_NUL)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> PurchaseList:
    """The newest first; `waits_for_me` says where the caller is next."""
    if state is not None and state not in BULK_STATES:
        raise Invalid("没有这个状态。")
    async with database.reading() as session:
        return await purchases_of(session, actor=actor, now=clock.now(), state=state, limit=limit, cursor=cursor)


@routes.get("/bulk-purchases/{purchase_id}")
async def get_purchase(purchase_id: UUID, actor: Reader, database: TheDatabase) -> PurchaseOut:
    async with database.reading() as session:
        return await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=clock.now())


@routes.patch("/bulk-purchases/{purchase_id}")
async def patch_purchase(purchase_id: UUID, patch: PlanPatch, actor: Clerk, database: TheDatabase) -> PurchaseOut:
    """Any change of a plan that was submitted voids its approvals: it is a draft (or quoting) again."""
    now = clock.now()
    async with database.transaction() as session:
        await change_plan(session, actor=actor, purchase_id=purchase_id, patch=patch, now=now)
        return await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=now)


@routes.post("/bulk-purchases/{purchase_id}/quotes", status_code=201, response_model=PurchaseOut)
async def post_quote(
    request: Request,
    purchase_id: UUID,
    quote: PurchaseQuoteIn,
    actor: Clerk,
    key: IdempotencyKey,
) -> Response:
    """409 `quotes_related` names the owner, legal representative or bank account that two suppliers share."""

    async def verb(session: WriteSession, now: datetime) -> PurchaseOut:
        await add_quote(session, actor=actor, purchase_id=purchase_id, quote=quote, now=now)
        return await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=now)

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bulk-purchases/{purchase_id}/quotes/{quote_id}/choose")
async def post_chosen_quote(purchase_id: UUID, quote_id: UUID, actor: Clerk, database: TheDatabase) -> PurchaseOut:
    now = clock.now()
    async with database.transaction() as session:
        await choose_quote(session, actor=actor, purchase_id=purchase_id, quote_id=quote_id, now=now)
        return await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=now)


@routes.post("/bulk-purchases/{purchase_id}/submit")
async def post_submit(purchase_id: UUID, actor: Clerk, database: TheDatabase) -> DoneOut:
    """422 `spending_refused` says each rule with its source; the decision is kept either way."""
    now = clock.now()
    async with database.transaction() as session:
        done = await submit(session, actor=actor, purchase_id=purchase_id, now=now)
    if done.refusal:
        raise done.refusal
    return await _stands(database, actor, purchase_id, now)


@routes.post("/bulk-purchases/{purchase_id}/approve")
async def post_approve(purchase_id: UUID, body: ApproveIn, actor: Reader, database: TheDatabase) -> ApprovedOut:
    """Whoever holds the approver's role for the unit today, or a delegation of such a person: the verb looks.

    409 `approval_stale` when the content is not the one that `content_sha256` names.
    """
    async with database.transaction() as session:
        done = await approve(
            session,
            actor=actor,
            purchase_id=purchase_id,
            content_sha256=body.content_sha256,
            minutes_sha256=body.minutes_sha256,
            reason=body.reason,
            now=clock.now(),
        )
    return ApprovedOut(
        id=purchase_id,
        state=done.state,
        revision=done.revision,
        content_sha256=body.content_sha256,
        approvals=done.approvals,
        approvers_needed=done.approvers_needed,
    )


@routes.post("/bulk-purchases/{purchase_id}/reject")
async def post_reject(purchase_id: UUID, body: PurchaseRejectIn, actor: Reader, database: TheDatabase) -> DoneOut:
    now = clock.now()
    async with database.transaction() as session:
        await reject(
            session,
            actor=actor,
            purchase_id=purchase_id,
            content_sha256=body.content_sha256,
            reason=body.reason,
            now=now,
        )
    return await _stands(database, actor, purchase_id, now)


@routes.post("/bulk-purchases/{purchase_id}/notice")
async def post_notice(purchase_id: UUID, body: NoticeIn, actor: Clerk, database: TheDatabase) -> DoneOut:
    now = clock.now()
    async with database.transaction() as session:
        await publish(
            session, actor=actor, purchase_id=purchase_id, words=body.words, open_until=body.open_until, now=now
        )
    return await _stands(database, actor, purchase_id, now)


@routes.post("/bulk-purchases/{purchase_id}/objections", status_code=201, response_model=MadeOut)
async def post_objection(
    request: Request,
    purchase_id: UUID,
    body: ObjectionIn,
    actor: Anybody,
    key: IdempotencyKey,
) -> Response:
    """By a member of the plan, or anybody who may read it, while the notice is open."""

    async def verb(session: WriteSession, now: datetime) -> dict[str, object]:
        made = await raise_objection(session, actor=actor, purchase_id=purchase_id, words=body.words, now=now)
        return {"id": made, "at": now}

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bulk-purchases/{purchase_id}/objections/{objection_id}/answer")
async def post_answer(
    purchase_id: UUID, objection_id: UUID, body: AnswerIn, actor: Reader, database: TheDatabase
) -> DoneOut:
    now = clock.now()
    async with database.transaction() as session:
        await answer_objection(
            session,
            actor=actor,
            purchase_id=purchase_id,
            objection_id=objection_id,
            answer=body.answer,
            now=now,
        )
    return await _stands(database, actor, purchase_id, now)


@routes.post("/bulk-purchases/{purchase_id}/changes", status_code=201, response_model=MadeOut)
async def post_change(
    request: Request, purchase_id: UUID, body: ChangeIn, actor: Clerk, key: IdempotencyKey
) -> Response:
    """A change order: it takes effect when another person approves it."""

    async def verb(session: WriteSession, now: datetime) -> dict[str, object]:
        terms = body.model_dump(mode="json", exclude={"kind", "reason"}, exclude_none=True)
        made = await request_change(
            session, actor=actor, purchase_id=purchase_id, kind=body.kind, terms=terms, reason=body.reason, now=now
        )
        return {"id": made, "at": now}

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bulk-purchases/{purchase_id}/changes/{change_id}/{decision}")
async def post_change_decision(
    purchase_id: UUID,
    change_id: UUID,
    decision: Literal["approve", "reject"],
    body: ChangeApproveIn,
    actor: Reader,
    database: TheDatabase,
) -> PurchaseOut:
    """By an approver who did not ask for it, of the content that `content_sha256` names."""
    now = clock.now()
    verb = approve_change if decision == "approve" else reject_change
    async with database.transaction() as session:
        await verb(
            session,
            actor=actor,
            purchase_id=purchase_id,
            change_id=change_id,
            content_sha256=body.content_sha256,
            now=now,
        )
        return await purchase_as_it_stands(session, actor=actor, purchase_id=purchase_id, now=now)


@routes.post("/bulk-purchases/{purchase_id}/cancel")
async def post_cancel(purchase_id: UUID, body: CancelIn, actor: Clerk, database: TheDatabase) -> DoneOut:
    now = clock.now()
    async with database.transaction() as session:
        await cancel(session, actor=actor, purchase_id=purchase_id, reason=body.reason, now=now)
    return await _stands(database, actor, purchase_id, now)


@routes.post("/bulk-purchases/{purchase_id}/copy", status_code=201, response_model=PurchaseOut)
async def post_copy(request: Request, purchase_id: UUID, body: CopyIn, actor: Clerk, key: IdempotencyKey) -> Response:
    """The plan again, for today's members at today's prices; goods that are not sold any more are left out."""

    async def verb(session: WriteSession, now: datetime) -> PurchaseOut:
        copied = await copy_last_year(session, actor=actor, purchase_id=purchase_id, requested=body, key=key, now=now)
        return await purchase_as_it_stands(session, actor=actor, purchase_id=copied.id, now=now)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/bulk-purchases/{purchase_id}/contract", response_class=Response)
async def get_contract(purchase_id: UUID, actor: Reader, database: TheDatabase) -> Response:
    """The contracts as PDF, one for each supplier. 503 `chinese_font_missing` where the server has no such font."""
    paper = await contract_pdf(database, actor=actor, purchase_id=purchase_id, now=clock.now())
    return Response(paper, media_type="application/pdf")


@routes.post("/bulk-delegations", status_code=201, response_model=MadeOut)
async def post_delegation(request: Request, body: DelegationIn, actor: Approver, key: IdempotencyKey) -> Response:
    """An approver lets somebody else decide, from day to day, up to an amount."""

    async def verb(session: WriteSession, now: datetime) -> dict[str, object]:
        return {"id": await delegate(session, actor=actor, **body.model_dump(), now=now), "at": now}

    return await answer_once(request, actor.user_id, key, verb)


async def _stands(database: Database, actor: Actor, purchase_id: UUID, now: datetime) -> DoneOut:
    async with database.transaction() as session:  # not a replica: it shows what was just done
        row = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now)
    return DoneOut(id=row.id, state=row.state, revision=row.revision, content_sha256=row.content_sha256)
