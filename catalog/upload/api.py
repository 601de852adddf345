"""`POST /api/v1/products/import`: a file of products, saved whole or not at all."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, UploadFile

from catalog.review.schemas import ProductWaitingOut, waiting_out
from catalog.upload.kinds.product import PRODUCTS
from catalog.upload.stage import Imported, import_file
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase
from shop.sheet.refused import ERRORS_SHOWN_MAX, FILE_BYTES_MAX
from shop.sheet.schemas import Acknowledged, RowsOut, rows_out

routes = APIRouter(prefix="/api/v1", tags=["products"])


class UploadImportedOut(RowsOut):
    """repeated: these bytes were imported before. saved false and repeated false: a dry run that found no error.

    acknowledged_columns: what nobody read, as whoever brought the file said. products_waiting: of so many products
    something waits for a second person, and the shelf shows the old state; waiting: the first 200, old beside new.
    """

    kind: str
    rows: int
    saved: bool
    repeated: bool
    batch_id: UUID | None
    acknowledged_columns: list[str]
    products_waiting: int
    waiting: list[ProductWaitingOut]


@routes.post(
    "/products/import",
    responses={
        401: {"description": "未登录"},
        403: {"description": "没有权限，或不是自己的供应商"},
        409: {"description": "商品编号已被使用"},
        413: {"description": "文件太大"},
        422: {"description": "表格有误，什么都没有保存"},
    },
)
async def import_products(
    database: TheDatabase,
    actor: Annotated[Actor, Depends(requires(Permission.PRODUCT_WRITE))],
    file: UploadFile,
    acknowledged_columns: Acknowledged = (),
    dry_run: bool = False,
) -> UploadImportedOut:
    """A csv (UTF-8, GBK) or xlsx with our columns or the sample catalogue's. Errors name row and column.

    What it changes of goods on the shelf (title, weight, certification, origin, producer, a price that moves too far)
    waits for a second person: `GET /products/reviews`.

    acknowledged_columns: titles that need no reading; 422 `columns_unknown` lists those that are asked about.
    """
    data = await file.read(FILE_BYTES_MAX + 1)
    done = await import_file(
        database,
        kind=PRODUCTS,
        file_name=file.filename or "",
        data=data,
        actor=actor,
        now=clock.now(),
        acknowledged=acknowledged_columns,
        dry_run=dry_run,
    )
    return imported_out(done)


def imported_out(done: Imported) -> UploadImportedOut:
    tried = not done.saved
    return UploadImportedOut(
        kind=done.kind,
        rows=done.rows,
        saved=done.saved,
        repeated=done.repeated,
        batch_id=done.batch_id,
        acknowledged_columns=list(done.acknowledged),
        products_waiting=len(done.waiting),
        waiting=[waiting_out(one, tried=tried) for one in done.waiting[:ERRORS_SHOWN_MAX]],
        **rows_out(done.rows, done.set_aside, done.asked),
    )
