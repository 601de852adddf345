"""Why a line counts or not, for staff and auditors: `/staff/explain/{order_line}`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from orders.credit import words
from orders.explanation.explain import days_said, explain
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)


@routes.get("/staff/explain/{order_line}")
async def get_explain(
    request: Request,
    order_line: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.CREDIT_READ))],
    database: TheDatabase,
) -> Response:
    """From the placement through payment and rule to the entries."""
    async with database.snapshot() as session:
        found = await explain(session, actor, order_line_id=order_line, day=clock.today())
    may_correct = actor.may(Permission.CORRECTION_REQUEST)
    return render(
        request, "explanation/explain.html", found=found, words=words, days=days_said, may_correct=may_correct
    )
