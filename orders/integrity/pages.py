"""The review queue `/staff/flags` and what is to be put right, `/staff/rectifications` (整改台账)."""

from datetime import date
from typing import Annotated, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from orders.integrity import words
from orders.integrity.assignees import assignees
from orders.integrity.close_item import close_item
from orders.integrity.decide import Duty, decide
from orders.integrity.queries import FlagState, ItemState, flags_of, items_of
from orders.integrity.review import review
from orders.integrity.scan import scan
from orders.integrity.schemas import ClosingIn, IntegrityDecisionIn, ReviewIn
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

FLAGS, ITEMS = "/staff/flags", "/staff/rectifications"
PAGE = 20
Reader = Annotated[Actor, Depends(requires(Permission.FLAG_READ))]
Reviewer = Annotated[Actor, Depends(requires(Permission.FLAG_CLEAR))]
Scanner = Annotated[Actor, Depends(requires(Permission.FLAG_CLEAR, everywhere=True))]
_NAMES = ("outcome", "reason", "owner_id", "due_on", "what", "closing", "evidence_sha256")


@routes.get(FLAGS)
async def get_flags(request: Request, actor: Reader, database: TheDatabase) -> Response:
    """What waits for a look, for another person, and what was decided."""
    return await _queue(request, actor, database)


@routes.post(FLAGS)
async def post_scan(_: Scanner, database: TheDatabase) -> Response:
    """Look at everything now."""
    async with database.transaction() as session:
        await scan(session, now=clock.now())
    return RedirectResponse(FLAGS, 303)


@routes.post(FLAGS + "/{flag_id}/review")
async def post_review(request: Request, flag_id: UUID, actor: Reviewer, database: TheDatabase) -> Response:
    """Propose; refused, the form comes back as it was typed."""
    typed = await _typed(request)
    try:
        requested = ReviewIn.model_validate({name: typed[name] for name in ("outcome", "reason")})
        async with database.transaction() as session:
            await review(
                session,
                actor=actor,
                flag_id=flag_id,
                outcome=requested.outcome,
                reason=requested.reason,
                now=clock.now(),
            )
    except (ValidationError, Problem) as refused:
        return await _queue(request, actor, database, refused, typed, flag_id)
    return RedirectResponse(FLAGS, 303)


@routes.post(FLAGS + "/{flag_id}/clear")
async def post_clear(request: Request, flag_id: UUID, actor: Reviewer, database: TheDatabase) -> Response:
    """Decide what another person proposed."""
    typed = await _typed(request)
    duty = {name: typed[name] for name in ("owner_id", "due_on", "what")} if typed["outcome"] == "finding" else None
    try:
        requested = IntegrityDecisionIn.model_validate(
            {"outcome": typed["outcome"], "reason": typed["reason"], "duty": duty}
        )
        async with database.transaction() as session:
            await decide(
                session,
                actor=actor,
                flag_id=flag_id,
                outcome=requested.outcome,
                reason=requested.reason,
                duty=Duty(**requested.duty.model_dump()) if requested.duty else None,
                now=clock.now(),
            )
    except (ValidationError, Problem) as refused:
        return await _queue(request, actor, database, refused, typed, flag_id)
    return RedirectResponse(FLAGS, 303)


@routes.get(ITEMS)
async def get_items(request: Request, actor: Reader, database: TheDatabase) -> Response:
    """整改台账: owner, due day, what is overdue, and how it was closed."""
    return await _ledger(request, actor, database)


@routes.post(ITEMS + "/{item_id}/close")
async def post_close(request: Request, item_id: UUID, actor: Reviewer, database: TheDatabase) -> Response:
    """Close another one's item, with evidence."""
    typed = await _typed(request)
    try:
        requested = ClosingIn.model_validate({name: typed[name] for name in ("closing", "evidence_sha256")})
        async with database.transaction() as session:
            await close_item(
                session,
                actor=actor,
                item_id=item_id,
                closing=requested.closing,
                evidence_sha256=requested.evidence_sha256,
                now=clock.now(),
            )
    except (ValidationError, Problem) as refused:
        return await _ledger(request, actor, database, refused, typed, item_id)
    return RedirectResponse(ITEMS, 303)


async def _typed(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: str(form.get(name, "")).strip()[:600] for name in _NAMES}


def _said(refused: ValidationError | Problem | None) -> tuple[int, str | None]:
    if refused is None:
        return 200, None
    if isinstance(refused, Problem):
        return refused.status, f"{refused.title}：{refused.detail or ''}"
    return 422, "请把处理意见、理由、负责人、期限和材料编号填写完整。"


async def _queue(
    request: Request,
    actor: Actor,
    database: Database,
    refused: ValidationError | Problem | None = None,
    typed: dict[str, str] | None = None,
    about: UUID | None = None,
) -> Response:
    asked = request.query_params.get("state")
    state: FlagState | None = next((one for one in get_args(FlagState) if one == asked), None)
    today = clock.today()
    cursor = request.query_params.get("cursor", "")[:500] or None
    may = actor.may(Permission.FLAG_CLEAR)
    async with database.reading() as session:
        page = await flags_of(session, actor, day=today, limit=PAGE, cursor=cursor, state=state)
        units = {one.unit_id for one in page.items if one.state == "proposed"} if may else set()
        people = {unit: await assignees(session, actor, unit, day=today) for unit in units}
    status, said = _said(refused)
    return render(
        request, "integrity/flags.html", status=status, page=page, people=people, said=said, typed=typed or {},
        about=about, state=state, words=words, actor=actor, may=may, address=FLAGS,
        may_scan=actor.may_everywhere(Permission.FLAG_CLEAR),
        soon=date.fromordinal(today.toordinal() + 30),
    )  # fmt: skip


async def _ledger(
    request: Request,
    actor: Actor,
    database: Database,
    refused: ValidationError | Problem | None = None,
    typed: dict[str, str] | None = None,
    about: UUID | None = None,
) -> Response:
    asked = request.query_params.get("state")
    state: ItemState | None = next((one for one in get_args(ItemState) if one == asked), None)
    cursor = request.query_params.get("cursor", "")[:500] or None
    async with database.reading() as session:
        page = await items_of(session, actor, day=clock.today(), limit=PAGE, cursor=cursor, state=state)
    status, said = _said(refused)
    return render(
        request, "integrity/rectifications.html", status=status, page=page, said=said, typed=typed or {}, about=about,
        state=state, words=words, actor=actor, may=actor.may(Permission.FLAG_CLEAR), address=ITEMS,
    )  # fmt: skip
