"""`/api/v1/intake`: statements of other channels, staged and confirmed by a second person; offline sales; claims."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Path, Request, UploadFile
from starlette.responses import Response

from orders.evidence.queries import paper_seen_by
from orders.intake.add_offline_sale import add_offline_sale
from orders.intake.channels import channels_of
from orders.intake.confirm import confirm, reject
from orders.intake.decide_claim import decide_claim
from orders.intake.queries import batch_full, batch_out, batches_of, claims_of
from orders.intake.read_rows import template
from orders.intake.schemas import (
    BatchFull,
    BatchOut,
    BatchPage,
    ChannelOut,
    ChannelPage,
    ClaimPage,
    DecideIn,
    IntakeRejectIn,
    OfflineIn,
    UploadedOut,
)
from orders.intake.stage import EvidenceKind, Paper, Staged, stage_file
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Invalid
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase
from shop.sheet.refused import FILE_BYTES_MAX
from shop.sheet.schemas import Acknowledged, rows_out
from shop.sheet.write import csv_response

routes = APIRouter(prefix="/api/v1/intake", tags=["intake"])

Writer = Annotated[Actor, Depends(requires(Permission.INTAKE_WRITE))]
Confirmer = Annotated[Actor, Depends(requires(Permission.INTAKE_CONFIRM))]
Digest = Annotated[str | None, Form(pattern=r"^[0-9a-f]{64}$")]


@routes.get("/channels")
async def get_channels(_: Writer, database: TheDatabase) -> ChannelPage:
    """Where sales made elsewhere come from, as data."""
    async with database.reading() as session:
        channels = await channels_of(session, clock.today())
    return ChannelPage(items=[ChannelOut(code=one.code, name=one.name) for one in channels])


@routes.get("/template", response_class=Response)
async def get_template(_: Writer) -> Response:
    """Our own columns with an example row, for a channel that has no file of its own."""
    return csv_response("intake.csv", template())


@routes.post(
    "/batches",
    status_code=201,
    responses={413: {"description": "文件太大"}, 422: {"description": "表格有误，或是另一个渠道的；什么都没有记入"}},
)
async def post_batch(
    actor: Writer,
    database: TheDatabase,
    files: TheFiles,
    file: UploadFile,
    channel: Annotated[str | None, Form(max_length=60, pattern=r"^[^\x00]*$")] = None,
    evidence_sha256: Digest = None,
    evidence_kind: Annotated[EvidenceKind, Form()] = "document",
    acknowledged_columns: Acknowledged = (),
    dry_run: bool = False,
) -> UploadedOut:
    """A csv (UTF-8, GBK) or xlsx of one channel. Errors name row and column; the same bytes are one batch.

    evidence_sha256: a paper kept before that proves all rows; its grade is given when the second person confirms.
    acknowledged_columns: titles that need no reading; 422 `columns_unknown` lists those that are asked about.
    """
    now = clock.now()
    paper = None
    if evidence_sha256:
        async with database.reading() as session:
            await paper_seen_by(session, actor, evidence_sha256, day=clock.business_day(now))
        paper = Paper(evidence_sha256, evidence_kind)
    data = await file.read(FILE_BYTES_MAX + 1)
    staged = await take_file(
        files,
        database,
        actor,
        data=data,
        file_name=file.filename or "",
        channel=channel,
        paper=paper,
        acknowledged=acknowledged_columns,
        dry_run=dry_run,
    )
    return await uploaded_out(database, staged)


@routes.get("/batches")
async def get_batches(
    actor: Writer, database: TheDatabase, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> BatchPage:
    """The caller's own and those about his units, the newest first."""
    async with database.reading() as session:
        return await batches_of(session, actor, day=clock.today(), limit=limit, cursor=cursor)


