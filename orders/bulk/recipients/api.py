"""`/bulk-purchases/{id}/recipients`: the list, its template, and how far it is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.responses import Response

from orders.bulk.recipients.import_list import bring_recipients
from orders.bulk.recipients.progress import progress_of
from orders.bulk.recipients.rows import COLUMNS
from orders.bulk.visibility import purchase_for
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.errors import Detail, Invalid
from shop.core.requests import TheDatabase
from shop.sheet.read import visible
from shop.sheet.refused import COLUMNS_MAX, FILE_BYTES_MAX
from shop.sheet.schemas import RowsOut, TitleSaid, rows_out
from shop.sheet.write import csv_response

routes = APIRouter(prefix="/api/v1", tags=["bulk purchases"])

Buyer = Annotated[Actor, Depends(requires(Permission.BULK_WRITE))]


class RecipientsOut(RowsOut):
    """rows: announced by the file; all of them were saved when `saved`. saved and repeated false: a dry run.

    acknowledged_columns: what nobody read, as whoever brought the file said.
    """

    import_id: UUID
    rows: int
    pieces: int
    saved: bool
    repeated: bool
    acknowledged_columns: list[str]


class ProgressOut(BaseModel):
    """state: none, working, refused, tried, saved. `done` of `total` steps: each row is checked, then saved.

    unknown_columns: those that a refused list was asked about; acknowledged_columns: those that nobody reads.
    """

    import_id: UUID | None
    state: str
    dry_run: bool
    done: int
    total: int
    error_count: int
    detail: str | None
    changed_at: datetime | None
    unknown_columns: list[str] = []
    acknowledged_columns: list[str] = []


_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string"},
                        "acknowledged_columns": {"type": "array", "items": {"type": "string"}},
                    },
                }
            },
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {"schema": {"type": "string"}},
        },
    }
}


@routes.put(
    "/bulk-purchases/{purchase_id}/recipients",
    openapi_extra=_FILE,
    responses={
        409: {"description": "已下单，或会员还在选择"},
        413: {"description": "文件太大"},
        422: {"description": "名单有误，什么都没有保存"},
    },
)
async def put_recipients(
    request: Request,
    purchase_id: UUID,
    actor: Buyer,
    database: TheDatabase,
    acknowledged_columns: Annotated[list[TitleSaid], Query(max_length=COLUMNS_MAX)] = [],  # noqa: B006
    dry_run: bool = False,
) -> RecipientsOut:
    """A csv (UTF-8, GBK) or xlsx of at most 50,000 rows, as the body or as field `file` of a form. All or nothing.

    acknowledged_columns: titles that need no reading, in the address or in the form; 422 `columns_unknown` lists those
    that are asked about.
    """
    file_name, data, in_form = await _file_of(request)
    done = await bring_recipients(
        database,
        actor=actor,
        purchase_id=purchase_id,
        file_name=file_name,
        data=data,
        now=clock.now(),
        acknowledged=[*acknowledged_columns, *in_form],
        dry_run=dry_run,
    )
    return RecipientsOut(
        import_id=done.import_id,
        rows=done.rows,
        pieces=done.pieces,
        saved=done.saved,
        repeated=done.repeated,
        acknowledged_columns=list(done.acknowledged),
        **rows_out(done.rows, done.set_aside, done.asked),
    )


@routes.get("/bulk-purchases/{purchase_id}/recipients/progress")
async def get_progress(
    purchase_id: UUID, actor: Buyer, database: TheDatabase, import_id: UUID | None = None
) -> ProgressOut:
    """How far the newest list is, or the one that is named."""
    async with database.reading() as session:
        await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, clock.now())
        found = await progress_of(session, purchase_id, import_id)
    if found is None:
        return ProgressOut(
            import_id=None, state="none", dry_run=False, done=0, total=0, error_count=0, detail=None, changed_at=None
        )
    return ProgressOut(
        import_id=found.id,
        state=found.state,
        dry_run=found.dry_run,
        done=found.done,
        total=found.total,
        error_count=found.error_count,
        detail=found.said,
        changed_at=found.changed_at,
        unknown_columns=found.notes.get("unknown_columns", []),
        acknowledged_columns=found.acknowledged_columns,
    )


@routes.get(
    "/bulk-purchases/{purchase_id}/recipients/template",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
async def get_template(purchase_id: UUID, actor: Buyer, database: TheDatabase) -> Response:
    """A csv with the header and an example row, as spreadsheet software opens it."""
    async with database.reading() as session:
        await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, clock.now())
    return csv_response("recipients-template.csv", [[one.title for one in COLUMNS], [one.example for one in COLUMNS]])


@routes.get(
    "/bulk-purchases/{purchase_id}/recipients/errors",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
)
async def get_errors(purchase_id: UUID, actor: Buyer, database: TheDatabase, import_id: UUID | None = None) -> Response:
    """Every mistake of the newest list as a csv: place, code, what is wrong."""
    async with database.reading() as session:
        await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, clock.now())
        found = await progress_of(session, purchase_id, import_id)
    errors = found.errors if found else []
    return csv_response(
        "recipients-errors.csv",
        [["位置", "代码", "说明"], *([one["pointer"], one["code"], one["detail"]] for one in errors)],
    )


async def _file_of(request: Request) -> tuple[str, bytes, list[str]]:
    """Name, bytes, and the columns that a form says need no reading."""
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return "", await request.body(), []
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid("请在 file 字段里上传名单。", [Detail("/file", "missing", "请选择文件")])
        said = [
            visible(one)[:200] for one in form.getlist("acknowledged_columns")[:COLUMNS_MAX] if isinstance(one, str)
        ]
        return file.filename or "", await file.read(FILE_BYTES_MAX + 1), said
