"""The bank desk at `/staff/bank`: hand in a statement, say what a transfer was for, confirm what another one said."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from orders.aftersales.sent_transfer import bank_reference
from orders.banking.desk import desks_of
from orders.banking.match import RequestedShare, confirm, propose, reject
from orders.banking.pay_back import pay_back
from orders.banking.queries import matched_of, overpaid_of, queue_of, refunds_of, shares_by_code
from orders.banking.return_refund import return_refund
from orders.banking.statement.layouts import COLUMN_WORDS
from orders.banking.statement.map_layout import layouts_seen
from orders.banking.statement_queries import rows_of, statements_of
from orders.order.transfer_code import codes_in
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Invalid, Problem
from shop.core.requests import TheDatabase
from shop.sheet.value import Unreadable, day_of, fen_of
from shop.ui.pages import render

ADDRESS: Final = "/staff/bank"
_LINES_MAX: Final = 200
SHOWN: Final = 30
"""Rows of a page."""
WHY: Final = {
    "new_payer": "付款人第一次出现，请核对它替谁付款",
    "amount_differs": "金额与应付不一致，请分配",
    "several_fit": "有几个份额金额相同，请选择",
    "order_over": "订单已取消或关闭，请核对后退回",
    "serial_conflict": "同一账户、日期和流水号，以前导入的金额或付款人不同，请核对哪一笔是银行的",
    "undone": "原来的匹配已撤销，请重新核对它是谁付的",
    "taken_back": "银行冲回了以前到账的一笔，请指明是哪一笔",
    "came_back": "附言说是退汇或冲正：可能是本店的退款没有送到，请核对并指明是哪一笔",
    "part_taken_back": "银行冲回了它的一部分，请把剩下的重新匹配",
}

routes = APIRouter(include_in_schema=False)

Importer = Annotated[Actor, Depends(requires(Permission.BANK_IMPORT))]
Confirmer = Annotated[Actor, Depends(requires(Permission.BANK_CONFIRM))]
Words = Annotated[str, Form(max_length=200)]


@routes.get(ADDRESS)
async def get_desk(
    request: Request,
    actor: Importer,
    database: TheDatabase,
    done: str = "",
    statement: UUID | None = None,
) -> Response:
    """What waits, and what was just done: of an imported `statement` what became of its rows. q: looks for rows that
    wait no longer, to undo them or to bring their receipt.
    """
    return await desk_page(request, actor, database, done=done, statement_id=statement)


@routes.post(f"{ADDRESS}/{{statement_id}}/transfers/{{transfer_id}}/match")
async def post_match(
    request: Request,
    statement_id: UUID,
    transfer_id: UUID,
    actor: Importer,
    database: TheDatabase,
    shares: Annotated[str, Form(max_length=20_000)],
    reason: Words,
    remember: Annotated[str, Form()] = "",
) -> Response:
    """`shares`: a line each, a transfer code and, where there are several, its yuan."""
    typed = {"shares": shares, "reason": reason, "remember": remember}
    try:
        async with database.transaction() as session:
            await propose(
                session,
                actor=actor,
                statement_id=statement_id,
                transfer_id=transfer_id,
                shares=await _shares(session, shares),
                remember_payer=bool(remember),
                reason=said(reason),
                now=clock.now(),
            )
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem, typed={transfer_id: typed})
    return RedirectResponse(f"{ADDRESS}?done=proposed", 303)


@routes.post(f"{ADDRESS}/{{statement_id}}/proposals/{{proposal_id}}")
async def post_decision(
    request: Request,
    statement_id: UUID,
    proposal_id: UUID,
    actor: Confirmer,
    database: TheDatabase,
    do: Annotated[str, Form(pattern="^(confirm|reject)$")],
    reason: Words = "",
) -> Response:
    try:
        async with database.transaction() as session:
            facts = {"statement_id": statement_id, "proposal_id": proposal_id}
            if do == "confirm":
                await confirm(session, actor=actor, now=clock.now(), **facts)
            else:
                await reject(session, actor=actor, reason=said(reason), now=clock.now(), **facts)
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem)
    return RedirectResponse(f"{ADDRESS}?done={do}ed", 303)


@routes.post(f"{ADDRESS}/shares/{{payer_share_id}}/pay-back")
async def post_pay_back(
    request: Request,
    payer_share_id: UUID,
    actor: Confirmer,
    database: TheDatabase,
    yuan: Annotated[str, Form(max_length=30)],
    number: Annotated[str, Form(alias="bank_reference", max_length=64)],
    reason: Words,
    returned_on: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    now = clock.now()
    typed = {"yuan": yuan, "bank_reference": number, "reason": reason, "returned_on": returned_on}
    try:
        async with database.transaction() as session:
            await pay_back(
                session,
                actor=actor,
                payer_share_id=payer_share_id,
                amount_fen=fen_typed(yuan),
                bank_reference=_reference(number),
                returned_on=_day(returned_on, now),
                reason=said(reason),
                now=now,
            )
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem, typed={payer_share_id: typed})
    return RedirectResponse(f"{ADDRESS}?done=paid_back", 303)


@routes.post(f"{ADDRESS}/refunds/{{refund_id}}")
async def post_refund_returned(
    request: Request,
    refund_id: UUID,
    actor: Confirmer,
    database: TheDatabase,
    number: Annotated[str, Form(alias="bank_reference", max_length=64)],
    returned_on: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    now = clock.now()
    try:
        async with database.transaction() as session:
            await return_refund(
                session,
                actor=actor,
                refund_id=refund_id,
                bank_reference=_reference(number),
                returned_on=_day(returned_on, now),
                now=now,
            )
    except Problem as problem:
        typed = {refund_id: {"bank_reference": number, "returned_on": returned_on}}
        return await desk_page(request, actor, database, problem=problem, typed=typed)
    return RedirectResponse(f"{ADDRESS}?done=paid_back", 303)


async def desk_page(
    request: Request,
    actor: Actor,
    database: Database,
    *,
    done: str = "",
    statement_id: UUID | None = None,
    problem: Problem | None = None,
    typed: Mapping[UUID, Mapping[str, str]] | None = None,
    asked: Mapping[str, object] | None = None,
) -> Response:
    """typed: by transfer or share, what somebody wrote into its form and will not have to write again. asked: what a
    file needs to be told before it can be imported.
    """
    now = clock.now()
    day = clock.business_day(now)
    cursor = request.query_params.get("cursor", "")[:500] or None
    q = " ".join(request.query_params.get("q", "").replace("\x00", "").split())[:80]
    here = {name: value for name, value in (("cursor", cursor), ("q", q)) if value}
    async with database.reading() as session:
        layouts = await layouts_seen(session, actor, day)
        statements = await statements_of(session, actor, day=day)
        waiting, more = await queue_of(session, actor, day=day, limit=SHOWN, cursor=cursor)
        overpaid = await overpaid_of(session, actor, day=day)
        refunds = await refunds_of(session, actor, day=day)
        matched = await matched_of(session, actor, now=now, q=q)
        desks = await desks_of(session, actor)
        rows = await rows_of(session, actor, statement_id, day=day) if statement_id else None
    return render(
        request,
        "banking/desk.html",
        status=problem.status if problem else 200,
        waiting=waiting,
        more=more,
        here=f"?{urlencode(here)}" if here else "",
        q=q,
        desks=desks if len(desks) > 1 else [],
        matched=matched,
        overpaid=overpaid,
        refunds=refunds,
        me=actor.user_id,
        today=day,
        why=WHY,
        done=done,
        rows=rows,
        problem=problem,
        typed=typed or {},
        asked=asked or {},
        layouts=layouts,
        statements=statements,
        columns=COLUMN_WORDS,
    )


async def _shares(session: ReadSession, typed: str) -> list[RequestedShare]:
    """Raises Invalid, naming the line."""
    lines = [line for line in typed.splitlines() if line.strip()]
    if not lines or len(lines) > _LINES_MAX:
        raise Invalid(f"请每行写一个识别码，最多 {_LINES_MAX} 行。")
    read = []
    for number, line in enumerate(lines, start=1):
        code, _, amount = line.strip().partition(" ")
        codes = codes_in(code)
        if len(codes) != 1:
            raise Invalid(f"第 {number} 行“{line.strip()[:40]}”没有识别码，或识别码抄错了。")
        read.append((codes[0], fen_typed(amount) if amount.strip() else None))
    known = await shares_by_code(session, [code for code, _ in read])
    for number, (code, _) in enumerate(read, start=1):
        if code not in known:
            raise Invalid(f"第 {number} 行：没有识别码是 {code} 的付款份额。")
    return [RequestedShare(known[code], fen) for code, fen in read]


def fen_typed(yuan: str) -> int:
    """Raises Invalid unless it is an amount above zero."""
    try:
        fen = fen_of(yuan)
    except Unreadable as wrong:
        raise Invalid(wrong.said) from wrong
    if fen <= 0:
        raise Invalid("金额须大于 0。")
    return fen


def _reference(written: str) -> str:
    """Raises Invalid."""
    try:
        return bank_reference(written)
    except Unreadable as wrong:
        raise Invalid(wrong.said) from wrong


def _day(written: str, now: datetime) -> date:
    """Today, where nothing is written. Raises Invalid."""
    try:
        return day_of(written) if written.strip() else clock.business_day(now)
    except Unreadable as wrong:
        raise Invalid(wrong.said) from wrong


def said(reason: str) -> str:
    said = " ".join(reason.split())
    if not said or not said.isprintable():
        raise Invalid("请写明依据或原因。")
    return said
