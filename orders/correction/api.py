"""`/api/v1/credit/corrections`."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.correction.decide import decide_correction
from orders.correction.queries import correction_out, corrections_of
from orders.correction.request import request_correction
from orders.correction.schemas import (
    CorrectionDecisionIn,
    CorrectionIn,
    CorrectionOut,
    CorrectionPage,
    RefusalIn,
)
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["corrections"])

Reader = Annotated[Actor, Depends(requires(Permission.CREDIT_READ))]
Requester = Annotated[Actor, Depends(requires(Permission.CORRECTION_REQUEST))]
Approver = Annotated[Actor, Depends(requires(Permission.CORRECTION_APPROVE))]


@routes.get("/credit/corrections")
async def get_corrections(
    actor: Reader,
    database: TheDatabase,
    state: Literal["requested", "approved", "refused"] | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> CorrectionPage:
    """Requests about the caller's units, the newest first."""
    async with database.reading() as session:
        return await corrections_of(session, actor, day=clock.today(), limit=limit, cursor=cursor, state=state)


@routes.get("/credit/corrections/{correction_id}")
async def get_correction(correction_id: UUID, actor: Reader, database: TheDatabase) -> CorrectionOut:
    async with database.reading() as session:
        return await correction_out(session, actor, correction_id, day=clock.today())


@routes.post("/credit/corrections", status_code=201, response_model=CorrectionOut)
async def post_correction(request: Request, body: CorrectionIn, actor: Requester, key: IdempotencyKey) -> Response:
    """Ask for other facts of a line, or of one origin of it. Nothing moves before a second person approved."""

    async def verb(session: WriteSession, now: datetime) -> CorrectionOut:
        correction_id = await request_correction(session, actor=actor, requested=body, now=now)
        return await correction_out(session, actor, correction_id, day=clock.business_day(now))

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/credit/corrections/{correction_id}/approve")
async def post_approve(
    correction_id: UUID, actor: Approver, database: TheDatabase, body: CorrectionDecisionIn | None = None
) -> CorrectionOut:
    """By another person than who asked: what remains is reversed and posted again. 409 when it was decided before."""
    now = clock.now()
    async with database.transaction() as session:
        await decide_correction(
            session,
            actor=actor,
            correction_id=correction_id,
            state="approved",
            decision=body.decision if body else None,
            now=now,
        )
        return await correction_out(session, actor, correction_id, day=clock.business_day(now))


@routes.post("/credit/corrections/{correction_id}/refuse")
async def post_refuse(correction_id: UUID, body: RefusalIn, actor: Approver, database: TheDatabase) -> CorrectionOut:
    """With a reason. Nothing moves."""
    now = clock.now()
    async with database.transaction() as session:
        await decide_correction(
            session, actor=actor, correction_id=correction_id, state="refused", decision=body.decision, now=now
        )
        return await correction_out(session, actor, correction_id, day=clock.business_day(now))
