"""`/products/import`: hand in a table of products, look at what it would change, then save it."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.responses import Response

from catalog.review.find import decides
from catalog.upload.api import UploadImportedOut, imported_out
from catalog.upload.kind import template
from catalog.upload.kinds.product import PRODUCTS
from catalog.upload.stage import import_file
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.sheet.refused import FILE_BYTES_MAX
from shop.sheet.schemas import Acknowledged, columns_asked
from shop.sheet.write import csv_response
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

ADDRESS: Final = "/products/import"
Writer = Annotated[Actor, Depends(requires(Permission.PRODUCT_WRITE))]


@routes.get(ADDRESS)
async def get_import(request: Request, actor: Writer) -> Response:
    """The form."""
    return _page(request, actor)


@routes.get(ADDRESS + "/template.csv")
async def get_template(_: Writer) -> Response:
    """The header and one example row."""
    return csv_response("products.csv", template(PRODUCTS))


@routes.post(ADDRESS)
async def post_import(
    request: Request,
    database: TheDatabase,
    actor: Writer,
    file: UploadFile,
    do: Annotated[str, Form(max_length=10)] = "show",
    acknowledged_columns: Acknowledged = (),
) -> Response:
    """`do=show` tries the table and says what would wait; `do=save` saves it. What was ticked stays."""
    try:
        done = await import_file(
            database,
            kind=PRODUCTS,
            file_name=file.filename or "",
            data=await file.read(FILE_BYTES_MAX + 1),
            actor=actor,
            now=clock.now(),
            acknowledged=acknowledged_columns,
            dry_run=do != "save",
        )
    except Problem as problem:
        return _page(request, actor, acknowledged=acknowledged_columns, problem=problem)
    return _page(request, actor, acknowledged=acknowledged_columns, done=imported_out(done))


def _page(
    request: Request,
    actor: Actor,
    *,
    acknowledged: Sequence[str] = (),
    done: UploadImportedOut | None = None,
    problem: Problem | None = None,
) -> Response:
    unknown = problem.extra.get("unknown_columns", []) if problem else []
    return render(
        request,
        "upload/products.html",
        problem.status if problem else 200,
        done=done,
        problem=problem,
        decides=decides(actor),
        columns=[(one.title, one.needed) for one in PRODUCTS.layouts[0].columns],
        asked_columns=[] if done and (done.saved or done.repeated) else columns_asked(unknown, acknowledged),
    )
