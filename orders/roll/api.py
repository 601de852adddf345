"""`/bulk-purchases/{id}/roll`: who took the goods."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Row
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from orders.bulk.choice.leader import Led, led_by
from orders.roll.draw_up import draw_up
from orders.roll.export import TYPES, Format, export_roll
from orders.roll.finish import finish
from orders.roll.leftover import record_leftover
from orders.roll.models import OUTCOMES
from orders.roll.queries import counts, leftovers, lines_after, scans
from orders.roll.scan import attach_scan
from orders.roll.schemas import (
    FinishedOut,
    LeftoverIn,
    LeftoverMadeOut,
    LeftoverOut,
    RollOut,
    RollRowOut,
    RollScanOut,
    ScanIn,
    ScanPlacedOut,
    SignaturesIn,
    SignedOut,
)
from orders.roll.sign import Signed, record_signatures
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.errors import NotFound
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit, cursor_of, read_cursor
from shop.core.requests import TheDatabase, TheSettings
from shop.ui.filters import masked_name

routes = APIRouter(prefix="/api/v1", tags=["bulk purchases"])

Reader = Annotated[Actor, Depends(requires(Permission.BULK_READ))]
Writer = Annotated[Actor, Depends(requires(Permission.ROLL_WRITE))]
_ROLL: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.partition(";")[0]: {} for kind in TYPES.values()}},
    409: {"description": "还没有签领表"},
    503: {"description": "缺少中文字体"},
}


@routes.get("/bulk-purchases/{purchase_id}/roll", response_model=RollOut, responses=_ROLL)
async def get_roll(
    purchase_id: UUID,
    actor: Reader,
    database: TheDatabase,
    settings: TheSettings,
    output: Annotated[Literal["json", "pdf", "xlsx", "csv"], Query(alias="format")] = "json",
    only_open: Annotated[bool, Query(alias="open")] = False,
    page: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> RollOut | Response:
    """Rows of the caller's branches (`open=true`: unsigned ones). As PDF it is for members' hands, a long one a zip."""
    after: tuple[Any, ...] = read_cursor(cursor, int, int) if cursor else (0, 0)
    led = await drawn(database, actor, purchase_id, Permission.BULK_READ)
    if output != "json":
        return await exported(database, led, actor, output, settings.public_url)
    units = _units(led)
    async with database.reading() as session:
        sums = await counts(session, purchase_id, units)
        rows = await lines_after(
            session, purchase_id, units, after=(after[0], after[1]), only_open=only_open, page=page, most=limit + 1
        )
        known = await scans(session, purchase_id, units)
        left = await leftovers(session, purchase_id) if led.whole else []
    more = len(rows) > limit
    rows = rows[:limit]
    return RollOut(
        purchase_id=purchase_id,
        state=led.purchase.state,
        members=sums.members,
        pages=sums.pages,
        open=sums.open,
        counts={one: getattr(sums, one) for one in OUTCOMES},
        items=[row_out(row) for row in rows],
        next_cursor=cursor_of(rows[-1].page, rows[-1].line) if more else None,
        scans=[RollScanOut(page=row.page, evidence_sha256=row.evidence_sha256, added_at=row.added_at) for row in known],
        leftovers=[
            LeftoverOut(
                id=row.id,
                sku_id=row.sku_id,
                title=row.title,
                spec=row.spec,
                pieces=row.pieces,
                decision=row.decision,
                minutes_sha256=row.minutes_sha256,
            )
            for row in left
        ],
    )


@routes.post("/bulk-purchases/{purchase_id}/roll/signatures", responses={409: {"description": "还没有或已经归档"}})
async def post_signatures(purchase_id: UUID, body: SignaturesIn, actor: Writer, database: TheDatabase) -> SignedOut:
    """Record who took the goods: all rows or none. The same again changes nothing; a later word replaces."""
    signatures = [Signed(**one.model_dump()) for one in body.signatures]
    async with database.transaction() as session:
        changed = await record_signatures(
            session,
            actor=actor,
            purchase_id=purchase_id,
            signatures=signatures,
            today=clock.today(),
            now=clock.now(),
        )
        led = await led_by(session, actor, purchase_id, clock.now(), Permission.ROLL_WRITE)
        left = await counts(session, purchase_id, _units(led))
    return SignedOut(changed=changed, open=left.open)


@routes.post("/bulk-purchases/{purchase_id}/roll/scans")
async def post_scan(purchase_id: UUID, body: ScanIn, actor: Writer, database: TheDatabase) -> ScanPlacedOut:
    """A signed page that was kept as evidence goes back to the page that its QR code names. Twice is once."""
    async with database.transaction() as session:
        page = await attach_scan(
            session,
            actor=actor,
            purchase_id=purchase_id,
            qr=body.qr,
            evidence_sha256=body.evidence_sha256,
            now=clock.now(),
        )
    return ScanPlacedOut(page=page)


@routes.post("/bulk-purchases/{purchase_id}/roll/leftovers", status_code=201, response_model=LeftoverMadeOut)
async def post_leftover(
    request: Request, purchase_id: UUID, body: LeftoverIn, actor: Writer, key: IdempotencyKey
) -> Response:
    """Goods that nobody took, what was decided about them, and the minutes (kept as evidence before)."""

    async def verb(session: WriteSession, now: datetime) -> LeftoverMadeOut:
        made = await record_leftover(session, actor=actor, purchase_id=purchase_id, now=now, **body.model_dump())
        return LeftoverMadeOut(id=made)

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bulk-purchases/{purchase_id}/roll/finish", responses={409: {"description": "还没有签完"}})
async def post_finish(purchase_id: UUID, actor: Writer, database: TheDatabase) -> FinishedOut:
    """Every row is signed or explained: the purchase is distributed."""
    async with database.transaction() as session:
        await finish(session, actor=actor, purchase_id=purchase_id, now=clock.now())
    return FinishedOut(state="distributed")


async def drawn(database: Database, actor: Actor, purchase_id: UUID, permission: Permission) -> Led:
    """The purchase with its roll drawn up. Raises NotFound, RollTooEarly."""
    async with database.transaction() as session:
        led = await led_by(session, actor, purchase_id, clock.now(), permission)
        await draw_up(session, led.purchase)
    return led


async def hands_out(session: ReadSession, actor: Actor, led: Led) -> bool:
    """Whether the caller hands out everything that he reads here: only he needs the members' names."""
    try:
        writes = await led_by(session, actor, led.purchase.id, clock.now(), Permission.ROLL_WRITE)
    except NotFound:
        return False
    return writes.whole or (not led.whole and frozenset(led.units or ()) <= frozenset(writes.units or ()))


