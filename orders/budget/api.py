"""`/budgets`: a union's fiscal-year budgets. Approvers change them; whoever sees the union's purchases reads them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from orders.budget.queries import budget_of, budgets_of
from orders.budget.schemas import AdjustmentIn, BudgetIn, BudgetList, BudgetOut, BudgetPaperIn
from orders.budget.version import Paper, adjust, adopt, carry_over
from orders.budget.visibility import check_union, visible_union_ids
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/budgets", tags=["budgets"])

Approver = Annotated[Actor, Depends(requires(Permission.BULK_APPROVE))]
Year = Annotated[int, Path(ge=2000, le=2998)]
Reader = Annotated[Actor, Depends(requires(Permission.BULK_READ))]


@routes.get("")
async def get_budgets(
    actor: Reader,
    database: TheDatabase,
    union_id: UUID | None = None,
    fiscal_year: Annotated[int | None, Query(ge=2000, le=2999)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> BudgetList:
    """Budgets of the unions within reach, the newest year first."""
    async with database.snapshot() as session:
        unions = await visible_union_ids(session, actor, Permission.BULK_READ, day=clock.today())
        requested = unions if union_id is None else unions & {union_id}
        return await budgets_of(session, requested, fiscal_year=fiscal_year, limit=limit, cursor=cursor)


@routes.get("/{union_id}/{fiscal_year}")
async def get_budget(union_id: UUID, fiscal_year: Year, actor: Reader, database: TheDatabase) -> BudgetOut:
    """One year's budget with every version."""
    async with database.snapshot() as session:
        await check_union(session, actor, Permission.BULK_READ, union_id, day=clock.today())
        return await budget_of(session, union_id, fiscal_year)


@routes.post("", status_code=201, response_model=BudgetOut)
async def post_budget(request: Request, body: BudgetIn, actor: Approver, key: IdempotencyKey) -> Response:
    """Adopt the budget of a year; once."""

    async def verb(session: WriteSession, now: datetime) -> None:
        await adopt(
            session,
            actor=actor,
            union_id=body.union_id,
            fiscal_year=body.fiscal_year,
            amount_fen=body.amount_fen,
            paper=Paper(body.reason, body.document_sha256),
            now=now,
        )

    return await _changed(request, actor, key, body.union_id, body.fiscal_year, verb)


@routes.post("/{union_id}/{fiscal_year}/adjustments", status_code=201, response_model=BudgetOut)
async def post_adjustment(
    request: Request,
    union_id: UUID,
    fiscal_year: Year,
    body: AdjustmentIn,
    actor: Approver,
    key: IdempotencyKey,
) -> Response:
    """Raise or lower it, as a new version. 409 `funds_short` below what is spent or encumbered."""

    async def verb(session: WriteSession, now: datetime) -> None:
        await adjust(
            session,
            actor=actor,
            union_id=union_id,
            fiscal_year=fiscal_year,
            change_fen=body.change_fen,
            paper=Paper(body.reason, body.document_sha256),
            now=now,
        )

    return await _changed(request, actor, key, union_id, fiscal_year, verb)


@routes.post("/{union_id}/{fiscal_year}/carry-over", status_code=201, response_model=BudgetOut)
async def post_carry_over(
    request: Request, union_id: UUID, fiscal_year: Year, body: BudgetPaperIn, actor: Approver, key: IdempotencyKey
) -> Response:
    """Move what is left to the next year; answers with the old one."""

    async def verb(session: WriteSession, now: datetime) -> None:
        await carry_over(
            session,
            actor=actor,
            union_id=union_id,
            fiscal_year=fiscal_year,
            paper=Paper(body.reason, body.document_sha256),
            now=now,
        )

    return await _changed(request, actor, key, union_id, fiscal_year, verb)


async def _changed(
    request: Request,
    actor: Actor,
    key: str,
    union_id: UUID,
    fiscal_year: int,
    verb: Callable[[WriteSession, datetime], Awaitable[None]],
) -> Response:
    """Once, within reach, answered with the budget as it stands then."""

    async def change(session: WriteSession, now: datetime) -> BudgetOut:
        await check_union(session, actor, Permission.BULK_APPROVE, union_id, day=clock.business_day(now))
        await verb(session, now)
        return await budget_of(session, union_id, fiscal_year)

    return await answer_once(request, actor.user_id, key, change)
