"""`POST /orders/{id}/invoice`, `GET/POST /invoices`, `POST /invoices/{id}/red-letter`."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from pydantic import BaseModel
from starlette.responses import Response

from orders.evidence.api import download
from orders.evidence.keep import FILE_BYTES_MAX
from orders.evidence.queries import bytes_of, paper_of
from orders.invoice.hand_in import hand_in
from orders.invoice.queries import original_seen_by, requests_named, requests_seen_by
from orders.invoice.request import request_invoices
from orders.invoice.schemas import RequestIn, RequestsOut, TakenOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["invoices"])

Reader = Annotated[Actor, Depends(requires(Permission.INVOICE_READ))]
Issuer = Annotated[Actor, Depends(requires(Permission.INVOICE_WRITE))]


class TypedFields(BaseModel):
    """What stands on a PDF or OFD; of XML nothing needs to be typed."""

    number: str = ""
    issued_on: str = ""
    issuer_name: str = ""
    issuer_tax_number: str = ""
    buyer_title: str = ""
    buyer_tax_number: str = ""
    amount_yuan: str = ""
    tax_yuan: str = ""


class InvoiceForm(TypedFields):
    request_id: UUID
    file: UploadFile


class RedLetterForm(TypedFields):
    file: UploadFile


@routes.post("/orders/{order_id}/invoice", status_code=201, response_model=RequestsOut)
async def post_request(
    request: Request,
    order_id: UUID,
    body: RequestIn,
    actor: Annotated[Actor, Depends(requires(Permission.PAYMENT_OPEN))],
    key: IdempotencyKey,
) -> Response:
    """Ask each supplier for the invoice of each payer share in reach. A personal order gets no unit title."""

    async def verb(session: WriteSession, now: datetime) -> RequestsOut:
        ids = await request_invoices(
            session,
            actor=actor,
            order_id=order_id,
            share_ids=body.payer_share_ids,
            title=body.title,
            tax_number=body.tax_number,
            now=now,
        )
        asked = await requests_named(session, ids)
        return RequestsOut(items=asked)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/invoices")
async def get_invoices(
    actor: Reader,
    database: TheDatabase,
    order: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> RequestsOut:
    """Requests and their invoices: a supplier's own, or those of the caller's units."""
    async with database.reading() as session:
        found, following = await requests_seen_by(
            session, actor, day=clock.today(), limit=limit, cursor=cursor, order_id=order
        )
    return RequestsOut(items=found, next_cursor=following)


@routes.post(
    "/invoices",
    status_code=201,
    responses={409: {"description": "发票号码已登记"}, 422: {"description": "发票与应开内容不符"}},
)
async def post_invoice(
    form: Annotated[InvoiceForm, Form(media_type="multipart/form-data")],
    actor: Issuer,
    database: TheDatabase,
    files: TheFiles,
) -> TakenOut:
    """The original of an invoice. XML is read; beside an OFD or PDF its fields are typed."""
    data = await form.file.read(FILE_BYTES_MAX + 1)
    taken = await hand_in(
        files,
        database,
        actor=actor,
        request_id=form.request_id,
        data=data,
        file_name=form.file.filename or "",
        typed=form.model_dump(exclude={"file", "request_id"}),
        now=clock.now(),
    )
    return TakenOut(**asdict(taken))


@routes.post("/invoices/{invoice_id}/red-letter", status_code=201)
async def post_red_letter(
    invoice_id: UUID,
    form: Annotated[RedLetterForm, Form(media_type="multipart/form-data")],
    actor: Issuer,
    database: TheDatabase,
    files: TheFiles,
) -> TakenOut:
    """A negative invoice with a number of its own, whole or in part, never above what remains of the blue one."""
    data = await form.file.read(FILE_BYTES_MAX + 1)
    taken = await hand_in(
        files,
        database,
        actor=actor,
        red_of_id=invoice_id,
        data=data,
        file_name=form.file.filename or "",
        typed=form.model_dump(exclude={"file"}),
        now=clock.now(),
    )
    return TakenOut(**asdict(taken))


@routes.get("/invoices/{invoice_id}/original", response_class=Response)
async def get_original(invoice_id: UUID, actor: Reader, database: TheDatabase, files: TheFiles) -> Response:
    """The file as it came."""
    async with database.reading() as session:
        sha = await original_seen_by(session, actor, invoice_id, day=clock.today())
        paper = await paper_of(session, sha)
    return download(paper, await bytes_of(files, sha))
