"""The bank desk's forms for money that turned back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from orders.banking.come_back import confirm_come_back, propose_come_back, reject_come_back
from orders.banking.pages import ADDRESS, Confirmer, Importer, Words, desk_page, said
from orders.banking.put_aside import propose_aside
from orders.banking.undo.propose_reversal import candidates_of
from orders.banking.undo.undo_match import confirm_undoing, name_receipt, propose_unmatch, reject_undoing
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Invalid, Problem
from shop.core.requests import TheDatabase
from shop.sheet.value import plain

routes = APIRouter(include_in_schema=False)


@routes.post(f"{ADDRESS}/transfers/{{transfer_id}}/takes-back")
async def post_takes_back(
    request: Request,
    transfer_id: UUID,
    actor: Importer,
    database: TheDatabase,
    reason: Words,
    receipt_id: Annotated[str, Form(max_length=40)] = "",
    serial_number: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """receipt_id: one of those that the page offers; serial_number: that of another one, which then counts."""
    try:
        async with database.transaction() as session:
            await name_receipt(
                session,
                actor=actor,
                reversal_id=transfer_id,
                receipt_id=await _receipt(session, transfer_id, receipt_id, serial_number),
                reason=said(reason),
                now=clock.now(),
            )
    except Problem as problem:
        typed = {transfer_id: {"receipt_id": receipt_id, "serial_number": serial_number, "reason": reason}}
        return await desk_page(request, actor, database, problem=problem, typed=typed)
    return RedirectResponse(f"{ADDRESS}?done=proposed", 303)


@routes.post(f"{ADDRESS}/transfers/{{transfer_id}}/set-aside")
async def post_set_aside(
    request: Request, transfer_id: UUID, actor: Importer, database: TheDatabase, aside_reason: Words
) -> Response:
    try:
        async with database.transaction() as session:
            await propose_aside(
                session, actor=actor, transfer_id=transfer_id, reason=said(aside_reason), now=clock.now()
            )
    except Problem as problem:
        typed = {transfer_id: {"aside_reason": aside_reason}}
        return await desk_page(request, actor, database, problem=problem, typed=typed)
    return RedirectResponse(f"{ADDRESS}?done=proposed", 303)


@routes.post(f"{ADDRESS}/transfers/{{transfer_id}}/came-back")
async def post_came_back(
    request: Request,
    transfer_id: UUID,
    actor: Importer,
    database: TheDatabase,
    back_reason: Words,
    returned: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """returned: `refund:<id>` or `pay_back:<id>`, as the page offers them."""
    try:
        kind, _, key = returned.partition(":")
        async with database.transaction() as session:
            await propose_come_back(
                session,
                actor=actor,
                transfer_id=transfer_id,
                kind="refund" if kind == "refund" else "pay_back",
                returned_id=_uuid(key, "请选择是哪一笔退款或退回没有送到。"),
                reason=said(back_reason),
                now=clock.now(),
            )
    except Problem as problem:
        typed = {transfer_id: {"returned": returned, "back_reason": back_reason}}
        return await desk_page(request, actor, database, problem=problem, typed=typed)
    return RedirectResponse(f"{ADDRESS}?done=proposed", 303)


@routes.post(f"{ADDRESS}/transfers/{{transfer_id}}/came-back/{{came_back_id}}")
async def post_came_back_decision(
    request: Request,
    transfer_id: UUID,
    came_back_id: UUID,
    actor: Confirmer,
    database: TheDatabase,
    do: Annotated[str, Form(pattern="^(confirm|reject)$")],
    reason: Words = "",
) -> Response:
    named = {"transfer_id": transfer_id, "came_back_id": came_back_id}
    try:
        async with database.transaction() as session:
            if do == "confirm":
                await confirm_come_back(session, actor=actor, now=clock.now(), **named)
            else:
                await reject_come_back(session, actor=actor, reason=said(reason), now=clock.now(), **named)
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem)
    return RedirectResponse(f"{ADDRESS}?done={do}ed", 303)


async def _receipt(session: WriteSession, reversal_id: UUID, receipt_id: str, serial_number: str) -> UUID:
    """Raises Invalid."""
    if not plain(serial_number):
        return _uuid(receipt_id, "请选择冲回的是哪一笔到账，或写它的流水号。")
    meant = (await candidates_of(session, [reversal_id], every=True)).get(reversal_id, [])
    found = [one.id for one in meant if plain(one.serial_number) == plain(serial_number)]
    if not found:
        raise Invalid("同一账户、金额足够、日期不晚于它的到账里，没有这个流水号。")
    if len(found) > 1:
        raise Invalid("有几笔到账是这个流水号，请在上面选择。")
    receipt: UUID = found[0]
    return receipt


def _uuid(key: str, otherwise: str) -> UUID:
    try:
        return UUID(key)
    except ValueError as wrong:
        raise Invalid(otherwise) from wrong


@routes.post(f"{ADDRESS}/transfers/{{transfer_id}}/unmatch")
async def post_unmatch(
    request: Request, transfer_id: UUID, actor: Importer, database: TheDatabase, reason: Words
) -> Response:
    try:
        async with database.transaction() as session:
            await propose_unmatch(session, actor=actor, transfer_id=transfer_id, reason=said(reason), now=clock.now())
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem, typed={transfer_id: {"reason": reason}})
    return RedirectResponse(f"{ADDRESS}?done=proposed", 303)


@routes.post(f"{ADDRESS}/undoings/{{undoing_id}}")
async def post_decision(
    request: Request,
    undoing_id: UUID,
    actor: Confirmer,
    database: TheDatabase,
    do: Annotated[str, Form(pattern="^(confirm|reject)$")],
    reason: Words = "",
) -> Response:
    try:
        async with database.transaction() as session:
            if do == "confirm":
                await confirm_undoing(session, actor=actor, undoing_id=undoing_id, now=clock.now())
            else:
                await reject_undoing(session, actor=actor, undoing_id=undoing_id, reason=said(reason), now=clock.now())
    except Problem as problem:
        return await desk_page(request, actor, database, problem=problem)
    return RedirectResponse(f"{ADDRESS}?done={do}ed", 303)
