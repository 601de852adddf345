"""`/admin`: what waits for a second person, accounts and their roles."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from shop.access.account.void_password import By
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.app.admin import people
from shop.app.admin.change import approve, ask, asked_of, refuse
from shop.app.admin.end_grant import end_grant
from shop.app.admin.kinds import KINDS, PasswordReset, ReinstateIn, RoleGrantIn
from shop.app.admin.words import ROLES, SCOPES, fact_in_words
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.ui.i18n import translations
from shop.ui.pages import lang_of, render

routes = APIRouter(include_in_schema=False)

ADDRESS: Final = "/admin"
FIELDS: Final = ("email", "role", "scope_kind", "scope_id", "valid_from", "reason")
Keeper = Annotated[Actor, Depends(requires(Permission.RULE_WRITE))]
Administrator = Annotated[Actor, Depends(requires(Permission.USER_ADMINISTER))]


@routes.get(ADDRESS)
async def get_desk(request: Request, actor: Keeper, database: TheDatabase) -> Response:
    """What the caller may decide or has asked for, and the accounts he answers for."""
    return await _desk(request, actor, database)


@routes.post(ADDRESS + "/changes/{request_id}/approve")
async def post_approve(request: Request, request_id: UUID, actor: Keeper, database: TheDatabase) -> Response:
    """By another person than who asked; a code that he is to hand over stands on the page once."""
    try:
        async with database.transaction() as session:
            done = await approve(session, actor=actor, request_id=request_id, kinds=KINDS, now=clock.now())
    except Problem as problem:
        return await _desk(request, actor, database, problem=problem)
    if done.told:
        page = await _desk(request, actor, database, told=done.told)
        page.headers["cache-control"] = "no-store"
        return page
    return RedirectResponse(f"{ADDRESS}?done=1", 303)


@routes.post(ADDRESS + "/changes/{request_id}/refuse")
async def post_refuse(request: Request, request_id: UUID, actor: Keeper, database: TheDatabase) -> Response:
    """By another person; who asked takes it back with it."""
    reason = await _reason(request)

    async def verb(session: WriteSession) -> None:
        await refuse(session, actor=actor, request_id=request_id, kinds=KINDS, reason=reason, now=clock.now())

    return await _done(request, actor, database, verb)


@routes.post(ADDRESS + "/role-grants")
async def post_grant(request: Request, actor: Administrator, database: TheDatabase) -> Response:
    """Ask for a role; refused, the form comes back as it was typed."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).replace("\0", "").strip()[:300] for name in FIELDS}
    try:
        requested = RoleGrantIn.model_validate(typed)
        async with database.transaction() as session:
            said = requested.scope_kind, requested.scope_id
            requested.scope_id = await people.scope_id_of(session, actor, *said, clock.today())
            await ask(session, actor=actor, kind="role.grant", requested=requested, now=clock.now())
    except ValidationError as wrong:
        errors = {str(one["loc"][-1]) if one["loc"] else "reason": "填写有误" for one in wrong.errors()}
        return await _desk(request, actor, database, typed=typed, errors=errors)
    except Problem as problem:
        errors = {one.pointer.rsplit("/", 1)[-1]: one.detail for one in problem.errors}
        return await _desk(request, actor, database, problem=problem, typed=typed, errors=errors)
    return RedirectResponse(f"{ADDRESS}?done=asked", 303)


@routes.post(ADDRESS + "/role-grants/{grant_id}/end")
async def post_end(request: Request, grant_id: UUID, actor: Administrator, database: TheDatabase) -> Response:
    """A role ends today."""
    reason = await _reason(request)

    async def verb(session: WriteSession) -> None:
        await end_grant(session, actor=actor, grant_id=grant_id, reason=reason, now=clock.now())

    return await _done(request, actor, database, verb)


