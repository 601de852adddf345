"""The supplier's invoices at `/supplier/invoices`: what is asked for, and where the originals are handed in."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from orders.evidence.keep import FILE_BYTES_MAX
from orders.invoice.api import InvoiceForm, RedLetterForm, TypedFields
from orders.invoice.hand_in import hand_in
from orders.invoice.queries import requests_seen_by
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.paging import LIMIT_DEFAULT, Cursor
from shop.core.requests import TheDatabase
from shop.ui.pages import render

ADDRESS: Final = "/supplier/invoices"
FIELDS: Final = (
    ("number", "发票号码（20 位）"),
    ("issued_on", "开票日期"),
    ("issuer_name", "销售方名称"),
    ("issuer_tax_number", "销售方税号"),
    ("buyer_title", "购买方名称"),
    ("buyer_tax_number", "购买方税号"),
    ("amount_yuan", "价税合计（元）"),
    ("tax_yuan", "税额（元）"),
)

routes = APIRouter(include_in_schema=False)

Issuer = Annotated[Actor, Depends(requires(Permission.INVOICE_WRITE))]


@routes.get(ADDRESS)
async def get_page(
    request: Request,
    actor: Issuer,
    database: TheDatabase,
    cursor: Cursor = None,
    done: str = "",
) -> Response:
    return await _page(request, actor, database, cursor=cursor, done=done)


@routes.post(ADDRESS)
async def post_invoice(
    request: Request,
    form: Annotated[InvoiceForm, Form(media_type="multipart/form-data")],
    actor: Issuer,
    database: TheDatabase,
    files: TheFiles,
) -> Response:
    typed = form.model_dump(exclude={"file", "request_id"})
    try:
        await hand_in(
            files,
            database,
            actor=actor,
            request_id=form.request_id,
            data=await form.file.read(FILE_BYTES_MAX + 1),
            file_name=form.file.filename or "",
            typed=typed,
            now=clock.now(),
        )
    except Problem as problem:
        return await _page(request, actor, database, problem=problem, typed={form.request_id: typed})
    return RedirectResponse(f"{ADDRESS}?done=blue", 303)


@routes.post(f"{ADDRESS}/{{invoice_id}}/red-letter")
async def post_red_letter(
    request: Request,
    invoice_id: UUID,
    form: Annotated[RedLetterForm, Form(media_type="multipart/form-data")],
    actor: Issuer,
    database: TheDatabase,
    files: TheFiles,
) -> Response:
    typed = form.model_dump(exclude={"file"})
    try:
        await hand_in(
            files,
            database,
            actor=actor,
            red_of_id=invoice_id,
            data=await form.file.read(FILE_BYTES_MAX + 1),
            file_name=form.file.filename or "",
            typed=typed,
            now=clock.now(),
        )
    except Problem as problem:
        return await _page(request, actor, database, problem=problem, typed={invoice_id: typed})
    return RedirectResponse(f"{ADDRESS}?done=red", 303)


async def _page(
    request: Request,
    actor: Actor,
    database: Database,
    *,
    cursor: str | None = None,
    done: str = "",
    problem: Problem | None = None,
    typed: Mapping[UUID, Mapping[str, str]] | None = None,
) -> Response:
    """typed: by request or blue invoice, what somebody wrote beside a file that was refused."""
    async with database.reading() as session:
        asked, following = await requests_seen_by(session, actor, day=clock.today(), limit=LIMIT_DEFAULT, cursor=cursor)
    return render(
        request,
        "invoice/supplier.html",
        status=problem.status if problem else 200,
        asked=asked,
        following=f"{ADDRESS}?cursor={following}" if following else None,
        done=done,
        problem=problem,
        typed=typed or {},
        fields=FIELDS,
        nothing_typed=TypedFields().model_dump(),
    )