async def exported(database: Database, led: Led, actor: Actor, requested: Format, public_url: str) -> Response:
    """The roll as a file, which is removed once it was sent."""
    with tempfile.NamedTemporaryFile(prefix="roll-", delete=False) as made:
        path = Path(made.name)
    async with database.reading() as session:
        named = await hands_out(session, actor, led)
    try:
        kind = await export_roll(
            database,
            led.purchase,
            _units(led),
            requested=requested,
            named=named,
            public_url=public_url,
            actor=actor,
            to=path,
            now=clock.now(),
        )
    except BaseException:
        path.unlink(missing_ok=True)  # noqa: ASYNC240  # a local file
        raise
    name = quote(f"签领表-{led.purchase.number}.{kind}")
    headers = {"content-disposition": f"attachment; filename*=utf-8''{name}", "cache-control": "no-store"}
    gone = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type=TYPES[kind], headers=headers, background=gone)


def row_out(row: Row[Any]) -> RollRowOut:
    return RollRowOut(
        page=row.page,
        line=row.line,
        person_id=row.person_id,
        staff_number=row.staff_number,
        name=masked_name(row.name),
        unit=row.unit,
        department=row.department,
        outcome=row.outcome,
        proxy_name=masked_name(row.proxy_name) if row.proxy_name else None,
        waybill=row.waybill,
        note=row.note,
        signed_on=row.signed_on,
    )


def _units(led: Led) -> list[UUID] | None:
    return None if led.units is None else list(led.units)
