"""`/allowances`: one's own, and the batches that a union grants."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.allowance.give_back import withdraw
from orders.allowance.queries import allowances_of, grant_of, grants_of
from orders.allowance.schemas import AllowanceList, GrantList, GrantOut, WithdrawIn
from orders.budget.visibility import visible_union_ids
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/allowances", tags=["allowances"])

Granter = Annotated[Actor, Depends(requires(Permission.ALLOWANCE_GRANT))]


@routes.get("")
async def get_allowances(
    actor: Annotated[Actor, Depends(requires(Permission.ME_READ))],
    database: TheDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> AllowanceList:
    """One's own allowances, what is left of them and what they may be spent on."""
    async with database.reading() as session:
        return await allowances_of(session, actor.person_id, day=clock.today(), limit=limit, cursor=cursor)


@routes.get("/grants")
async def get_grants(
    actor: Granter,
    database: TheDatabase,
    union_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> GrantList:
    """Batches of the unions within reach: counts and sums, nobody's basket."""
    day = clock.today()
    async with database.snapshot() as session:
        unions = await visible_union_ids(session, actor, Permission.ALLOWANCE_GRANT, day=day)
        requested = unions if union_id is None else unions & {union_id}
        return await grants_of(session, requested, day=day, limit=limit, cursor=cursor)


@routes.post("/grants/{grant_id}/withdraw", response_model=GrantOut)
async def post_withdrawal(
    request: Request, grant_id: UUID, body: WithdrawIn, actor: Granter, key: IdempotencyKey
) -> Response:
    """Take back what nobody spent; it returns to the union's budget."""

    async def verb(session: WriteSession, now: datetime) -> GrantOut:
        union_id = await withdraw(session, actor=actor, grant_id=grant_id, reason=body.reason, now=now)
        return await grant_of(session, union_id, grant_id, day=clock.business_day(now))

    return await answer_once(request, actor.user_id, key, verb, status=200)
