"""The bank desk's files: hand one in, say which columns nobody needs, map a header that nobody knows."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from orders.banking.desk import desk_of
from orders.banking.import_statement import import_statement
from orders.banking.pages import ADDRESS, desk_page
from orders.banking.statement.layouts import COLUMN_WORDS
from orders.banking.statement.map_layout import decide_layout, propose_layout
from orders.banking.statement.read_statement import LayoutUnknown
from orders.evidence.keep import keep
from orders.evidence.queries import file_again
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.errors import NotFound, Problem
from shop.core.requests import TheDatabase
from shop.sheet.refused import FILE_BYTES_MAX, ColumnsUnknown
from shop.sheet.schemas import Acknowledged, TitleSaid, columns_asked

routes = APIRouter(include_in_schema=False)

Importer = Annotated[Actor, Depends(requires(Permission.BANK_IMPORT))]
Confirmer = Annotated[Actor, Depends(requires(Permission.BANK_CONFIRM))]
Digest = Annotated[str, Form(pattern=r"^([0-9a-f]{64})?$")]


@routes.get(f"{ADDRESS}/statements")
async def get_statements(_: Importer) -> RedirectResponse:
    """Whoever reloads a refused form comes back to the desk."""
    return RedirectResponse(ADDRESS, 303)


@routes.post(f"{ADDRESS}/statements")
async def post_statement(
    request: Request,
    actor: Importer,
    database: TheDatabase,
    files: TheFiles,
    file: UploadFile | None = None,
    kept_sha256: Digest = "",
    acknowledged_columns: Acknowledged = (),
) -> Response:
    """A file, or one that was handed in a moment ago (`kept_sha256`), now with what it needed to be told."""
    now = clock.now()
    name, data = (file.filename or "", await file.read(FILE_BYTES_MAX + 1)) if file else ("", b"")
    try:
        async with database.reading() as session:
            unit_id = await desk_of(session, actor, None, day=clock.business_day(now))
        if kept_sha256 and not data:
            name, data = await file_again(files, database, actor, kept_sha256, day=clock.business_day(now))
        imported = await import_statement(
            files,
            database,
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
        asked = {"sha256": kept.sha256, "file_name": name, "ticks": ticks, **problem.extra}
        return await desk_page(request, actor, database, problem=problem, asked=asked)
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem)
    done = "repeated" if imported.repeated else "imported"
    return RedirectResponse(f"{ADDRESS}?done={done}&statement={imported.statement_id}", 303)


@routes.post(f"{ADDRESS}/layouts")
async def post_layout(
    request: Request,
    actor: Importer,
    database: TheDatabase,
    name: Annotated[str, Form(max_length=60)],
    kept_sha256: Digest,
    titles: Annotated[Sequence[TitleSaid], Form(max_length=60)] = (),
    meant: Annotated[Sequence[TitleSaid], Form(max_length=60)] = (),
) -> Response:
    """titles, meant: side by side, each column of the file and what it is; blank: nobody needs it."""
    said = list(zip(titles, meant, strict=False))
    columns = {field: [title for title, what in said if what == field] for field in COLUMN_WORDS}
    try:
        async with database.transaction() as session:
            await propose_layout(
                session,
                actor=actor,
                unit_id=await desk_of(session, actor, None, day=clock.today()),
                name=" ".join(name.split()) or "未命名格式",
                columns={field: found for field, found in columns.items() if found},
                ignored=[title for title, what in said if not what],
                sample_sha256=kept_sha256 or None,
                now=clock.now(),
            )
    except NotFound:
        raise
    except Problem as problem:
        asked = {"sha256": kept_sha256, "titles": list(titles), "meant": dict(said), "name": name}
        return await desk_page(request, actor, database, problem=problem, asked=asked)
    return RedirectResponse(f"{ADDRESS}?done=proposed", 303)


@routes.post(f"{ADDRESS}/layouts/{{layout_id}}/{{verdict}}")
async def post_layout_decision(
    request: Request, layout_id: UUID, verdict: str, actor: Confirmer, database: TheDatabase
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
