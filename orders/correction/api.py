"""`/api/v1/credit/corrections` and `/api/v1/periods`."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from orders.correction.close_month import close_month
from orders.correction.decide import decide_correction
from orders.correction.queries import correction_out, corrections_of, period_out, periods_of
from orders.correction.request import request_correction
from orders.correction.schemas import (
    CorrectionIn,
    CorrectionOut,
    CorrectionPage,
    DecisionIn,
    PeriodOut,
    PeriodPage,
    RefusalIn,
)
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.core.idempotency import Answer, IdempotencyKey, digest_of, once
from shop.core.paging import LIMIT_DEFAULT, LIMIT_MAX
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["corrections"])

Reader = Annotated[Actor, Depends(requires(Permission.CREDIT_READ))]
Requester = Annotated[Actor, Depends(requires(Permission.CORRECTION_REQUEST))]
Approver = Annotated[Actor, Depends(requires(Permission.CORRECTION_APPROVE))]
Closer = Annotated[Actor, Depends(requires(Permission.PERIOD_CLOSE))]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=500)]


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
async def post_correction(
    request: Request, wanted: CorrectionIn, actor: Requester, database: TheDatabase, key: IdempotencyKey
) -> Response:
    """Ask for other facts of a line, or of one origin of it. Nothing moves before a second person approved."""
    now = clock.now()

    async def verb(session: WriteSession) -> Answer:
        correction_id = await request_correction(session, actor=actor, wanted=wanted, now=now)
        made = await correction_out(session, actor, correction_id, day=clock.business_day(now))
        return Answer(201, made.model_dump_json().encode())

    digest = await digest_of(request)
    answer = await once(database, verb, actor_id=actor.user_id, key=key, request_sha256=digest, now=now)
    return answer.as_response()


@routes.post("/credit/corrections/{correction_id}/approve")
async def post_approve(
    correction_id: UUID, actor: Approver, database: TheDatabase, wanted: DecisionIn | None = None
) -> CorrectionOut:
    """By another person than who asked: what remains is reversed and posted again. 409 when it was decided before."""
    now = clock.now()
    async with database.transaction() as session:
        await decide_correction(
            session,
            actor=actor,
            correction_id=correction_id,
            state="approved",
            decision=wanted.decision if wanted else None,
            now=now,
        )
        return await correction_out(session, actor, correction_id, day=clock.business_day(now))


@routes.post("/credit/corrections/{correction_id}/refuse")
async def post_refuse(correction_id: UUID, wanted: RefusalIn, actor: Approver, database: TheDatabase) -> CorrectionOut:
    """With a reason. Nothing moves."""
    now = clock.now()
    async with database.transaction() as session:
        await decide_correction(
            session, actor=actor, correction_id=correction_id, state="refused", decision=wanted.decision, now=now
        )
        return await correction_out(session, actor, correction_id, day=clock.business_day(now))


@routes.get("/periods")
async def get_periods(_: Reader, database: TheDatabase, limit: Limit = 12, cursor: Cursor = None) -> PeriodPage:
    """Accounting months, the current one first: state, closer, and what was open when it was closed."""
    async with database.reading() as session:
        return await periods_of(session, limit=limit, cursor=cursor, now=clock.now())


@routes.post("/periods/{month}/close")
async def post_close(month: str, actor: Closer, database: TheDatabase) -> PeriodOut:
    """YYYY-MM (or YYYYMM). Closed before is success with the first answer. December is adjusted for a while first."""
    number = month_number(month)
    async with database.transaction() as session:
        await close_month(session, actor_id=actor.user_id, month=number, now=clock.now())
        return await period_out(session, number)


def month_number(month: str) -> int:
    """Raises NotFound for what is no month."""
    digits = month.replace("-", "", 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6 and 1 <= int(digits[4:]) <= 12):
        raise NotFound("没有这个会计月份，请写成 2026-11。")
    return int(digits)
