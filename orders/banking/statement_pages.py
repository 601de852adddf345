"""The bank desk's files: hand one in, say which columns nobody needs, map a header that nobody knows, and as another
person confirm or refuse what it says, or bring the bank's receipt of one transfer.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from orders.banking.confirm_statement import confirm_statement, refuse_statement
from orders.banking.desk import desk_of
from orders.banking.import_statement import import_statement
from orders.banking.pages import ADDRESS, WHY, Words, desk_page, fen_typed, said
from orders.banking.prove_transfer import BankReceipt, prove_by_receipt
from orders.banking.statement.layouts import COLUMN_WORDS
from orders.banking.statement.map_layout import decide_layout, propose_layout
from orders.banking.statement.read_statement import LayoutUnknown
from orders.banking.statement_queries import StatementSeen, statement_seen_by
from orders.evidence.keep import keep
from orders.evidence.queries import file_again
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound, Problem
from shop.core.requests import TheDatabase, TheKeys
from shop.sheet.refused import FILE_BYTES_MAX, ColumnsUnknown
from shop.sheet.schemas import Acknowledged, TitleSaid, columns_asked
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Importer = Annotated[Actor, Depends(requires(Permission.BANK_IMPORT))]
Confirmer = Annotated[Actor, Depends(requires(Permission.BANK_CONFIRM))]
Digest = Annotated[str, Form(pattern=r"^([0-9a-f]{64})?$")]
Desk = Annotated[str, Form(pattern=r"^([0-9a-f-]{36})?$")]
"""The unit whose desk it is, of somebody who has several."""


@routes.get(f"{ADDRESS}/statements")
async def get_statements(_: Importer) -> RedirectResponse:
    """Whoever reloads a refused form comes back to the desk."""
    return RedirectResponse(ADDRESS, 303)


@routes.post(f"{ADDRESS}/statements")
async def post_statement(
    request: Request,
    actor: Importer,
    database: TheDatabase,
    keys: TheKeys,
    files: TheFiles,
    file: UploadFile | None = None,
    kept_sha256: Digest = "",
    acknowledged_columns: Acknowledged = (),
    desk: Desk = "",
) -> Response:
    """A file, or one that was handed in a moment ago (`kept_sha256`), now with what it needed to be told."""
    now = clock.now()
    name, data = (file.filename or "", await file.read(FILE_BYTES_MAX + 1)) if file else ("", b"")
    try:
        async with database.reading() as session:
            unit_id = await desk_of(session, actor, _unit(desk), day=clock.business_day(now))
        if kept_sha256 and not data:
            name, data = await file_again(files, database, actor, kept_sha256, day=clock.business_day(now))
        imported = await import_statement(
            files,
            database,
            keys=keys,
            data=data,
            file_name=name,
            actor=actor,
            unit_id=unit_id,
            now=now,
            acknowledged=acknowledged_columns,
        )
    except (ColumnsUnknown, LayoutUnknown) as problem:
        kept = await keep(files, database, data=data, file_name=name, actor=actor, unit_id=None, now=now)
        ticks = columns_asked(problem.extra.get("unknown_columns", ()), acknowledged_columns)
        asked = {"sha256": kept.sha256, "file_name": name, "ticks": ticks, "desk": desk, **problem.extra}
        return await desk_page(request, actor, database, problem=problem, asked=asked)
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem, asked={"desk": desk})
    done = "repeated" if imported.repeated else "imported"
    return RedirectResponse(f"{ADDRESS}/statements/{imported.statement_id}?done={done}", 303)


@routes.get(f"{ADDRESS}/statements/{{statement_id}}")
async def get_statement(
    request: Request, statement_id: UUID, actor: Importer, database: TheDatabase, done: str = ""
) -> Response:
    """Row by row what confirming would do, or what became of it."""
    return await _statement_page(request, statement_id, actor, database, done=done)


@routes.post(f"{ADDRESS}/statements/{{statement_id}}")
async def post_decision(
    request: Request,
    statement_id: UUID,
    actor: Confirmer,
    database: TheDatabase,
    do: Annotated[str, Form(pattern="^(confirm|refuse)$")],
    reason: Words = "",
) -> Response:
    """The second person says yes or no; whoever brought it may take it back."""
    now = clock.now()
    try:
        async with database.transaction() as session:
            if do == "confirm":
                await confirm_statement(session, actor=actor, statement_id=statement_id, now=now)
            else:
                await refuse_statement(session, actor=actor, statement_id=statement_id, reason=said(reason), now=now)
    except NotFound:
        raise
    except Problem as problem:
        return await _statement_page(request, statement_id, actor, database, problem=problem, reason=reason)
    done = "confirmed" if do == "confirm" else "refused"
    return RedirectResponse(f"{ADDRESS}?done={done}&statement={statement_id}", 303)


@routes.post(f"{ADDRESS}/statements/{{statement_id}}/receipts/{{transfer_id}}")
async def post_receipt(
    request: Request,
    statement_id: UUID,
    transfer_id: UUID,
    actor: Importer,
    database: TheDatabase,
    keys: TheKeys,
    files: TheFiles,
    account: Annotated[str, Form(max_length=64)],
    day: Annotated[date, Form()],
    serial_number: Annotated[str, Form(max_length=64)],
    yuan: Annotated[str, Form(max_length=30)],
    file: UploadFile | None = None,
    kept_sha256: Digest = "",
) -> Response:
    """kept_sha256: the receipt's file, where it was kept a moment ago and what was typed did not agree."""
    now = clock.now()
    typed = {"account": account, "day": str(day), "serial_number": serial_number, "yuan": yuan, "sha256": kept_sha256}
    try:
        if file is not None and file.filename:
            data = await file.read(FILE_BYTES_MAX + 1)
            name = file.filename
            kept = await keep(files, database, data=data, file_name=name, actor=actor, unit_id=None, now=now)
            typed["sha256"] = kept.sha256
        receipt = BankReceipt(typed["sha256"], account, day, serial_number, fen_typed(yuan))
        async with database.transaction() as session:
            facts = {"statement_id": statement_id, "transfer_id": transfer_id}
            await prove_by_receipt(session, keys=keys, actor=actor, receipt=receipt, now=now, **facts)
    except NotFound:
        raise
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem, typed={transfer_id: typed})
    return RedirectResponse(f"{ADDRESS}?done=proven", 303)


