"""`/api/v1/flags` and `/api/v1/rectifications`."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from orders.integrity.close_item import close_item
from orders.integrity.decide import Duty, decide
from orders.integrity.queries import FlagState, ItemState, flag_out, flags_of, item_out, items_of
from orders.integrity.review import review
from orders.integrity.scan import scan
from orders.integrity.schemas import (
    ClosingIn,
    FlagOut,
    FlagPage,
    IntegrityDecisionIn,
    IntegrityScanOut,
    RectificationOut,
    RectificationPage,
    ReviewIn,
    ThresholdsOut,
)
from orders.integrity.thresholds import thresholds
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["flags"])

Reader = Annotated[Actor, Depends(requires(Permission.FLAG_READ))]
Reviewer = Annotated[Actor, Depends(requires(Permission.FLAG_CLEAR))]
Scanner = Annotated[Actor, Depends(requires(Permission.FLAG_CLEAR, everywhere=True))]
RuleReader = Annotated[Actor, Depends(requires(Permission.RULE_READ))]
Kind = Annotated[str | None, Query(max_length=40, pattern=NO_NUL)]
Day = Annotated[date | None, Query(ge=date(1990, 1, 1), le=date(2199, 12, 31))]


@routes.get("/flags")
async def get_flags(
    actor: Reader,
    database: TheDatabase,
    state: FlagState | None = None,
    kind: Kind = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> FlagPage:
    """What is worth a look in the caller's units, the newest first."""
    async with database.reading() as session:
        return await flags_of(session, actor, day=clock.today(), limit=limit, cursor=cursor, state=state, kind=kind)


@routes.post("/flags/scan", status_code=201, response_model=IntegrityScanOut)
async def post_scan(request: Request, actor: Scanner, key: IdempotencyKey) -> Response:
    """Look at everything now, as the job does. What was raised once is not raised again."""

    async def verb(session: WriteSession, now: datetime) -> IntegrityScanOut:
        return IntegrityScanOut(raised=await scan(session, now=now))

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/flags/{flag_id}")
async def get_flag(flag_id: UUID, actor: Reader, database: TheDatabase) -> FlagOut:
    async with database.reading() as session:
        return await flag_out(session, actor, flag_id, day=clock.today())


@routes.post("/flags/{flag_id}/review")
async def post_review(flag_id: UUID, body: ReviewIn, actor: Reviewer, database: TheDatabase) -> FlagOut:
    """Propose what it is. 409 where somebody did before."""
    now = clock.now()
    async with database.transaction() as session:
        await review(session, actor=actor, flag_id=flag_id, outcome=body.outcome, reason=body.reason, now=now)
        return await flag_out(session, actor, flag_id, day=clock.business_day(now))


@routes.post("/flags/{flag_id}/clear")
async def post_clear(flag_id: UUID, body: IntegrityDecisionIn, actor: Reviewer, database: TheDatabase) -> FlagOut:
    """Decide, by another person than who proposed: cleared, or a finding with its duty. 409 when it was decided."""
    now = clock.now()
    duty = Duty(**body.duty.model_dump()) if body.duty else None
    async with database.transaction() as session:
        await decide(
            session, actor=actor, flag_id=flag_id, outcome=body.outcome, reason=body.reason, duty=duty, now=now
        )
        return await flag_out(session, actor, flag_id, day=clock.business_day(now))


@routes.get("/rectifications")
async def get_items(
    actor: Reader,
    database: TheDatabase,
    state: ItemState | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> RectificationPage:
    """What findings ask somebody to put right, the most urgent first."""
    async with database.reading() as session:
        return await items_of(session, actor, day=clock.today(), limit=limit, cursor=cursor, state=state)


@routes.post("/rectifications/{item_id}/close")
async def post_close(item_id: UUID, body: ClosingIn, actor: Reviewer, database: TheDatabase) -> RectificationOut:
    """With evidence, by another person than its owner. 409 when it was closed."""
    now = clock.now()
    async with database.transaction() as session:
        await close_item(
            session,
            actor=actor,
            item_id=item_id,
            closing=body.closing,
            evidence_sha256=body.evidence_sha256,
            now=now,
        )
        return await item_out(session, actor, item_id, day=clock.business_day(now))


@routes.get("/flag-thresholds")
async def get_thresholds(_: RuleReader, database: TheDatabase, on: Day = None) -> ThresholdsOut:
    """From what on flags are raised, as of a business day."""
    day = on or clock.today()
    async with database.reading() as session:
        return ThresholdsOut(on=day, values=await thresholds(session, day))
