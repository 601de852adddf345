"""The buttons of a purchase's page: each form is one verb, and what was typed stays when it is refused."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from orders.bulk.approval.approve import approve, reject
from orders.bulk.approval.notice import answer_objection, concerned, publish, raise_objection
from orders.bulk.approval.submit import submit
from orders.bulk.change.decide_change import approve_change, reject_change
from orders.bulk.change.request_change import request_change
from orders.bulk.desk.options import people_by_number
from orders.bulk.desk.pages import purchase_page
from orders.bulk.desk.plan_form import as_fen
from orders.bulk.desk.queries import shown_in_notice
from orders.bulk.desk.words import WORDS
from orders.bulk.joint.place import place
from orders.bulk.plan.cancel import cancel
from orders.bulk.plan.change_plan import change_plan
from orders.bulk.plan.check import check
from orders.bulk.plan.copy_last_year import copy_last_year
from orders.bulk.plan.quotes import add_quote, choose_quote
from orders.bulk.plan.schemas import CopyIn, PlanPatch, PurchaseQuoteIn
from orders.bulk.problems import PlanInvalid
from orders.bulk.visibility import purchase_for
from orders.evidence.keep import FILE_BYTES_MAX, keep
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Invalid, Problem
from shop.core.ids import derived_id
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False, prefix="/union/purchases/{purchase_id}")

Clerk = Annotated[Actor, Depends(requires(Permission.BULK_WRITE))]
Reader = Annotated[Actor, Depends(requires(Permission.BULK_READ))]
Anybody = Annotated[Actor, Depends(requires(Permission.ME_READ))]
Decision = Annotated[Literal["approve", "reject"], Form()]
Step = Callable[[WriteSession, dict[str, str], datetime], Awaitable[None]]


async def _take(request: Request, database: Database, actor: Actor, purchase_id: UUID, step: Step) -> Response:
    """Do it and come back to the page, which says how it stands now; or the page with what was wrong."""
    typed = {name: said for name, said in (await request.form()).items() if isinstance(said, str)}
    try:
        async with database.transaction() as session:
            await step(session, typed, clock.now())
    except Problem as problem:
        return await purchase_page(request, database, actor, purchase_id, problem=problem, typed=typed)
    return RedirectResponse(f"/union/purchases/{purchase_id}", 303)


@routes.post("/check")
async def post_check(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    async def step(session: WriteSession, _: dict[str, str], now: datetime) -> None:
        purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
        if purchase.state in {"draft", "quoting"}:
            await check(session, purchase_id=purchase_id, now=now)

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/submit")
async def post_submit(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    try:
        async with database.transaction() as session:
            done = await submit(session, actor=actor, purchase_id=purchase_id, now=clock.now())
    except Problem as problem:
        return await purchase_page(request, database, actor, purchase_id, problem=problem)
    if done.refusal:
        return await purchase_page(request, database, actor, purchase_id, problem=done.refusal)
    return RedirectResponse(f"/union/purchases/{purchase_id}", 303)


@routes.post("/quotes")
async def post_quote(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    async def step(session: WriteSession, typed: dict[str, str], now: datetime) -> None:
        await add_quote(session, actor=actor, purchase_id=purchase_id, quote=_quote(typed), now=now)

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/quotes/{quote_id}/choose")
async def post_chosen(
    request: Request, purchase_id: UUID, quote_id: UUID, actor: Clerk, database: TheDatabase
) -> Response:
    async def step(session: WriteSession, _: dict[str, str], now: datetime) -> None:
        await choose_quote(session, actor=actor, purchase_id=purchase_id, quote_id=quote_id, now=now)

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/minutes")
async def post_minutes(
    request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase, files: TheFiles
) -> Response:
    """The minutes of a directed purchase become part of the plan."""
    try:
        sha = await _brought(request, database, files, actor, purchase_id)
        if sha is None:
            raise Invalid("请选择会议纪要文件。")
        async with database.transaction() as session:
            patch = PlanPatch(directed_minutes_sha256=sha)
            await change_plan(session, actor=actor, purchase_id=purchase_id, patch=patch, now=clock.now())
    except Problem as problem:
        return await purchase_page(request, database, actor, purchase_id, problem=problem)
    return RedirectResponse(f"/union/purchases/{purchase_id}", 303)


@routes.post("/approve")
async def post_approve(
    request: Request,
    purchase_id: UUID,
    actor: Reader,
    database: TheDatabase,
    files: TheFiles,
    do: Decision,
) -> Response:
    """`do=reject` sends it back with a reason. The form carries the digest of what the page showed."""
    form = await request.form()
    typed = {name: said for name, said in form.items() if isinstance(said, str)}
    told = {"content_sha256": typed.get("content_sha256", ""), "now": clock.now()}
    reason = typed.get("reason", "").strip()[:4_000]
    try:
        sha = await _brought(request, database, files, actor, purchase_id)
        async with database.transaction() as session:
            if do == "reject":
                if not reason:
                    raise Invalid("退回时请写明原因。")
                await reject(session, actor=actor, purchase_id=purchase_id, reason=reason, **told)  # type: ignore[arg-type]
            else:
                await approve(
                    session,
                    actor=actor,
                    purchase_id=purchase_id,
                    minutes_sha256=sha,
                    reason=reason or None,
                    **told,  # type: ignore[arg-type]
                )
    except Problem as problem:
        return await purchase_page(request, database, actor, purchase_id, problem=problem, typed=typed)
    return RedirectResponse(f"/union/purchases/{purchase_id}", 303)


@routes.post("/notice")
async def post_notice(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    async def step(session: WriteSession, typed: dict[str, str], now: datetime) -> None:
        until = typed.get("open_until", "")
        words = typed.get("words", "").strip()[:4_000] or None
        await publish(session, actor=actor, purchase_id=purchase_id, words=words, open_until=_day(until), now=now)

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/objections")
async def post_objection(request: Request, purchase_id: UUID, actor: Anybody, database: TheDatabase) -> Response:
    """From the notice's page, which members see too."""
    said = str((await request.form()).get("words", "")).strip()[:4_000]
    now = clock.now()
    try:
        if not said:
            raise Invalid("请写下您的意见。")
        async with database.transaction() as session:
            await raise_objection(session, actor=actor, purchase_id=purchase_id, words=said, now=now)
    except Problem as problem:
        if problem.status == 404:
            raise
        async with database.reading() as session:
            await concerned(session, actor=actor, purchase_id=purchase_id, now=now)
            found = await shown_in_notice(session, purchase_id, now=now)
        is_open = found.notice is not None and found.notice.open_until > clock.business_day(now)
        facts: dict[str, Any] = {"purchase": found, "is_open": is_open, "problem": problem, "typed": said}
        return render(request, "bulk/notice.html", problem.status, words=WORDS, **facts)
    return RedirectResponse(f"/union/purchases/{purchase_id}/notice", 303)


