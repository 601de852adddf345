"""`/union/rules`: what union money may be spent on, how much, and which document says so."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from orders.spending.queries import provinces_with_rules, rules_of
from orders.spending.words import KIND_WORDS
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import LIMIT_MAX, NO_NUL, Cursor
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)


@routes.get("/union/rules")
async def get_rules(
    request: Request,
    actor: Annotated[Actor, Depends(requires(Permission.RULE_READ))],
    database: TheDatabase,
    province: Annotated[str, Query(max_length=30, pattern=NO_NUL)] = "",
    on: Annotated[str, Query(max_length=10)] = "",
    cursor: Cursor = None,
) -> Response:
    """The rules in force on a day, by code; of a province, or all of them."""
    today = clock.today()
    day = _day(on) if on else today
    async with database.reading() as session:
        provinces = await provinces_with_rules(session)
        page = await rules_of(
            session,
            actor,
            day=today,
            limit=LIMIT_MAX,
            cursor=cursor,
            province=province or None,
            in_force=day or today,
        )
    return render(
        request,
        "spending/rules.html",
        200 if day else 422,
        page=page,
        provinces=[(one, one) for one in provinces],
        province=province,
        on=on or today.isoformat(),
        wrong_day=day is None,
        kinds=KIND_WORDS,
    )


def _day(typed: str) -> date | None:
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2199 else None