@routes.get("/batches/{batch_id}")
async def get_batch(
    batch_id: UUID, actor: Writer, database: TheDatabase, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> BatchFull:
    """Counts, errors by row and column, claims with both units, and a page of the rows."""
    async with database.reading() as session:
        return await batch_full(session, actor, batch_id, day=clock.today(), limit=limit, cursor=cursor)


@routes.post("/batches/{batch_id}/confirm")
async def post_confirm(batch_id: UUID, actor: Confirmer, database: TheDatabase) -> BatchOut:
    """By another person than the uploader, who has looked at the paper: every row enters, or none."""
    async with database.transaction() as session:
        await confirm(session, actor=actor, batch_id=batch_id, now=clock.now())
        return await batch_out(session, batch_id)


@routes.post("/batches/{batch_id}/reject")
async def post_reject(batch_id: UUID, body: IntakeRejectIn, actor: Confirmer, database: TheDatabase) -> BatchOut:
    """Sent back with a reason; nothing enters."""
    async with database.transaction() as session:
        await reject(session, actor=actor, batch_id=batch_id, reason=body.reason, now=clock.now())
        return await batch_out(session, batch_id)


@routes.post("/offline-sales", status_code=201, response_model=BatchOut)
async def post_offline_sale(request: Request, body: OfflineIn, actor: Writer, key: IdempotencyKey) -> Response:
    """One sale with its photo; it waits for a second person like any batch, and is then of grade C."""

    async def verb(session: WriteSession, now: datetime) -> BatchOut:
        batch_id = await add_offline_sale(session, actor=actor, requested=body, now=now)
        return await batch_out(session, batch_id)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/claims")
async def get_claims(
    actor: Writer,
    database: TheDatabase,
    state: Literal["open", "first", "later"] | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ClaimPage:
    """Sales that two units say are theirs: both named, with the amount that is held."""
    async with database.reading() as session:
        return await claims_of(session, actor, day=clock.today(), state=state, limit=limit, cursor=cursor)


@routes.post("/claims/{claim_id}/decide")
async def post_decide(
    claim_id: Annotated[UUID, Path()], body: DecideIn, actor: Confirmer, database: TheDatabase
) -> dict[str, str]:
    """By somebody who reaches both units and did not hand the claim in; of two at once one gets 409."""
    async with database.transaction() as session:
        await decide_claim(session, actor=actor, claim_id=claim_id, to=body.to, reason=body.reason, now=clock.now())
    return {"id": str(claim_id), "state": body.to}


async def take_file(
    files: FileStore,
    database: Database,
    actor: Actor,
    *,
    data: bytes,
    file_name: str,
    channel: str | None,
    paper: Paper | None,
    acknowledged: Collection[str] = (),
    dry_run: bool = False,
) -> Staged:
    """Stage a file and keep its bytes. Raises what `stage_file` raises."""
    if not data:
        raise Invalid("请选择一个有内容的文件。", [Detail("/file", "file_missing", "没有内容")])
    return await stage_file(
        database,
        files=files,
        data=data,
        file_name=file_name,
        channel=channel or None,
        actor=actor,
        paper=paper,
        now=clock.now(),
        acknowledged=acknowledged,
        dry_run=dry_run,
    )


async def uploaded_out(database: Database, staged: Staged) -> UploadedOut:
    """What became of a file; of one that was handed in before, what its batch says now."""
    state = "dry_run" if staged.batch_id is None else "staged"
    counts = {name: getattr(staged, name) for name in ("sales", "refunds", "known", "held")}
    sums = {name: getattr(staged, name) for name in ("sales_fen", "refunds_fen", "held_fen")}
    if staged.repeated and staged.batch_id is not None:
        async with database.reading() as session:
            batch = await batch_out(session, staged.batch_id)
        state = batch.state
        counts = {"sales": batch.sales, "refunds": batch.refunds, "known": batch.repeated, "held": batch.held}
        sums = {name: getattr(batch, name) for name in sums}
    return UploadedOut(
        id=staged.batch_id,
        channel=staged.channel,
        state=state,
        repeated=staged.repeated,
        rows=staged.rows,
        **counts,
        **sums,
        **(
            rows_out(staged.rows - len(staged.set_aside), staged.set_aside, staged.asked) if not staged.repeated else {}
        ),
    )