async def _statement_page(
    request: Request,
    statement_id: UUID,
    actor: Actor,
    database: Database,
    *,
    done: str = "",
    problem: Problem | None = None,
    reason: str = "",
) -> Response:
    async with database.reading() as session:
        seen = await statement_seen_by(session, actor, statement_id, day=clock.today())
    return render(
        request,
        "banking/statement.html",
        status=problem.status if problem else 200,
        statement=seen,
        totals=_totals(seen),
        may_confirm=actor.may(Permission.BANK_CONFIRM),
        me=actor.user_id,
        why=WHY,
        done=done,
        problem=problem,
        reason=reason,
    )


def _totals(seen: StatementSeen) -> dict[str, tuple[int, int]]:
    """How many rows become what, and their fen."""
    found: dict[str, tuple[int, int]] = {}
    for row in seen.planned:
        count, fen = found.get(row.becomes, (0, 0))
        found[row.becomes] = (count + 1, fen + row.amount_fen)
    return found


@routes.post(f"{ADDRESS}/layouts")
async def post_layout(
    request: Request,
    actor: Importer,
    database: TheDatabase,
    name: Annotated[str, Form(max_length=60)],
    kept_sha256: Digest,
    titles: Annotated[Sequence[TitleSaid], Form(max_length=60)] = (),
    meant: Annotated[Sequence[TitleSaid], Form(max_length=60)] = (),
    desk: Desk = "",
) -> Response:
    """titles, meant: side by side, each column of the file and what it is; blank: nobody needs it."""
    said = list(zip(titles, meant, strict=False))
    columns = {field: [title for title, what in said if what == field] for field in COLUMN_WORDS}
    try:
        async with database.transaction() as session:
            await propose_layout(
                session,
                actor=actor,
                unit_id=await desk_of(session, actor, _unit(desk), day=clock.today()),
                name=" ".join(name.split()) or "未命名格式",
                columns={field: found for field, found in columns.items() if found},
                ignored=[title for title, what in said if not what],
                sample_sha256=kept_sha256 or None,
                now=clock.now(),
            )
    except NotFound:
        raise
    except Problem as problem:
        asked = {"sha256": kept_sha256, "titles": list(titles), "meant": dict(said), "name": name, "desk": desk}
        return await desk_page(request, actor, database, problem=problem, asked=asked)
    return RedirectResponse(f"{ADDRESS}?done=proposed", 303)


def _unit(desk: str) -> UUID | None:
    try:
        return UUID(desk) if desk else None
    except ValueError as wrong:
        raise NotFound("没有找到这个单位，或者它不在您的范围内。") from wrong


@routes.post(f"{ADDRESS}/layouts/{{layout_id}}/{{verdict}}")
async def post_layout_decision(
    request: Request, layout_id: UUID, verdict: Literal["confirm", "reject"], actor: Confirmer, database: TheDatabase
) -> Response:
    """The second person says yes or no."""
    confirmed = verdict == "confirm"
    try:
        async with database.transaction() as session:
            await decide_layout(session, actor=actor, layout_id=layout_id, confirmed=confirmed, now=clock.now())
    except NotFound:
        raise
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem)
    return RedirectResponse(f"{ADDRESS}?done={'confirmed' if confirmed else 'rejected'}", 303)
