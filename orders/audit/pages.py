"""The auditor's desk at `/audit`, and the record of changes at `/audit/events`."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from orders.audit.draw_sample import draw_sample
from orders.audit.events import events_of
from orders.audit.export_ledger import may_export
from orders.audit.lines import lines_of, open_basket
from orders.audit.queries import ledger_state, mandates_of, questions_of, retention_rules, samples_of
from orders.audit.schemas import BasketIn, BasketOut, SampleIn
from orders.credit.pseudonym import mandate_of
from orders.privacy.models import RETAINED
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.keys import Keys
from shop.core.requests import TheDatabase, TheKeys
from shop.ui.pages import render

routes = APIRouter(prefix="/audit", include_in_schema=False)

Reader = Annotated[Actor, Depends(requires(Permission.AUDIT_READ))]
PERSONAL = {"person": "", "pseudonym": "", "reason": "", "from": "", "to": "", "size": "25", "seed": ""}
_NAMES = {"since": "from", "until": "to"}


@routes.get("")
async def get_desk(request: Request, actor: Reader, database: TheDatabase, keys: TheKeys) -> Response:
    """Mandate, seals, balance, lines, samples, questions, exports, retention."""
    return await _desk(request, actor, database, keys, {}, {}, None)


@routes.post("/samples")
async def post_sample(request: Request, actor: Reader, database: TheDatabase, keys: TheKeys) -> Response:
    """Draw; refused, the form comes back as it was typed."""
    typed = await _typed(request)
    try:
        requested = SampleIn.model_validate({name: typed[name] for name in ("from", "to", "size", "seed")})
        async with database.transaction() as session:
            await draw_sample(
                session,
                actor=actor,
                since=requested.since,
                until=requested.until,
                size=requested.size,
                seed=requested.seed,
                now=clock.now(),
            )
    except ValidationError as wrong:
        return await _desk(request, actor, database, keys, typed, _errors(wrong, "seed"), None)
    except Problem as refused:
        return await _desk(request, actor, database, keys, typed, {}, refused)
    return RedirectResponse("/audit#samples", 303)


@routes.post("/baskets")
async def post_basket(request: Request, actor: Reader, database: TheDatabase, keys: TheKeys) -> Response:
    """One person's lines, shown once; each look is noted with its reason."""
    typed = await _typed(request)
    try:
        requested = BasketIn(pseudonym=typed["pseudonym"], reason=typed["reason"])
        async with database.transaction() as session:
            basket = await open_basket(
                session,
                actor=actor,
                keys=keys,
                pseudonym=requested.pseudonym,
                reason=requested.reason,
                now=clock.now(),
            )
    except ValidationError as wrong:
        return await _desk(request, actor, database, keys, typed, _errors(wrong, "reason"), None)
    except Problem as refused:
        return await _desk(request, actor, database, keys, typed, {}, refused)
    return await _desk(request, actor, database, keys, typed, {}, None, basket)


@routes.get("/events")
async def get_events(request: Request, actor: Reader, database: TheDatabase, keys: TheKeys) -> Response:
    """The record of changes, the newest first; a filter that cannot be read asks for nothing."""
    asked = {name: request.query_params.get(name, "").replace("\0", "")[:100] for name in
             ("action", "subject", "from", "to", "cursor")}  # fmt: skip
    problem, page = None, None
    try:
        async with database.reading() as session:
            page = await events_of(
                session,
                actor,
                keys=keys,
                now=clock.now(),
                limit=50,
                cursor=asked["cursor"] or None,
                action=asked["action"] or None,
                subject=asked["subject"] or None,
                since=_day(asked["from"]),
                until=_day(asked["to"]),
            )
    except Problem as refused:
        problem = refused
    following = page and page.next_cursor and f"/audit/events?{urlencode({**asked, 'cursor': page.next_cursor})}"
    return render(
        request,
        "audit/events.html",
        status=problem.status if problem else 200,
        page=page,
        asked=asked,
        problem=problem,
        following=following,
    )


async def _desk(
    request: Request,
    actor: Actor,
    database: Database,
    keys: Keys,
    typed: Mapping[str, str],
    errors: dict[str, str],
    problem: Problem | None,
    basket: BasketOut | None = None,
) -> Response:
    now = clock.now()
    day = clock.business_day(now)
    async with database.snapshot() as session:
        mandate = await mandate_of(session, actor, day)
        shown: dict[str, Any] = {
            "mandate": mandate and (await mandates_of(session, actor, day=day, mandate_id=mandate.id)).items[0],
            "standing": await ledger_state(session),
            "may_export": await may_export(session, actor, now=now),
            "questions": (await questions_of(session, actor, now=now, limit=20)).items,
            "samples": (await samples_of(session, actor, limit=20)).items,
            "rules": (await retention_rules(session, day=clock.business_day(now))).items,
            "exports": (
                await events_of(session, actor, keys=keys, now=now, limit=20, exports=True)
            ).items,
            "lines": mandate and (
                await lines_of(
                    session, actor, keys=keys, since=None, until=None, limit=20, cursor=None, now=now
                )
            ).items,
        }  # fmt: skip
    return render(
        request,
        "audit/desk.html",
        status=problem.status if problem else 422 if errors else 200,
        typed=PERSONAL | dict(typed),
        errors=errors,
        problem=problem,
        basket=basket,
        kinds=RETAINED,
        **shown,
    )


async def _typed(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: str(form.get(name, "")).strip()[:1_000] for name in PERSONAL}


def _errors(wrong: ValidationError, otherwise: str) -> dict[str, str]:
    """By field of the form."""
    named = (str(one["loc"][0]) if one["loc"] else otherwise for one in wrong.errors())
    return {_NAMES.get(name, name): "填写有误" for name in named}


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        return None
