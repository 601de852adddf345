"""The correction desk: `/staff/corrections`."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from orders.correction.decide import decide_correction
from orders.correction.queries import corrections_of
from orders.correction.request import request_correction
from orders.correction.schemas import CorrectionIn
from orders.credit import words
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.paging import LIMIT_DEFAULT
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Reader = Annotated[Actor, Depends(requires(Permission.CREDIT_READ))]
Requester = Annotated[Actor, Depends(requires(Permission.CORRECTION_REQUEST))]
Approver = Annotated[Actor, Depends(requires(Permission.CORRECTION_APPROVE))]
FIELDS = (
    "order_line", "county_code", "producer_id", "unit_id", "credit_kind", "recognition_number", "standing", "reason",
    "document_sha256",
)  # fmt: skip


@routes.get("/staff/corrections")
async def get_corrections(request: Request, actor: Reader, database: TheDatabase) -> Response:
    """What waits for a second person, what was decided, and the form to ask."""
    typed = {name: request.query_params.get(name, "")[:500] for name in FIELDS}
    return await _desk(request, actor, database, typed, None)


@routes.post("/staff/corrections")
async def post_correction(request: Request, actor: Requester, database: TheDatabase) -> Response:
    """Ask; refused, the form comes back as it was typed."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).strip() for name in FIELDS}
    try:
        parsed = _parsed(typed)
        async with database.transaction() as session:
            await request_correction(session, actor=actor, requested=parsed, now=clock.now())
    except ValidationError as wrong:
        errors = {str(one["loc"][-1]) if one["loc"] else "reason": "填写有误" for one in wrong.errors()}
        return await _desk(request, actor, database, typed, None, errors)
    except Problem as refused:
        errors = {one.pointer.rsplit("/", 1)[-1]: one.detail for one in refused.errors}
        return await _desk(request, actor, database, typed, refused, errors)
    return RedirectResponse("/staff/corrections", 303)


@routes.post("/staff/corrections/{correction_id}/{verdict}")
async def post_decision(
    request: Request,
    correction_id: UUID,
    verdict: Literal["approve", "refuse"],
    actor: Approver,
    database: TheDatabase,
) -> Response:
    """Approve or refuse another one's request."""
    decision = str((await request.form()).get("decision", "")).strip()[:500] or None
    try:
        async with database.transaction() as session:
            await decide_correction(
                session,
                actor=actor,
                correction_id=correction_id,
                state="approved" if verdict == "approve" else "refused",
                decision=decision,
                now=clock.now(),
            )
    except Problem as refused:
        return await _desk(request, actor, database, dict.fromkeys(FIELDS, ""), refused)
    return RedirectResponse("/staff/corrections", 303)


def _parsed(typed: dict[str, str]) -> CorrectionIn:
    facts: dict[str, object] = {
        name: typed[name]
        for name in ("county_code", "producer_id", "unit_id", "credit_kind", "recognition_number")
        if typed[name]
    }
    if typed["standing"]:
        facts["counted"] = typed["standing"] == "counted"
        if typed["standing"] != "counted":
            facts["not_counted_reason"] = typed["standing"]
    asked = {name: typed[name] for name in ("order_line", "reason", "document_sha256")}
    return CorrectionIn.model_validate(asked | {"facts": facts})


async def _desk(
    request: Request,
    actor: Actor,
    database: Database,
    typed: dict[str, str],
    problem: Problem | None,
    errors: dict[str, str] | None = None,
) -> Response:
    async with database.reading() as session:
        page = await corrections_of(session, actor, day=clock.today(), limit=LIMIT_DEFAULT)
    return render(
        request,
        "correction/corrections.html",
        status=problem.status if problem else 422 if errors else 200,
        page=page,
        typed=typed,
        problem=problem,
        errors=errors or {},
        words=words,
        actor=actor,
        may_request=actor.may(Permission.CORRECTION_REQUEST),
        may_approve=actor.may(Permission.CORRECTION_APPROVE),
    )
