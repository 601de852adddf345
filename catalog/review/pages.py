"""`/products/reviews`: what waits, old beside new; the platform decides, a supplier takes back and asks again."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from catalog.review.approve import approve
from catalog.review.find import decides
from catalog.review.models import REVIEW_STATES
from catalog.review.queries import county_names, reviews_of
from catalog.review.reject import reject
from catalog.review.renew import renew
from catalog.review.schemas import review_out
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Invalid, NotFound, Problem
from shop.core.paging import Cursor
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

ADDRESS: Final = "/products/reviews"
SHOWN: Final = 20
STATES: Final = {
    "waiting": "等待审核", "approved": "已通过", "rejected": "已退回", "withdrawn": "已撤回", "replaced": "已被取代",
}  # fmt: skip
assert set(STATES) == set(REVIEW_STATES)  # noqa: S101  # a word for each
Writer = Annotated[Actor, Depends(requires(Permission.PRODUCT_WRITE))]
Words = Annotated[str, Form(max_length=500)]


@routes.get(ADDRESS)
async def get_reviews(
    request: Request,
    actor: Writer,
    database: TheDatabase,
    state: Annotated[str, Query(max_length=20)] = "waiting",
    cursor: Cursor = None,
) -> Response:
    """Of one state, the newest first."""
    return await _page(request, actor, database, state=state, cursor=cursor)


@routes.post(ADDRESS + "/{review_id}/{verb}")
async def post_verb(
    request: Request,
    actor: Writer,
    database: TheDatabase,
    review_id: UUID,
    verb: Literal["approve", "reject", "renew"],
    reason: Words = "",
) -> Response:
    """approve, reject (or take back) or renew. Refused, the page comes back with what was typed."""
    now = clock.now()
    try:
        async with database.transaction() as session:
            if verb == "approve":
                await approve(session, actor=actor, review_id=review_id, now=now)
            elif verb == "reject":
                await reject(session, actor=actor, review_id=review_id, reason=_said(reason), now=now)
            else:
                await renew(session, actor=actor, review_id=review_id, now=now)
    except NotFound:
        raise
    except Problem as problem:
        return await _page(request, actor, database, problem=problem, typed={review_id: reason})
    return RedirectResponse(f"{ADDRESS}?done={verb}", 303)


def _said(reason: str) -> str:
    found = " ".join(reason.replace("\0", "").split())[:300]
    if not found:
        raise Invalid("请写明理由，提交人会看到。")
    return found


async def _page(
    request: Request,
    actor: Actor,
    database: Database,
    *,
    state: str = "waiting",
    cursor: str | None = None,
    problem: Problem | None = None,
    typed: Mapping[UUID, str] | None = None,
) -> Response:
    chosen = state if state in STATES else "waiting"
    async with database.reading() as session:
        page = await reviews_of(session, actor, state=chosen, limit=SHOWN, cursor=cursor)
        counties = await county_names(session, page.rows)
    older = urlencode({"state": chosen, "cursor": page.next_cursor}) if page.next_cursor else None
    return render(
        request,
        "review/reviews.html",
        problem.status if problem else 200,
        reviews=[review_out(row, actor) for row in page.rows],
        counties=counties,
        states=STATES,
        chosen=chosen,
        next_url=f"{ADDRESS}?{older}" if older else None,
        decides=decides(actor),
        problem=problem,
        typed=typed or {},
        done=request.query_params.get("done", ""),
    )
