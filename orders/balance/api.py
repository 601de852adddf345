"""`/api/v1/balance`: the three-way balance, its last answer and a new one on demand."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.balance.compare import compare
from orders.balance.queries import State, balance_of, run_out
from orders.balance.run import hear, keep_run
from orders.balance.schemas import BalanceOut, RunOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["balance"])

Reader = Annotated[Actor, Depends(requires(Permission.BALANCE_READ))]
Runner = Annotated[Actor, Depends(requires(Permission.BALANCE_READ, everywhere=True))]


@routes.get("/balance")
async def get_balance(
    actor: Reader,
    database: TheDatabase,
    state: State = "open",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> BalanceOut:
    """The last comparison, when it last held, and the differences of the caller's units with owner and reason."""
    async with database.reading() as session:
        return await balance_of(session, actor, day=clock.today(), limit=limit, cursor=cursor, state=state)


@routes.get("/balance/runs/{run_id}")
async def get_run(run_id: UUID, actor: Reader, database: TheDatabase) -> RunOut:
    """One comparison; with the sums of the whole shop for those whose right covers all units."""
    async with database.reading() as session:
        return await run_out(session, run_id, actor)


@routes.post("/balance/runs", status_code=201, response_model=RunOut)
async def post_run(request: Request, actor: Runner, database: TheDatabase, key: IdempotencyKey) -> Response:
    """Compare everything now. It changes no figure: what differs is named, and what was healed is closed."""
    gateway: PaymentGateway = request.app.state.gateway
    found = await compare(database, gateway, now=clock.now())

    async def verb(session: WriteSession, _: datetime) -> RunOut:
        run_id = await keep_run(session, found, requested_by=actor.user_id)
        return await run_out(session, run_id, actor)

    answer = await answer_once(request, actor.user_id, key, verb)
    await hear(database, found)
    return answer
