"""The desk for sales made elsewhere: `/staff/intake`."""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from orders.evidence.keep import keep
from orders.evidence.queries import file_again, paper_seen_by
from orders.intake.add_offline_sale import add_offline_sale
from orders.intake.api import take_file
from orders.intake.channels import TEMPLATE, channels_of
from orders.intake.confirm import confirm, reject
from orders.intake.decide_claim import decide_claim
from orders.intake.queries import batch_full, batches_of, claims_of
from orders.intake.read_rows import template
from orders.intake.schemas import OfflineIn
from orders.intake.stage import EvidenceKind, Paper, desk_unit
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Invalid, NotFound, Problem
from shop.core.paging import Cursor
from shop.core.requests import TheDatabase
from shop.sheet.refused import FILE_BYTES_MAX, ColumnsUnknown, RowsRefused
from shop.sheet.schemas import Acknowledged, columns_asked
from shop.sheet.words import ASIDE
from shop.sheet.write import csv_response
from shop.ui.pages import render

ADDRESS = "/staff/intake"
STATES = {"refused": "有错误", "staged": "待第二人确认", "confirmed": "已记入", "rejected": "已退回"}
ROW_STATES = {
    "wrong": "有错误", "staged": "待记入", "entered": "已记入", "repeated": "以前导入过", "held": "重复主张，暂不记入",
    "set_aside": "不记入（重复主张已裁定）",
}  # fmt: skip
CLAIM_STATES = {"waiting": "确认后待裁定", "open": "待裁定", "first": "归先导入单位", "later": "归后导入单位"}
WHY = {"same_line": "同一渠道、单号和行号", "same_invoice": "同一发票号和金额"}
PAPERS = (("document", "照片或其他材料（C）"), ("e_invoice", "电子发票（B）"), ("bank_record", "付款或银行记录（A）"))
OFFLINE = tuple(
    (one.field, one.titles[0]) for one in TEMPLATE if one.field not in {"channel", "refund_number", "type", "status"}
)
OPTIONAL = frozenset(
    {"line", "credit_kind", "fund_source", "invoice_number", "province", "supplier", "category", "recognition_number",
        "kg"}
)  # fmt: skip

routes = APIRouter(include_in_schema=False, prefix=ADDRESS)

Writer = Annotated[Actor, Depends(requires(Permission.INTAKE_WRITE))]
Confirmer = Annotated[Actor, Depends(requires(Permission.INTAKE_CONFIRM))]
Words = Annotated[str, Form(max_length=500)]
Digest = Annotated[str, Form(pattern=r"^([0-9a-f]{64})?$")]


@routes.get("")
async def get_desk(request: Request, actor: Writer, database: TheDatabase, cursor: Cursor = None) -> Response:
    """Hand in a file, and what was handed in before."""
    return await _desk(request, actor, database, cursor=cursor)


@routes.get("/template.csv")
async def get_template(_: Writer) -> Response:
    return csv_response("intake.csv", template())


@routes.get("/claims")
async def get_claims(request: Request, actor: Writer, database: TheDatabase, cursor: Cursor = None) -> Response:
    return await _claims(request, actor, database, cursor=cursor)


@routes.get("/offline")
async def get_offline(request: Request, actor: Writer, database: TheDatabase) -> Response:
    return await _offline(request, actor, database, {}, None)


@routes.get("/{batch_id}")
async def get_batch(
    request: Request, batch_id: UUID, actor: Writer, database: TheDatabase, cursor: Cursor = None
) -> Response:
    """Errors by row, exact counts, claims, and the button of the second person."""
    return await _batch(request, actor, database, batch_id, cursor=cursor)


