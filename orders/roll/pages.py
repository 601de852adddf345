"""`/union/purchases/{id}/roll` and its single pages, to which a phone comes by their QR codes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Path, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from orders.bulk.plan.cases import cased
from orders.evidence.keep import FILE_BYTES_MAX, keep
from orders.roll.api import drawn, exported
from orders.roll.export import Format
from orders.roll.finish import finish
from orders.roll.leftover import record_leftover
from orders.roll.paper import page_digest, qr_text
from orders.roll.queries import counts, leftovers, lines_after, page_of, scans
from orders.roll.scan import attach_scan
from orders.roll.sign import Signed, record_signatures
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, NotFound, Problem
from shop.core.requests import TheDatabase, TheSettings
from shop.sheet.value import Unreadable, whole_of
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Reader = Annotated[Actor, Depends(requires(Permission.BULK_READ))]
Writer = Annotated[Actor, Depends(requires(Permission.ROLL_WRITE))]
Page = Annotated[int, Path(ge=1, le=1_000_000)]
SHOWN_MOST, PLACE_DIGITS = 200, 6


@routes.get("/union/purchases/{purchase_id}/roll")
async def get_roll(
    request: Request, purchase_id: UUID, actor: Reader, database: TheDatabase, all_rows: bool = False
) -> Response:
    """Who has not signed (`all_rows=true`: everybody), scans, what was left over, and the printed forms."""
    return await _page(request, database, actor, purchase_id, all_rows=all_rows)


@routes.get("/union/purchases/{purchase_id}/roll/{output}")
async def get_export(
    purchase_id: UUID, output: Format, actor: Reader, database: TheDatabase, settings: TheSettings
) -> Response:
    """The roll as a file: pdf, xlsx or csv."""
    led = await drawn(database, actor, purchase_id, Permission.BULK_READ)
    return await exported(database, led, actor, output, settings.public_url)


@routes.get("/union/purchases/{purchase_id}/roll/pages/{page}")
async def get_page(
    request: Request, purchase_id: UUID, page: Page, actor: Reader, database: TheDatabase, d: str = ""
) -> Response:
    """One page of the roll: its rows, and the form for its scan."""
    return await _page(request, database, actor, purchase_id, page=page, digest=d)


@routes.post("/union/purchases/{purchase_id}/roll")
async def post_signature(
    request: Request,
    purchase_id: UUID,
    actor: Writer,
    database: TheDatabase,
    who: Annotated[str, Form()] = "",
    outcome: Annotated[str, Form()] = "self",
    proxy_name: Annotated[str, Form()] = "",
    waybill: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """One row, by staff number or as page-line (`3-12`). What was typed stays when it is refused."""
    typed = {"who": who, "outcome": outcome, "proxy_name": proxy_name, "waybill": waybill, "note": note}
    kept = {name: value.replace("\0", "").strip()[:400] for name, value in typed.items()}
    page, _, line = kept["who"].partition("-")
    by_place = page.isdecimal() and line.isdecimal() and max(len(page), len(line)) <= PLACE_DIGITS
    signed = Signed(
        kept["outcome"],
        staff_number=None if by_place else kept["who"] or None,
        page=int(page) if by_place else None,
        line=int(line) if by_place else None,
        proxy_name=kept["proxy_name"] or None,
        waybill=kept["waybill"] or None,
        note=kept["note"] or None,
    )
    try:
        await _sign(database, actor, purchase_id, [signed])
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, purchase_id, problem=problem, typed=typed)
    return RedirectResponse(f"/union/purchases/{purchase_id}/roll", 303)


@routes.post("/union/purchases/{purchase_id}/roll/pages/{page}")
async def post_page(request: Request, purchase_id: UUID, page: Page, actor: Writer, database: TheDatabase) -> Response:
    """Everybody on the page who is still open has signed it."""
    async with database.reading() as session:
        rows = await lines_after(session, purchase_id, None, only_open=True, page=page, most=SHOWN_MOST)
    try:
        if rows:
            await _sign(database, actor, purchase_id, [Signed("self", person_id=row.person_id) for row in rows])
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, purchase_id, page=page, problem=problem)
    return RedirectResponse(f"/union/purchases/{purchase_id}/roll/pages/{page}", 303)


@routes.post("/union/purchases/{purchase_id}/roll-scans")
async def post_scan(
    request: Request,
    purchase_id: UUID,
    actor: Writer,
    database: TheDatabase,
    files: TheFiles,
    file: UploadFile,
    qr: Annotated[str, Form()] = "",
) -> Response:
    """A photo or PDF of a signed page; the code's text says which."""
    now = clock.now()
    try:
        led = await drawn(database, actor, purchase_id, Permission.ROLL_WRITE)
        data = await file.read(FILE_BYTES_MAX + 1)
        kept = await keep(
            files,
            database,
            data=data,
            file_name=file.filename or "",
            actor=actor,
            unit_id=led.purchase.unit_id,
            now=now,
        )
        async with database.transaction() as session:
            page = await attach_scan(
                session, actor=actor, purchase_id=purchase_id, qr=qr, evidence_sha256=kept.sha256, now=now
            )
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, purchase_id, problem=problem, typed={"qr": qr})
    return RedirectResponse(f"/union/purchases/{purchase_id}/roll/pages/{page}", 303)