@routes.post("/objections/{objection_id}/answer")
async def post_answer(
    request: Request, purchase_id: UUID, objection_id: UUID, actor: Reader, database: TheDatabase
) -> Response:
    async def step(session: WriteSession, typed: dict[str, str], now: datetime) -> None:
        answer = typed.get("answer", "").strip()[:4_000]
        if not answer:
            raise Invalid("请写下答复。")
        await answer_objection(
            session, actor=actor, purchase_id=purchase_id, objection_id=objection_id, answer=answer, now=now
        )

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/place")
async def post_place(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    async def step(session: WriteSession, _: dict[str, str], now: datetime) -> None:
        await place(session, actor=actor, purchase_id=purchase_id, now=now)

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/changes")
async def post_change(
    request: Request,
    purchase_id: UUID,
    actor: Clerk,
    database: TheDatabase,
    kind: Annotated[Literal["late_joiners", "substitution", "cancellation"], Form()],
) -> Response:
    """Late joiners by staff number, one kind of goods instead of another, or the end of the whole order."""

    async def step(session: WriteSession, typed: dict[str, str], now: datetime) -> None:
        reason = typed.get("reason", "").strip()[:4_000]
        if not reason:
            raise Invalid("请写明变更原因。")
        terms: dict[str, Any]
        if kind == "late_joiners":
            purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now)
            people, unknown = await people_by_number(session, purchase.union_id, typed.get("numbers", ""))
            if unknown or not people:
                raise PlanInvalid(f"没有这些工号：{'、'.join(unknown[:20])}" if unknown else "请填写工号。")
            terms = {"person_ids": [str(person) for person in people]}
        elif kind == "cancellation":
            terms = {}
        else:
            terms = {name: str(_id(typed.get(name, ""))) for name in ("sku_id", "by_sku_id")}
        await request_change(
            session, actor=actor, purchase_id=purchase_id, kind=kind, terms=terms, reason=reason, now=now
        )

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/changes/{change_id}")
async def post_change_decision(
    request: Request, purchase_id: UUID, change_id: UUID, actor: Reader, database: TheDatabase, do: Decision
) -> Response:
    async def step(session: WriteSession, typed: dict[str, str], now: datetime) -> None:
        verb = reject_change if do == "reject" else approve_change
        await verb(
            session,
            actor=actor,
            purchase_id=purchase_id,
            change_id=change_id,
            content_sha256=typed.get("content_sha256", ""),
            now=now,
        )

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/cancel")
async def post_cancel(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    async def step(session: WriteSession, typed: dict[str, str], now: datetime) -> None:
        reason = typed.get("reason", "").strip()[:4_000]
        if not reason:
            raise Invalid("请写明取消原因。")
        await cancel(session, actor=actor, purchase_id=purchase_id, reason=reason, now=now)

    return await _take(request, database, actor, purchase_id, step)


@routes.post("/copy")
async def post_copy(request: Request, purchase_id: UUID, actor: Clerk, database: TheDatabase) -> Response:
    """Pressed twice on the same day it is one copy."""
    now = clock.now()
    key = str(derived_id("copy", purchase_id, actor.user_id, clock.business_day(now)))
    try:
        async with database.transaction() as session:
            copied = await copy_last_year(
                session, actor=actor, purchase_id=purchase_id, requested=CopyIn(), key=key, now=now
            )
    except Problem as problem:
        return await purchase_page(request, database, actor, purchase_id, problem=problem)
    return RedirectResponse(f"/union/purchases/{copied.id}", 303)


async def _brought(
    request: Request, database: Database, files: FileStore, actor: Actor, purchase_id: UUID
) -> str | None:
    """The digest of the file that came with the form, kept as evidence of the purchase's unit; None without one."""
    file = (await request.form()).get("minutes")
    if not isinstance(file, UploadFile) or not file.filename:
        return None
    now = clock.now()
    async with database.reading() as session:
        purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now)
    data = await file.read(FILE_BYTES_MAX + 1)
    kept = await keep(
        files, database, data=data, file_name=file.filename, actor=actor, unit_id=purchase.unit_id, now=now
    )
    return kept.sha256


