"""`/union/purchases/{id}/recipients`: hand in a list, watch it being checked, see what is wrong in it."""

from contextlib import suppress
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from sqlalchemy import Row, text
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from orders.bulk.recipients.import_list import ROWS_MAX, Brought, begin, finish
from orders.bulk.recipients.progress import ImportJob, progress_of
from orders.bulk.recipients.rows import COLUMNS
from orders.bulk.visibility import purchase_for
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.sheet.refused import FILE_BYTES_MAX
from shop.sheet.schemas import Acknowledged, columns_asked
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Buyer = Annotated[Actor, Depends(requires(Permission.BULK_WRITE))]
SILENT_SECONDS = 120
"""A list without a sign of life for so long was interrupted with its process."""
SHOWN_MOST = 200

_SAVED = text("""
SELECT p.name, (SELECT count(*) FROM bulk_recipient r WHERE r.package_id = p.id) AS rows,
    (SELECT coalesce(sum(quantity), 0) FROM bulk_recipient r WHERE r.package_id = p.id) AS pieces,
    (SELECT count(*) FROM bulk_member m WHERE m.purchase_id = p.purchase_id
        AND coalesce(m.package_id, d.id) = p.id) AS members
FROM bulk_package p LEFT JOIN bulk_package d ON d.purchase_id = p.purchase_id AND d.is_default
WHERE p.purchase_id = :purchase ORDER BY p.position
""")


@routes.get("/union/purchases/{purchase_id}/recipients")
async def get_recipients(
    request: Request, purchase_id: UUID, actor: Buyer, database: TheDatabase, repeated: bool = False
) -> Response:
    """The form, what is saved, and the newest list: while it works, the page comes again by itself."""
    return await _page(request, database, actor, purchase_id, repeated=repeated)


@routes.post("/union/purchases/{purchase_id}/recipients")
async def post_recipients(
    request: Request,
    purchase_id: UUID,
    actor: Buyer,
    database: TheDatabase,
    file: UploadFile,
    do: Annotated[str, Form()] = "try",
    acknowledged_columns: Acknowledged = (),
) -> Response:
    """`do=try` only checks, `do=save` saves. The work goes on after the answer; the page shows how far it is."""
    data = await file.read(FILE_BYTES_MAX + 1)
    now = clock.now()
    try:
        begun = await begin(
            database,
            actor=actor,
            purchase_id=purchase_id,
            file_name=file.filename or "",
            data=data,
            now=now,
            acknowledged=acknowledged_columns,
            dry_run=do != "save",
        )
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, purchase_id, problem=problem)
    here = f"/union/purchases/{purchase_id}/recipients"
    if isinstance(begun, Brought):
        return RedirectResponse(f"{here}?repeated=true", 303)
    return RedirectResponse(here, 303, background=BackgroundTask(_work, database, begun, actor, data))


async def _work(database: Database, job: ImportJob, actor: Actor, data: bytes) -> None:
    with suppress(Problem):  # it stands in the list's row, where the page reads it
        await finish(database, job, actor=actor, data=data, now=clock.now())


async def _page(
    request: Request,
    database: Database,
    actor: Actor,
    purchase_id: UUID,
    *,
    repeated: bool = False,
    problem: Problem | None = None,
) -> Response:
    now = clock.now()
    async with database.reading() as session:
        purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now)
        newest = await progress_of(session, purchase_id)
        saved = (await session.execute(_SAVED, {"purchase": purchase_id})).all()
    silent = newest is not None and (now - newest.changed_at).total_seconds() > SILENT_SECONDS
    return render(
        request,
        "bulk/recipients.html",
        problem.status if problem else 200,
        purchase=purchase,
        newest=newest,
        working=newest is not None and newest.state == "working" and not silent,
        interrupted=newest is not None and newest.state == "working" and silent,
        errors=newest.errors[:SHOWN_MOST] if newest else [],
        asked_columns=_asked_columns(newest),
        saved=saved,
        repeated=repeated,
        problem=problem,
        rows_max=ROWS_MAX,
        columns=[(one.title, one.needed) for one in COLUMNS],
    )


def _asked_columns(newest: Row[Any] | None) -> list[tuple[str, bool]]:
    """The tick boxes of the newest list, until it is saved."""
    if newest is None or newest.state == "saved":
        return []
    return columns_asked(newest.notes.get("unknown_columns", []), newest.acknowledged_columns)
