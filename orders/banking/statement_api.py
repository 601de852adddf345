"""`POST /bank-statements`: a file is brought by one person, confirmed by another, and proven by a receipt."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, UploadFile

from orders.banking.confirm_statement import confirm_statement, refuse_statement
from orders.banking.desk import desk_of
from orders.banking.import_statement import import_statement
from orders.banking.prove_transfer import BankReceipt, prove_by_receipt
from orders.banking.schemas import (
    BankImportedOut,
    BankReceiptIn,
    BankRejectIn,
    BankStatementOut,
    ProvenOut,
    StatementConfirmedOut,
    StatementRefusedOut,
    StatementsOut,
)
from orders.banking.statement_queries import statement_seen_by, statements_of
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.requests import TheDatabase, TheKeys
from shop.sheet.refused import FILE_BYTES_MAX
from shop.sheet.schemas import Acknowledged, rows_out

routes = APIRouter(prefix="/api/v1", tags=["bank"])

Importer = Annotated[Actor, Depends(requires(Permission.BANK_IMPORT))]
Confirmer = Annotated[Actor, Depends(requires(Permission.BANK_CONFIRM))]


@routes.post(
    "/bank-statements",
    status_code=201,
    responses={422: {"description": "文件有误，什么都没有保存"}},
)
async def post_statement(
    actor: Importer,
    database: TheDatabase,
    keys: TheKeys,
    files: TheFiles,
    file: UploadFile,
    unit_id: Annotated[UUID | None, Form()] = None,
    acknowledged_columns: Acknowledged = (),
) -> BankImportedOut:
    """A bank's csv or xlsx. It moves nothing until another person confirms it; the same file twice is one.

    acknowledged_columns: titles that need no reading; 422 `columns_unknown` lists those that are asked about. 422
    `layout_unknown`: nobody has mapped this header yet (`POST /bank-layouts`).
    """
    now = clock.now()
    async with database.reading() as session:
        unit_id = await desk_of(session, actor, unit_id, day=clock.business_day(now))
    data = await file.read(FILE_BYTES_MAX + 1)
    done = await import_statement(
        files,
        database,
        keys=keys,
        data=data,
        file_name=file.filename or "",
        actor=actor,
        unit_id=unit_id,
        now=now,
        acknowledged=acknowledged_columns,
    )
    facts = asdict(done)
    facts.pop("set_aside")
    return BankImportedOut(**facts, **rows_out(done.incoming, done.set_aside))


@routes.get("/bank-statements")
async def get_statements(actor: Importer, database: TheDatabase) -> StatementsOut:
    """Statements of the caller's desks that wait for a second person, the oldest first, 200 at most."""
    async with database.reading() as session:
        seen = await statements_of(session, actor, day=clock.today())
    return StatementsOut.model_validate({"items": seen}, from_attributes=True)


@routes.get("/bank-statements/{statement_id}")
async def get_statement(statement_id: UUID, actor: Importer, database: TheDatabase) -> BankStatementOut:
    """One statement: what confirming it would do (`planned`), or what became of its transfers."""
    async with database.reading() as session:
        seen = await statement_seen_by(session, actor, statement_id, day=clock.today())
    return BankStatementOut.model_validate(seen, from_attributes=True)


@routes.post("/bank-statements/{statement_id}/confirm")
async def post_confirm(statement_id: UUID, actor: Confirmer, database: TheDatabase) -> StatementConfirmedOut:
    """The second person, never the importer: its new rows are kept, and what is clear finds its shares in one step."""
    async with database.transaction() as session:
        done = await confirm_statement(session, actor=actor, statement_id=statement_id, now=clock.now())
    facts = asdict(done)
    facts.pop("set_aside")
    return StatementConfirmedOut(**facts, **rows_out(done.incoming, done.set_aside))


@routes.post("/bank-statements/{statement_id}/refuse")
async def post_refuse(
    statement_id: UUID, body: BankRejectIn, actor: Confirmer, database: TheDatabase
) -> StatementRefusedOut:
    """It is not the bank's, or not ours: nothing of it counts. The importer may take it back himself."""
    async with database.transaction() as session:
        await refuse_statement(session, actor=actor, statement_id=statement_id, reason=body.reason, now=clock.now())
    return StatementRefusedOut(statement_id=statement_id, state="refused")


@routes.post("/bank-statements/{statement_id}/receipts", status_code=201)
async def post_receipt(
    statement_id: UUID, body: BankReceiptIn, actor: Importer, database: TheDatabase, keys: TheKeys
) -> ProvenOut:
    """The bank's electronic receipt of one transfer (its file by `POST /evidence` first), brought by another person
    than the statement: where account, day, number and amount agree, the transfer is the bank's record (grade A).
    """
    receipt = BankReceipt(body.sha256, body.account, body.day, body.serial_number, body.amount_fen)
    async with database.transaction() as session:
        await prove_by_receipt(
            session,
            keys=keys,
            actor=actor,
            statement_id=statement_id,
            transfer_id=body.transfer_id,
            receipt=receipt,
            now=clock.now(),
        )
    return ProvenOut(transfer_id=body.transfer_id, kind="receipt")