@routes.post("")
async def post_file(
    request: Request,
    actor: Writer,
    database: TheDatabase,
    files: TheFiles,
    channel: Annotated[str, Form(max_length=60)],
    file: UploadFile | None = None,
    evidence_kind: Annotated[EvidenceKind, Form()] = "document",
    evidence: UploadFile | None = None,
    kept_sha256: Digest = "",
    evidence_sha256: Digest = "",
    acknowledged_columns: Acknowledged = (),
) -> Response:
    """To the batch's page, also when it has mistakes; a file that cannot be read comes back to the form.

    kept_sha256, evidence_sha256: files that were handed in a moment ago, now with the columns that nobody needs.
    """
    now = clock.now()
    day = clock.business_day(now)
    name, data = (file.filename or "", await file.read(FILE_BYTES_MAX + 1)) if file else ("", b"")
    paper = None
    try:
        if evidence_sha256:
            async with database.reading() as session:
                paper = Paper((await paper_seen_by(session, actor, evidence_sha256, day=day)).sha256, evidence_kind)
        else:
            paper = await _paper(files, database, actor, evidence, evidence_kind)
        if kept_sha256 and not data:
            name, data = await file_again(files, database, actor, kept_sha256, day=day)
        staged = await take_file(
            files,
            database,
            actor,
            data=data,
            file_name=name,
            channel=channel,
            paper=paper,
            acknowledged=acknowledged_columns,
        )
    except RowsRefused as refused:
        return RedirectResponse(f"{ADDRESS}/{refused.extra['batch_id']}", 303)
    except ColumnsUnknown as problem:
        async with database.reading() as session:
            unit_id = await desk_unit(session, actor, now)
        kept = await keep(files, database, data=data, file_name=name, actor=actor, unit_id=unit_id, now=now)
        ticks = columns_asked(problem.extra["unknown_columns"], acknowledged_columns)
        asked = {
            "sha256": kept.sha256, "file_name": name, "paper": paper.sha256 if paper else "", "ticks": ticks,
        }  # fmt: skip
        return await _desk(request, actor, database, problem=problem, channel=channel, kind=evidence_kind, asked=asked)
    except Problem as problem:
        return await _desk(request, actor, database, problem=problem, channel=channel, kind=evidence_kind)
    return RedirectResponse(f"{ADDRESS}/{staged.batch_id}{'?repeated=1' if staged.repeated else ''}", 303)