@routes.post(ADDRESS + "/users/{user_id}/password-resets")
async def post_password_reset(request: Request, user_id: UUID, actor: Administrator, database: TheDatabase) -> Response:
    """Ask that an account's password is made void."""
    by: By = "code" if (await request.form()).get("by") == "code" else "mail"
    requested = PasswordReset(user_id=user_id, by=by, reason=await _reason(request))

    async def verb(session: WriteSession) -> None:
        await ask(session, actor=actor, kind="password.reset", requested=requested, now=clock.now())

    return await _done(request, actor, database, verb, done="asked")


@routes.post(ADDRESS + "/users/{user_id}/{verdict}")
async def post_state(
    request: Request,
    user_id: UUID,
    verdict: Literal["suspend", "reinstate"],
    actor: Administrator,
    database: TheDatabase,
) -> Response:
    """Suspend an account, or ask that it is let in again."""
    reason = await _reason(request)

    async def verb(session: WriteSession) -> None:
        if verdict == "suspend":
            await people.suspend(session, actor=actor, user_id=user_id, reason=reason, now=clock.now())
        else:
            requested = ReinstateIn(user_id=user_id, reason=reason)
            await ask(session, actor=actor, kind="user.reinstate", requested=requested, now=clock.now())

    return await _done(request, actor, database, verb, done="1" if verdict == "suspend" else "asked")


async def _done(
    request: Request,
    actor: Actor,
    database: Database,
    verb: Callable[[WriteSession], Awaitable[None]],
    *,
    done: str = "1",
) -> Response:
    """done: `asked` where it waits for a second person now."""
    try:
        async with database.transaction() as session:
            await verb(session)
    except Problem as problem:
        return await _desk(request, actor, database, problem=problem)
    return RedirectResponse(f"{ADDRESS}?done={done}", 303)


async def _reason(request: Request) -> str:
    return str((await request.form()).get("reason", "")).replace("\0", "").strip()[:300] or "—"


async def _desk(
    request: Request,
    actor: Actor,
    database: Database,
    *,
    problem: Problem | None = None,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    told: str | None = None,
) -> Response:
    words = request.query_params.get("q", "").strip()[:100].replace("\0", "")
    may_people = actor.may(Permission.USER_ADMINISTER)
    now = clock.now()
    async with database.reading() as session:
        waiting = [
            {**row._mapping, "title": KINDS[row.kind].title}  # noqa: SLF001  # SQLAlchemy's own name for a row as a dict
            for row in await asked_of(session, actor, kinds=KINDS, now=now)
        ]
        concerned = [UUID(row["facts"]["user_id"]) for row in waiting if "user_id" in row["facts"]]
        named = {str(user): said for user, said in (await people.named(session, concerned)).items()}
        facts = [of for row in waiting for of in row["facts"].values()]
        ids = {str(one) for of in facts for one in (of if isinstance(of, list) else [of])}
        named |= await people.scopes_named(session, ids)
        accounts: list[Any] = []
        if may_people:
            accounts = list(await people.accounts_of(session, actor, words=words, day=clock.business_day(now)))
    for row in waiting:
        row["said"] = [fact_in_words(name, of, named) for name, of in row["facts"].items() if of not in (None, [], "")]
    status = problem.status if problem else 422 if errors else 200
    return render(
        request, "admin/desk.html", status=status, waiting=waiting, accounts=accounts, words=words, roles=ROLES,
        scopes=SCOPES, actor=actor, may_people=may_people,
        may_all_people=actor.may_everywhere(Permission.USER_ADMINISTER), problem=problem,
        problem_detail=_said(request, problem), errors=errors or {},
        told=told, typed=typed or dict.fromkeys(FIELDS, "") | {"valid_from": str(clock.today())},
        done=request.query_params.get("done", ""),
    )  # fmt: skip


def _said(request: Request, problem: Problem | None) -> str:
    """In the page's language; what was typed may stand in it, so it is no format."""
    return translations(lang_of(request)).gettext(str(problem.as_json()["detail"])) if problem else ""