def _quote(typed: dict[str, str]) -> PurchaseQuoteIn:
    said = {name: typed.get(name, "").strip() for name in PurchaseQuoteIn.model_fields}
    facts: dict[str, Any] = {name: value for name, value in said.items() if value}
    facts["owners"] = [owner for owner in said["owners"].replace("，", "、").replace(",", "、").split("、") if owner]
    facts["total_fen"] = as_fen(typed.get("total", ""))
    facts["is_chosen"] = typed.get("is_chosen") == "1"
    facts["bank_account"] = "".join(said["bank_account"].split())
    try:
        return PurchaseQuoteIn.model_validate(facts)
    except ValidationError as invalid:
        wrong = [(str(one["loc"][0]), _SAID.get(str(one["loc"][0]), "请核对")) for one in invalid.errors()]
        details = [Detail(f"/{name}", "invalid", words) for name, words in wrong]
        raise Invalid("；".join(words for _, words in wrong), details) from invalid


_SAID = {
    "supplier_name": "请填写报价单位名称",
    "credit_code": "统一社会信用代码为 18 位",
    "legal_representative": "请填写法定代表人",
    "bank_account": "请填写银行账号",
    "total_fen": "请填写报价金额，例如 12000 或 12000.50",
    "quoted_on": "请填写报价日期",
}


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError as error:
        raise Invalid("请填写公示截止日期。") from error


def _id(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError as error:
        raise Invalid("请从列表里选择商品。") from error
