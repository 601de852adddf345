"""`/api/v1/periods`: the months of a top unit."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from orders.month.models import FIRST_MONTH, LAST_MONTH
from orders.month.reopen import ask_reopening, decide_reopening
from orders.month.visibility import may_see, months_of_whom
from orders.period.close import close
from orders.period.queries import period_out, periods_of, reopening_out
from orders.period.schemas import AgreeIn, ClosingPeriodOut, ClosingRefuseIn, PeriodPage, ReopenIn, ReopeningOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.core.idempotency import answer_once
from shop.core.paging import Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/periods", tags=["periods"])

Reader = Annotated[Actor, Depends(requires(Permission.CREDIT_READ))]
Closer = Annotated[Actor, Depends(requires(Permission.PERIOD_CLOSE))]
OfUnit = Annotated[
    UUID | Literal["shop"] | None,
    Query(
        alias="unit",
        description="Whose month: the id of a top unit, or `shop` for the shop's own (what counts for no unit; scope "
        "`all` only). Default: the caller's top unit; for scope `all` the shop's own months.",
    ),
]


@routes.get("")
async def get_periods(
    actor: Reader,
    database: TheDatabase,
    unit: OfUnit = None,
    limit: Limit = 12,
    cursor: Cursor = None,
) -> PeriodPage:
    """A top unit's months, the current one first: state, closer, what was open when it closed, and its history."""
    now = clock.now()
    async with database.reading() as session:
        day = clock.business_day(now)
        unit_id = await months_of_whom(session, actor, Permission.CREDIT_READ, unit, day=day)
        await may_see(session, actor, unit_id, day=day)
        return await periods_of(session, unit_id, limit=limit, cursor=cursor, now=now)


@routes.post("/{month}/close")
async def post_close(month: str, actor: Closer, database: TheDatabase, unit: OfUnit = None) -> ClosingPeriodOut:
    """YYYY-MM (or YYYYMM), by whoever reaches the top unit itself. No other unit's month is touched.

    Closed before is success with the first answer. December is adjusted for a while first. 409 `month_ahead`.
    """
    number, now = month_number(month), clock.now()
    async with database.transaction() as session:
        unit_id = await months_of_whom(session, actor, Permission.PERIOD_CLOSE, unit, day=clock.business_day(now))
        await close(session, actor=actor, unit_id=unit_id, month=number, now=now)
        return await period_out(session, unit_id, number)


@routes.post("/{month}/reopen", status_code=201, response_model=ReopeningOut)
async def post_reopen(
    request: Request,
    month: str,
    body: ReopenIn,
    actor: Closer,
    key: Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)] = None,
    unit: OfUnit = None,
) -> Response:
    """Ask that a closed month take entries again. Nothing moves before another person approved.

    409 `month_open` for one that is not closed, `reopening_asked` while another request waits. Of a month only one
    request waits at a time, so the Idempotency-Key may be left out.
    """
    number = month_number(month)

    async def verb(session: WriteSession, now: datetime) -> ReopeningOut:
        unit_id = await months_of_whom(session, actor, Permission.PERIOD_CLOSE, unit, day=clock.business_day(now))
        asked = await ask_reopening(session, actor=actor, unit_id=unit_id, month=number, reason=body.reason, now=now)
        return await reopening_out(session, asked)

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/{month}/reopen/{reopening_id}/approve")
async def post_approve(
    month: str, reopening_id: UUID, actor: Closer, database: TheDatabase, body: AgreeIn | None = None
) -> ClosingPeriodOut:
    """By another person than who asked: the month takes entries until it is closed again."""
    number = month_number(month)
    async with database.transaction() as session:
        unit_id = await decide_reopening(
            session,
            actor=actor,
            month=number,
            reopening_id=reopening_id,
            state="approved",
            decision=body.decision if body else None,
            now=clock.now(),
        )
        return await period_out(session, unit_id, number)


@routes.post("/{month}/reopen/{reopening_id}/refuse")
async def post_refuse(
    month: str, reopening_id: UUID, body: ClosingRefuseIn, actor: Closer, database: TheDatabase
) -> ClosingPeriodOut:
    """By another person than who asked, with a reason. The month stays closed."""
    number = month_number(month)
    async with database.transaction() as session:
        unit_id = await decide_reopening(
            session,
            actor=actor,
            month=number,
            reopening_id=reopening_id,
            state="refused",
            decision=body.decision,
            now=clock.now(),
        )
        return await period_out(session, unit_id, number)


def month_number(month: str) -> int:
    """Raises NotFound for what is no month."""
    digits = month.replace("-", "", 1)
    is_one = digits.isascii() and digits.isdigit() and len(digits) == 6 and 1 <= int(digits[4:]) <= 12
    if not is_one or not FIRST_MONTH <= int(digits) <= LAST_MONTH:
        raise NotFound("没有这个会计月份。请写成 2026-11，从 2020-01 到 2099-12。")
    return int(digits)
