"""`/api/v1/products/reviews`: what waits for a second person, and what he says."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends

from catalog.review.approve import approve
from catalog.review.queries import review_of, reviews_of
from catalog.review.reject import reject
from catalog.review.renew import renew
from catalog.review.schemas import ReviewOut, ReviewPage, ReviewReasonIn, State, review_out
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/products/reviews", tags=["products"])

Writer = Annotated[Actor, Depends(requires(Permission.PRODUCT_WRITE))]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"description": "没有这个申请，或者它是别的供应商的"},
    409: {"description": "review_decided、review_stale 或 second_person_needed"},
}


@routes.get("")
async def get_reviews(
    database: TheDatabase,
    actor: Writer,
    state: State | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ReviewPage:
    """The newest first: the platform sees all, a supplier those of its own goods, with why one was rejected."""
    async with database.reading() as session:
        page = await reviews_of(session, actor, state=state, limit=limit, cursor=cursor)
    return ReviewPage(items=[review_out(row, actor) for row in page.rows], next_cursor=page.next_cursor)


@routes.post("/{review_id}/approve", responses={**_PROBLEMS, 403: {"description": "由平台审核"}})
async def post_approve(database: TheDatabase, actor: Writer, review_id: UUID) -> ReviewOut:
    """By the platform, and by nobody who wanted any of it: exactly what the review shows is on the shelf."""
    async with database.transaction() as session:
        await approve(session, actor=actor, review_id=review_id, now=clock.now())
        return review_out(await review_of(session, actor, review_id), actor)


@routes.post("/{review_id}/reject", responses={**_PROBLEMS})
async def post_reject(database: TheDatabase, actor: Writer, review_id: UUID, body: ReviewReasonIn) -> ReviewOut:
    """The shelf stays. Who wanted it, and the goods' own supplier, take it back with it."""
    async with database.transaction() as session:
        await reject(session, actor=actor, review_id=review_id, reason=body.reason, now=clock.now())
        return review_out(await review_of(session, actor, review_id), actor)


@routes.post("/{review_id}/renew", responses={**_PROBLEMS})
async def post_renew(database: TheDatabase, actor: Writer, review_id: UUID) -> ReviewOut:
    """Ask again for what was rejected or taken back, or whose product has changed since. The review that waits now."""
    async with database.transaction() as session:
        waiting_id = await renew(session, actor=actor, review_id=review_id, now=clock.now())
        return review_out(await review_of(session, actor, waiting_id), actor)
