"""`/api/v1/audit`: changes, exports, lines under a mandate, samples, the sealed ledger."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from orders.audit.draw_sample import draw_sample
from orders.audit.events import events_of
from orders.audit.export_ledger import export_ledger
from orders.audit.lines import lines_of, open_basket
from orders.audit.queries import mandates_of, sample_out, samples_of
from orders.audit.sample_file import sample_file
from orders.audit.schemas import (
    BasketIn,
    BasketOut,
    Day,
    EventPage,
    LinePage,
    MandatePage,
    SampleIn,
    SampleOut,
    SamplePage,
)
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase, TheKeys

routes = APIRouter(prefix="/api/v1", tags=["audit"])

Reader = Annotated[Actor, Depends(requires(Permission.AUDIT_READ))]
Administrator = Annotated[Actor, Depends(requires(Permission.USER_ADMINISTER))]
Named = Annotated[str | None, Query(max_length=100, pattern=NO_NUL)]


@routes.get("/audit")
async def get_audit(
    actor: Reader,
    database: TheDatabase,
    keys: TheKeys,
    action: Named = None,
    subject: Named = None,
    since: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query(alias="to")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> EventPage:
    """Who changed what, when, from what to what, and why: of the caller's units. subject: `kind:id`, or a kind."""
    async with database.reading() as session:
        return await events_of(
            session,
            actor,
            keys=keys,
            now=clock.now(),
            limit=limit,
            cursor=cursor,
            action=action,
            subject=subject,
            since=since,
            until=until,
        )


@routes.get("/audit/exports")
async def get_exports(
    actor: Reader, database: TheDatabase, keys: TheKeys, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> EventPage:
    """Everything that left the shop as a file: who took it, what, how many rows, which digest, when."""
    async with database.reading() as session:
        return await events_of(
            session,
            actor,
            keys=keys,
            now=clock.now(),
            limit=limit,
            cursor=cursor,
            exports=True,
        )


@routes.get("/audit/mandates")
async def get_mandates(
    actor: Annotated[Actor, Depends(requires(Permission.ME_READ))], database: TheDatabase
) -> MandatePage:
    """An auditor's own; for an administrator those over his units alone."""
    async with database.reading() as session:
        return await mandates_of(session, actor, day=clock.today())


@routes.get("/audit/lines")
async def get_lines(
    actor: Reader,
    database: TheDatabase,
    keys: TheKeys,
    since: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query(alias="to")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> LinePage:
    """Entries that the mandate covers, buyers under pseudonyms that hold within it."""
    async with database.reading() as session:
        return await lines_of(
            session,
            actor,
            keys=keys,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
            now=clock.now(),
        )


@routes.post("/audit/baskets")
async def post_basket(body: BasketIn, actor: Reader, database: TheDatabase, keys: TheKeys) -> BasketOut:
    """What one person bought, on a reason that is kept: each look is noted."""
    async with database.transaction() as session:
        return await open_basket(
            session,
            actor=actor,
            keys=keys,
            pseudonym=body.pseudonym,
            reason=body.reason,
            now=clock.now(),
        )


@routes.get("/audit/samples")
async def get_samples(
    actor: Reader, database: TheDatabase, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> SamplePage:
    """The caller's samples, the newest first."""
    async with database.reading() as session:
        return await samples_of(session, actor, limit=limit, cursor=cursor)


@routes.post("/audit/samples", status_code=201, response_model=SampleOut)
async def post_sample(request: Request, body: SampleIn, actor: Reader, key: IdempotencyKey) -> Response:
    """Draw order lines by a seed: the same seed over the same lines draws the same ones."""

    async def verb(session: WriteSession, now: datetime) -> SampleOut:
        drawn = await draw_sample(
            session,
            actor=actor,
            since=body.since,
            until=body.until,
            size=body.size,
            seed=body.seed,
            now=now,
        )
        return await sample_out(session, actor, drawn)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/audit/samples/{sample_id}", response_class=Response)
async def get_sample(sample_id: UUID, actor: Reader, database: TheDatabase, keys: TheKeys, files: TheFiles) -> Response:
    """One file a line, its papers beside it, and a manifest with the sha256 of each. Each export is noted."""
    made = await sample_file(database, files, actor=actor, sample_id=sample_id, keys=keys, now=clock.now())
    headers = {
        "content-disposition": f'attachment; filename="{made.name}"',
        "etag": f'"{made.sha256}"',
        "cache-control": "private, no-store",
    }
    return Response(made.data, media_type="application/zip", headers=headers)


@routes.get("/credit/export", response_class=StreamingResponse)
async def get_ledger(actor: Reader, database: TheDatabase) -> StreamingResponse:
    """The sealed ledger, for the stand-alone checker. For auditors of all units; each export is noted."""
    made = await export_ledger(database, actor=actor, now=clock.now())
    return StreamingResponse(
        made.chunks(),
        media_type="text/plain; charset=utf-8",
        headers={
            "content-disposition": 'attachment; filename="bangfu-ledger.txt"',
            "content-length": str(made.size),
            "etag": f'"{made.sha256}"',
            "cache-control": "private, no-store",
        },
    )