@routes.post("/offline")
async def post_offline(
    request: Request, actor: Writer, database: TheDatabase, files: TheFiles, photo: UploadFile
) -> Response:
    """One sale with its photo; refused, the form comes back as it was typed."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).strip()[:200].replace("\0", "") for name in ("channel", *dict(OFFLINE))}
    try:
        paper = await _paper(files, database, actor, photo, "document")
        if paper is None:
            raise Invalid("请附上小票或现场照片。")  # answered like any other refusal of the form
        requested = OfflineIn.model_validate(typed | {"evidence_sha256": paper.sha256})
        async with database.transaction() as session:
            batch_id = await add_offline_sale(session, actor=actor, requested=requested, now=clock.now())
    except Problem as problem:
        return await _offline(request, actor, database, typed, problem)
    return RedirectResponse(f"{ADDRESS}/{batch_id}", 303)


@routes.post("/{batch_id}/{verdict}")
async def post_verdict(
    request: Request,
    batch_id: UUID,
    verdict: Literal["confirm", "reject"],
    actor: Confirmer,
    database: TheDatabase,
    reason: Words = "",
) -> Response:
    """Confirm or send back what another one handed in."""
    try:
        async with database.transaction() as session:
            if verdict == "confirm":
                await confirm(session, actor=actor, batch_id=batch_id, now=clock.now())
            else:
                await reject(session, actor=actor, batch_id=batch_id, reason=_said(reason), now=clock.now())
    except NotFound:
        raise
    except Problem as problem:
        return await _batch(request, actor, database, batch_id, problem=problem, reason=reason)
    return RedirectResponse(f"{ADDRESS}/{batch_id}", 303)


@routes.post("/claims/{claim_id}/{to}")
async def post_decision(
    request: Request,
    claim_id: UUID,
    to: Literal["first", "later"],
    actor: Confirmer,
    database: TheDatabase,
    reason: Words = "",
) -> Response:
    """Whose the sale is."""
    try:
        async with database.transaction() as session:
            said = _said(reason)
            await decide_claim(session, actor=actor, claim_id=claim_id, to=to, reason=said, now=clock.now())
    except NotFound:
        raise
    except Problem as problem:
        return await _claims(request, actor, database, problem=problem, typed={claim_id: reason})
    return RedirectResponse(f"{ADDRESS}/claims", 303)


async def _paper(
    files: FileStore, database: Database, actor: Actor, upload: UploadFile | None, kind: EvidenceKind
) -> Paper | None:
    data = await upload.read(FILE_BYTES_MAX + 1) if upload else b""
    if upload is None or not data:
        return None
    now = clock.now()
    async with database.reading() as session:
        unit_id = await desk_unit(session, actor, now)
    kept = await keep(
        files, database, data=data, file_name=upload.filename or "", actor=actor, unit_id=unit_id, now=now
    )
    return Paper(kept.sha256, kind)


def _said(reason: str) -> str:
    said = " ".join(reason.split())
    if not said or not said.isprintable():
        raise Invalid("请写明依据或原因。")
    return said


async def _desk(
    request: Request,
    actor: Actor,
    database: Database,
    *,
    cursor: str | None = None,
    problem: Problem | None = None,
    channel: str = "",
    kind: str = "document",
    asked: Mapping[str, object] | None = None,
) -> Response:
    """asked: what a file needs to be told before it can be staged."""
    day = clock.today()
    async with database.reading() as session:
        page = await batches_of(session, actor, day=day, cursor=cursor)
        channels = await channels_of(session, day)
        open_claims = await claims_of(session, actor, day=day, state="open")
    return render(
        request,
        "intake/desk.html",
        status=problem.status if problem else 200,
        page=page,
        channels=[(one.code, one.name) for one in channels],
        waiting=len(open_claims.items),
        channel=channel,
        kind=kind,
        papers=PAPERS,
        states=STATES,
        problem=problem,
        asked=asked or {},
    )


async def _batch(
    request: Request,
    actor: Actor,
    database: Database,
    batch_id: UUID,
    *,
    cursor: str | None = None,
    problem: Problem | None = None,
    reason: str = "",
) -> Response:
    async with database.reading() as session:
        batch = await batch_full(session, actor, batch_id, day=clock.today(), limit=50, cursor=cursor)
    return render(
        request,
        "intake/batch.html",
        status=problem.status if problem else 200,
        batch=batch,
        me=actor.user_id,
        may_confirm=actor.may(Permission.INTAKE_CONFIRM),
        papers=dict(PAPERS),
        states=STATES,
        row_states=ROW_STATES,
        asides=ASIDE,
        claim_states=CLAIM_STATES,
        why=WHY,
        repeated="repeated" in request.query_params,
        reason=reason,
        problem=problem,
    )


async def _claims(
    request: Request,
    actor: Actor,
    database: Database,
    *,
    cursor: str | None = None,
    problem: Problem | None = None,
    typed: dict[UUID, str] | None = None,
) -> Response:
    async with database.reading() as session:
        page = await claims_of(session, actor, day=clock.today(), cursor=cursor)
    return render(
        request,
        "intake/claims.html",
        status=problem.status if problem else 200,
        page=page,
        may_decide=actor.may(Permission.INTAKE_CONFIRM),
        states=CLAIM_STATES,
        why=WHY,
        typed=typed or {},
        problem=problem,
    )


async def _offline(
    request: Request, actor: Actor, database: Database, typed: dict[str, str], problem: Problem | None
) -> Response:
    async with database.reading() as session:
        channels = await channels_of(session, clock.today())
    return render(
        request,
        "intake/offline.html",
        status=problem.status if problem else 200,
        channels=[(one.code, one.name) for one in channels],
        fields=[(name, title, name not in OPTIONAL) for name, title in OFFLINE],
        typed=typed,
        errors={one.pointer.rsplit("/", 1)[-1]: one.detail for one in problem.errors} if problem else {},
        problem=problem,
        may_enter=actor.may(Permission.INTAKE_WRITE),
    )
