"""`POST /api/v1/allowances/grants`: a batch out of an approved plan."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from orders.allowance.queries import grant_of
from orders.allowance.schemas import GrantIn, GrantOut
from orders.bulk.plan.grant_allowances import grant_allowances
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import Answer, IdempotencyKey, answer_once

routes = APIRouter(prefix="/api/v1/allowances", tags=["allowances"])

Granter = Annotated[Actor, Depends(requires(Permission.ALLOWANCE_GRANT))]


@routes.post("/grants", status_code=201, response_model=GrantOut, responses={200: {"model": GrantOut}})
async def post_grant(request: Request, body: GrantIn, actor: Granter, key: IdempotencyKey) -> Response:
    """Grant a batch to members of an approved plan. The same batch number again grants nothing twice."""

    async def verb(session: WriteSession, now: datetime) -> Answer:
        granted = await grant_allowances(session, actor=actor, requested=body, now=now)
        seen = await grant_of(session, granted.union_id, granted.grant_id, day=clock.business_day(now))
        return Answer.of(seen, 200 if granted.replayed else 201)

    return await answer_once(request, actor.user_id, key, verb)