@routes.post("/union/purchases/{purchase_id}/roll-leftovers")
async def post_leftover(
    request: Request,
    purchase_id: UUID,
    actor: Writer,
    database: TheDatabase,
    files: TheFiles,
    file: UploadFile,
    sku_id: Annotated[UUID, Form()],
    pieces: Annotated[str, Form()] = "",
    decision: Annotated[str, Form()] = "",
) -> Response:
    """What was left over, what was decided, and the minutes."""
    now = clock.now()
    typed = {"sku_id": str(sku_id), "pieces": pieces, "decision": decision}
    said = decision.replace("\0", "").strip()[:400]
    try:
        led = await drawn(database, actor, purchase_id, Permission.ROLL_WRITE)
        count = _pieces(pieces)
        if not said:
            raise _wrong("decision", "请写明怎么处理的。")
        kept = await keep(
            files,
            database,
            data=await file.read(FILE_BYTES_MAX + 1),
            file_name=file.filename or "",
            actor=actor,
            unit_id=led.purchase.unit_id,
            now=now,
        )
        async with database.transaction() as session:
            await record_leftover(
                session,
                actor=actor,
                purchase_id=purchase_id,
                sku_id=sku_id,
                pieces=count,
                decision=said,
                minutes_sha256=kept.sha256,
                now=now,
            )
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, purchase_id, problem=problem, typed=typed)
    return RedirectResponse(f"/union/purchases/{purchase_id}/roll#leftovers", 303)


@routes.post("/union/purchases/{purchase_id}/roll-finish")
async def post_finish(request: Request, purchase_id: UUID, actor: Writer, database: TheDatabase) -> Response:
    """Distributed, or the page says what is still open."""
    try:
        async with database.transaction() as session:
            await finish(session, actor=actor, purchase_id=purchase_id, now=clock.now())
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _page(request, database, actor, purchase_id, problem=problem)
    return RedirectResponse(f"/union/purchases/{purchase_id}/roll", 303)


async def _sign(database: Database, actor: Actor, purchase_id: UUID, signatures: list[Signed]) -> None:
    async with database.transaction() as session:
        await record_signatures(
            session,
            actor=actor,
            purchase_id=purchase_id,
            signatures=signatures,
            today=clock.today(),
            now=clock.now(),
        )


def _pieces(typed: str) -> int:
    try:
        return whole_of(typed, least=1, most=999_999)
    except Unreadable as wrong:
        raise _wrong("pieces", "请填写剩余件数，大于 0 的整数。") from wrong


def _wrong(name: str, said: str) -> Problem:
    return Problem(said, [Detail(f"/{name}", "invalid", said)])


async def _page(
    request: Request,
    database: Database,
    actor: Actor,
    purchase_id: UUID,
    *,
    all_rows: bool = False,
    page: int | None = None,
    digest: str = "",
    problem: Problem | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    led = await drawn(database, actor, purchase_id, Permission.BULK_READ)
    units = None if led.units is None else list(led.units)
    only_open = page is None and not all_rows
    async with database.reading() as session:
        sums = await counts(session, purchase_id, units)
        rows = await lines_after(session, purchase_id, units, only_open=only_open, page=page, most=SHOWN_MOST)
        known = [row for row in await scans(session, purchase_id, units) if page in {None, row.page}]
        left = await leftovers(session, purchase_id) if led.whole else []
        goods = await cased(session, purchase_id) if led.whole else []
        stands = await page_of(session, purchase_id, page) if page is not None else None
    if page is not None and (stands is None or not rows):
        raise NotFound("签领表没有这一页。")
    ours = page_digest(purchase_id, page, stands.people) if page is not None and stands else ""
    return render(
        request,
        "roll/roll.html",
        problem.status if problem else 200,
        purchase=led.purchase,
        whole=led.whole,
        writes=actor.may(Permission.ROLL_WRITE),
        sums=sums,
        rows=rows,
        scans=known,
        leftovers=left,
        goods=goods,
        page=page,
        all_rows=all_rows,
        stale=bool(digest) and digest != ours,
        qr=qr_text("", purchase_id, page, ours) if page is not None else "",
        problem=problem,
        typed=typed or {},
    )
