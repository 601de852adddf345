"""`/union/roster/claims` for who keeps a unit's lists, `/me/claims` for the person: who else's list names whom."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Invalid, Problem
from shop.core.requests import TheDatabase
from shop.organisation.claim_queries import claims_waiting
from shop.organisation.decide_claim import confirm_claim, refuse_claim
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

UNION, ME = "/union/roster/claims", "/me/claims"
REASON_MAX: Final = 300
Keeper = Annotated[Actor, Depends(requires(Permission.ROSTER_IMPORT))]
Somebody = Annotated[Actor, Depends(requires(Permission.ME_READ))]
Reason = Annotated[str, Form()]


@routes.get(UNION)
async def get_union_claims(request: Request, database: TheDatabase, actor: Keeper) -> Response:
    """People of the units whose lists one keeps, named by the list of another union."""
    return await _page(request, database, actor, UNION)


@routes.get(ME)
async def get_my_claims(request: Request, database: TheDatabase, actor: Somebody) -> Response:
    """Lists that name oneself."""
    return await _page(request, database, actor, ME)


@routes.post(UNION + "/{claim_id}/confirm")
async def post_union_confirm(request: Request, claim_id: UUID, database: TheDatabase, actor: Keeper) -> Response:
    return await _confirm(request, database, actor, claim_id, UNION)


@routes.post(ME + "/{claim_id}/confirm")
async def post_my_confirm(request: Request, claim_id: UUID, database: TheDatabase, actor: Somebody) -> Response:
    return await _confirm(request, database, actor, claim_id, ME)


@routes.post(UNION + "/{claim_id}/refuse")
async def post_union_refuse(
    request: Request, claim_id: UUID, database: TheDatabase, actor: Keeper, reason: Reason = ""
) -> Response:
    return await _refuse(request, database, actor, claim_id, UNION, reason)


@routes.post(ME + "/{claim_id}/refuse")
async def post_my_refuse(
    request: Request, claim_id: UUID, database: TheDatabase, actor: Somebody, reason: Reason = ""
) -> Response:
    return await _refuse(request, database, actor, claim_id, ME, reason)


async def _confirm(request: Request, database: Database, actor: Actor, claim_id: UUID, there: str) -> Response:
    async def verb(session: WriteSession) -> None:
        await confirm_claim(session, actor=actor, claim_id=claim_id, now=clock.now())

    return await _done(request, database, actor, there, verb)


async def _refuse(
    request: Request, database: Database, actor: Actor, claim_id: UUID, there: str, reason: str
) -> Response:
    said = reason.replace("\0", "").strip()[:REASON_MAX]

    async def verb(session: WriteSession) -> None:
        if not said:
            raise Invalid("请写明不同意的理由，对方工会会看到。")
        await refuse_claim(session, actor=actor, claim_id=claim_id, reason=said, now=clock.now())

    return await _done(request, database, actor, there, verb, typed={str(claim_id): said})


async def _done(
    request: Request,
    database: Database,
    actor: Actor,
    there: str,
    verb: Callable[[WriteSession], Awaitable[None]],
    typed: dict[str, str] | None = None,
) -> Response:
    try:
        async with database.transaction() as session:
            await verb(session)
    except Problem as problem:
        return await _page(request, database, actor, there, problem=problem, typed=typed)
    return RedirectResponse(f"{there}?done=1", 303)


async def _page(
    request: Request,
    database: Database,
    actor: Actor,
    there: str,
    *,
    problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    async with database.reading() as session:
        rows, _ = await claims_waiting(session, actor, now=clock.now())
    mine = there == ME
    return render(
        request,
        "organisation/claims.html",
        problem.status if problem else 200,
        claims=[row for row in rows if (row.person_id == actor.person_id) is mine],
        mine=mine,
        there=there,
        problem=problem,
        typed=typed or {},
        done=bool(request.query_params.get("done")),
    )
