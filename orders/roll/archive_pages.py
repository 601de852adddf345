"""`/union/purchases/{id}/archive`: what is there, what is missing and why; the zip; the last step."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from orders.bulk.visibility import purchase_for
from orders.roll.archive import archive_of, close_archive
from orders.roll.checklist import checklist_of, missing
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(prefix="/union/purchases/{purchase_id}/archive", include_in_schema=False)

_WHY = "why-"


@routes.get("")
async def get_archive(
    request: Request,
    purchase_id: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.BULK_READ))],
    database: TheDatabase,
) -> Response:
    """The checklist."""
    return await _page(request, database, actor, purchase_id, {})


@routes.post("")
async def post_archive(
    request: Request,
    purchase_id: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.BULK_WRITE))],
    database: TheDatabase,
    files: TheFiles,
) -> Response:
    """Archive, or the same page with the explanations that were typed."""
    posted = await request.form()
    explained = {
        name.removeprefix(_WHY): value.strip()[:300]
        for name, value in posted.items()
        if isinstance(value, str) and name.startswith(_WHY)
    }
    now = clock.now()
    packed = await archive_of(database, files, actor=actor, purchase_id=purchase_id, now=now)
    packed.file.close()
    try:
        async with database.transaction() as session:
            await close_archive(
                session, actor=actor, purchase_id=purchase_id, packed=packed, explained=explained, now=now
            )
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, purchase_id, explained, problem)
    return RedirectResponse(f"/union/purchases/{purchase_id}/archive", 303)


async def _page(
    request: Request,
    database: Database,
    actor: Actor,
    purchase_id: UUID,
    explained: dict[str, str],
    problem: Problem | None = None,
) -> Response:
    async with database.snapshot() as session:
        purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, clock.now())
        items = await checklist_of(session, purchase_id)
    return render(
        request,
        "roll/archive.html",
        problem.status if problem else 200,
        purchase=purchase,
        items=items,
        gone=missing(items),
        explained=explained,
        problem=problem,
        may_archive=actor.may(Permission.BULK_WRITE) and purchase.state == "distributed",
    )
