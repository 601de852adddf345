"""Questions on a page: auditors ask and close, owners reply."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from orders.audit.ask import ask, close, reply
from orders.audit.queries import questions_of
from orders.audit.schemas import QuestionIn, ReplyIn
from orders.audit.visibility import units_of
from orders.credit.pseudonym import mandate_of
from orders.report.visibility import units_to_choose
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(prefix="/audit/questions", include_in_schema=False)

Somebody = Annotated[Actor, Depends(requires(Permission.ME_READ))]
Reader = Annotated[Actor, Depends(requires(Permission.AUDIT_READ))]
ROLES = {
    "staff": "帮扶办", "union_buyer": "工会经办", "union_approver": "工会审批", "union_receiver": "工会验收",
    "canteen_buyer": "食堂采购", "administrator": "管理员",
}  # fmt: skip
STATES = {"open": ("待答复", "warn"), "replied": ("已答复", "plain"), "closed": ("已关闭", "good")}
FIELDS = ("unit_id", "subject", "words", "owner_role", "owner", "due_on")


@routes.get("")
async def get_questions(request: Request, actor: Somebody, database: TheDatabase) -> Response:
    """All that concern the caller, and for auditors the form to ask."""
    return await _page(request, actor, database, {}, {}, None)


@routes.post("")
async def post_question(request: Request, actor: Reader, database: TheDatabase) -> Response:
    """Ask; refused, the form comes back as it was typed."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).strip() for name in FIELDS}
    try:
        requested = QuestionIn.model_validate({name: value for name, value in typed.items() if value})
        async with database.transaction() as session:
            await ask(session, actor=actor, **requested.model_dump(), now=clock.now())
    except ValidationError as wrong:
        errors = {str(one["loc"][0]) if one["loc"] else "owner": "填写有误" for one in wrong.errors()}
        return await _page(request, actor, database, typed, errors, None)
    except Problem as refused:
        errors = {one.pointer.removeprefix("/"): one.detail for one in refused.errors}
        return await _page(request, actor, database, typed, errors, refused)
    return RedirectResponse("/audit/questions", 303)


@routes.post("/{question_id}/reply")
async def post_reply(request: Request, question_id: UUID, actor: Somebody, database: TheDatabase) -> Response:
    """Reply, once."""
    words = str((await request.form()).get("reply", "")).strip()
    typed = {f"reply-{question_id}": words}
    try:
        requested = ReplyIn(reply=words)
        async with database.transaction() as session:
            await reply(session, actor=actor, question_id=question_id, words=requested.reply, now=clock.now())
    except ValidationError:
        return await _page(
            request, actor, database, typed, {f"reply-{question_id}": "请填写答复，不超过 1000 字"}, None
        )
    except Problem as refused:
        return await _page(request, actor, database, typed, {}, refused)
    return RedirectResponse("/audit/questions", 303)


@routes.post("/{question_id}/close")
async def post_close(request: Request, question_id: UUID, actor: Reader, database: TheDatabase) -> Response:
    """Close what was answered."""
    try:
        async with database.transaction() as session:
            await close(session, actor=actor, question_id=question_id, now=clock.now())
    except Problem as refused:
        return await _page(request, actor, database, {}, {}, refused)
    return RedirectResponse("/audit/questions", 303)


async def _page(
    request: Request,
    actor: Actor,
    database: Database,
    typed: dict[str, str],
    errors: dict[str, str],
    problem: Problem | None,
) -> Response:
    now = clock.now()
    day = clock.business_day(now)
    async with database.snapshot() as session:
        page = await questions_of(session, actor, now=now, limit=100)
        may_ask = await mandate_of(session, actor, day) is not None
        units = await units_to_choose(session, actor=actor, day=day) if may_ask else []
        mandated = await units_of(session, actor, now=now) if may_ask else None
    return render(
        request,
        "audit/questions.html",
        status=problem.status if problem else 422 if errors else 200,
        questions=page.items,
        me=actor.user_id,
        may_ask=may_ask,
        units=[(unit_id, name) for unit_id, name in units if mandated is None or unit_id in mandated],
        typed=dict.fromkeys(FIELDS, "") | typed,
        errors=errors,
        problem=problem,
        roles=ROLES,
        states=STATES,
    )
