"""The months on a page: `/staff/periods`, of the caller's top unit; who stands above all units chooses whose."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from orders.month.models import SHOP
from orders.month.reopen import ask_reopening, decide_reopening
from orders.month.visibility import Asked, may_see, months_of_whom
from orders.period import words
from orders.period.api import month_number
from orders.period.close import close
from orders.period.queries import periods_of, units_to_choose
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Invalid, NotFound, Problem
from shop.core.paging import Cursor
from shop.core.requests import TheDatabase
from shop.organisation.queries import visible_unit_ids
from shop.ui.pages import render

ADDRESS = "/staff/periods"
MONTHS_SHOWN = 24

routes = APIRouter(prefix=ADDRESS, include_in_schema=False)

Reader = Annotated[Actor, Depends(requires(Permission.CREDIT_READ))]
Closer = Annotated[Actor, Depends(requires(Permission.PERIOD_CLOSE))]
Verb = Callable[[WriteSession, UUID, int], Awaitable[object]]


@routes.get("")
async def get_periods(
    request: Request, actor: Reader, database: TheDatabase, unit: str = "", cursor: Cursor = None
) -> Response:
    """Months with their state, closer and history; what may be done stands beside each."""
    return await _months(request, actor, database, unit, cursor=cursor)


@routes.post("/{month}/close")
async def post_close(request: Request, month: str, actor: Closer, database: TheDatabase) -> Response:
    """Close a month; back to the list, which says what was open."""

    async def verb(session: WriteSession, unit_id: UUID, number: int) -> None:
        await close(session, actor=actor, unit_id=unit_id, month=number, now=clock.now())

    return await _done(request, actor, database, month, verb)


@routes.post("/{month}/reopen")
async def post_reopen(request: Request, month: str, actor: Closer, database: TheDatabase) -> Response:
    """Ask that it be opened again; refused, the form comes back with the reason that was typed."""
    reason = _typed(await request.form(), "reason")

    async def verb(session: WriteSession, unit_id: UUID, number: int) -> None:
        if not reason:
            raise Invalid("请写明为什么要重新开账。", [Detail("/reason", "required", "请写明原因")])
        await ask_reopening(session, actor=actor, unit_id=unit_id, month=number, reason=reason, now=clock.now())

    return await _done(request, actor, database, month, verb, {"reason": reason})


@routes.post("/{month}/reopen/{reopening_id}/{verdict}")
async def post_decision(
    request: Request,
    month: str,
    reopening_id: UUID,
    verdict: Literal["approve", "refuse"],
    actor: Closer,
    database: TheDatabase,
) -> Response:
    """Agree to another one's request, or refuse it with a reason."""
    decision = _typed(await request.form(), "decision")

    async def verb(session: WriteSession, _: UUID, number: int) -> None:
        if verdict == "refuse" and not decision:
            raise Invalid("请写明不同意的理由。", [Detail("/decision", "required", "请写明理由")])
        await decide_reopening(
            session,
            actor=actor,
            month=number,
            reopening_id=reopening_id,
            state="approved" if verdict == "approve" else "refused",
            decision=decision or None,
            now=clock.now(),
        )

    return await _done(request, actor, database, month, verb, {"decision": decision})


async def _done(
    request: Request, actor: Actor, database: Database, month: str, verb: Verb, typed: dict[str, str] | None = None
) -> Response:
    """Back to the same unit's months; refused, the page as it was, with what was typed beside its month."""
    unit = _typed(await request.form(), "unit")
    try:
        async with database.transaction() as session:
            day = clock.today()
            unit_id = await months_of_whom(session, actor, Permission.PERIOD_CLOSE, _asked(unit), day=day)
            await verb(session, unit_id, month_number(month))
    except Problem as refused:
        return await _months(request, actor, database, unit, problem=refused, typed=(typed or {}) | {"month": month})
    return RedirectResponse(f"{ADDRESS}?{urlencode({'unit': unit})}" if unit else ADDRESS, 303)


async def _months(
    request: Request,
    actor: Actor,
    database: Database,
    unit: str,
    *,
    cursor: str | None = None,
    problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    now = clock.now()
    day = clock.business_day(now)
    async with database.reading() as session:
        units = await units_to_choose(session, actor, now)
        visible = await visible_unit_ids(session, actor, Permission.CREDIT_READ, day)
        asked = _asked(unit)
        if asked is None and visible is not None and units:
            asked = units[0].id
        unit_id = await months_of_whom(session, actor, Permission.CREDIT_READ, asked, day=day)
        await may_see(session, actor, unit_id, day=day)
        page = await periods_of(session, unit_id, limit=MONTHS_SHOWN, cursor=cursor, now=now)
        closing = await visible_unit_ids(session, actor, Permission.PERIOD_CLOSE, day)
    chosen = "shop" if unit_id == SHOP else str(unit_id)
    return render(
        request,
        "period/periods.html",
        status=problem.status if problem else 200,
        page=page,
        problem=problem,
        errors={one.pointer.removeprefix("/"): one.detail for one in problem.errors} if problem else {},
        typed={"month": "", "reason": "", "decision": ""} | (typed or {}),
        words=words,
        units=([("shop", words.THE_SHOP)] if visible is None else []) + [(str(one.id), one.name) for one in units],
        chosen=chosen,
        older=f"{ADDRESS}?{urlencode({'unit': chosen, 'cursor': page.next_cursor})}" if page.next_cursor else None,
        actor=actor,
        may_close=actor.may(Permission.PERIOD_CLOSE) and (closing is None or unit_id in closing),
        this_month=f"{day:%Y-%m}",
    )


def _asked(unit: str) -> Asked:
    """A query's word. Raises NotFound for what names nobody."""
    if unit in ("", "shop"):
        return "shop" if unit else None
    try:
        return UUID(unit)
    except ValueError:
        raise NotFound("没有这个单位。", [Detail("/unit", "not_found", "没有这个单位")]) from None


def _typed(form: object, name: str) -> str:
    found = form.get(name, "") if hasattr(form, "get") else ""
    return str(found).strip().replace("\0", "")[:500]
