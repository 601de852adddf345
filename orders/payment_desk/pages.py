"""The payments desk: `/staff/payments`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from orders.payment_desk import words
from orders.payment_desk.act import act, act_match, act_retry, act_withdraw
from orders.payment_desk.adopt import adopt
from orders.payment_desk.problems import OtherThingAsked
from orders.payment_desk.queries import asked_about, lines_left, payable_with, waiting_list
from orders.payment_desk.retry import given_back, settle_otherwise
from orders.payment_desk.schemas import AdoptIn, GivenBackIn, List, PaymentDeskStepOut, PaymentDeskWaitingOut, ReasonIn
from orders.payment_desk.turn import keep, return_payment
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Invalid, Problem
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

ADDRESS = "/staff/payments"
MOST = 50
LISTS: tuple[List, ...] = ("held", "dispute", "refund", "provider_refund", "advance")
Clerk = Annotated[Actor, Depends(requires(Permission.PAYMENT_DESK))]


@dataclass(frozen=True, slots=True)
class _Typed:
    """A form as it was sent: what it is about, what is wanted, and what stood in the fields."""

    subject: str
    action: str
    fields: dict[str, str]

    @property
    def key(self) -> str:
        return self.subject.partition(":")[2]

    def uuid(self, value: str) -> UUID:
        try:
            return UUID(value)
        except ValueError as wrong:
            raise Invalid("请刷新页面再试。") from wrong


@routes.get(ADDRESS)
async def get_desk(request: Request, actor: Clerk, database: TheDatabase) -> Response:
    """Everything that waits for people of the caller's units, the oldest first."""
    return await _desk(request, actor, database, None, None)


@routes.post(ADDRESS)
async def post_desk(request: Request, actor: Clerk, database: TheDatabase) -> Response:
    """One thing done or asked; refused, the form comes back as it was typed."""
    typed = _read(await request.form())
    try:
        step = await _act(request, actor, database, await _as_asked(database, typed))
    except ValidationError:
        return await _desk(
            request,
            actor,
            database,
            typed,
            Invalid("请填写原因（200 字以内）；登记银行退款的，还要填写那笔转账的流水号。"),
        )
    except Problem as refused:
        return await _desk(request, actor, database, typed, refused)
    return RedirectResponse(f"{ADDRESS}?did={step.state}", 303)


def _read(form: FormData) -> _Typed:
    fields = {name: str(value).strip()[:300] for name, value in form.items() if name not in {"csrf_token", "subject"}}
    return _Typed(str(form.get("subject", ""))[:200], fields.pop("action", ""), fields)


async def _as_asked(database: Database, typed: _Typed) -> _Typed:
    """The second person sends only the decision: what it is about is what was asked and shown to him.

    Raises OtherThingAsked when that is no longer what is asked.
    """
    if typed.action != "confirm":
        return typed
    async with database.reading() as session:
        asked = await asked_about(session, typed.subject)
    if asked is None or str(asked.id) != typed.fields.get("decision_id"):
        raise OtherThingAsked("申请在您打开页面之后变了，请按刷新后的内容确认。")
    fields = {"reason": asked.reason, "bank_reference": asked.details.get("bank_reference", "")}
    fields |= {f"line:{line['line_id']}": str(line["quantity"]) for line in asked.details.get("lines", ())}
    return _Typed(typed.subject, asked.action, fields)


async def _act(request: Request, actor: Actor, database: Database, typed: _Typed) -> PaymentDeskStepOut:
    gateway: PaymentGateway = request.app.state.gateway
    now, kind = clock.now(), typed.subject.partition(":")[0]
    reason = typed.fields.get("reason", "")
    match typed.action, kind:
        case (("return" | "keep"), "payment"):
            verb = return_payment if typed.action == "return" else keep
            requested, payment_id = ReasonIn(reason=reason), typed.uuid(typed.key)
            return await act(
                database,
                gateway,
                lambda session: verb(session, actor=actor, payment_id=payment_id, reason=requested.reason, now=now),
                now=now,
            )
        case "match", "payment":
            order_id = typed.uuid(typed.fields.get("order_id", ""))
            return await act_match(database, actor, payment_id=typed.uuid(typed.key), order_id=order_id, now=now)
        case (("retry" | "given_back"), "refund"):
            return await _refund(gateway, actor, database, typed)
        case "settle_otherwise", ("refund" | "dispute" | "provider_refund"):
            settled = ReasonIn(reason=reason)
            if kind != "provider_refund":
                typed.uuid(typed.key)
            return await act(
                database,
                gateway,
                lambda session: settle_otherwise(
                    session, actor=actor, subject=typed.subject, reason=settled.reason, now=now
                ),
                now=now,
            )
        case "adopt", "provider_refund":
            return await _adopt(gateway, actor, database, typed)
        case "withdraw", ("payment" | "refund" | "dispute" | "provider_refund"):
            if kind != "provider_refund":
                typed.uuid(typed.key)
            return await act_withdraw(database, actor, subject=typed.subject, now=now)
    raise Invalid("请刷新页面再试。")


async def _refund(gateway: PaymentGateway, actor: Actor, database: Database, typed: _Typed) -> PaymentDeskStepOut:
    now, refund_id = clock.now(), typed.uuid(typed.key)
    if typed.action == "retry":
        return await act_retry(database, gateway, actor, refund_id=refund_id, now=now)
    requested = GivenBackIn(
        bank_reference=typed.fields.get("bank_reference", ""), reason=typed.fields.get("reason", "")
    )
    return await act(
        database,
        gateway,
        lambda session: given_back(
            session,
            actor=actor,
            refund_id=refund_id,
            bank_reference=requested.bank_reference,
            reason=requested.reason,
            now=now,
        ),
        now=now,
    )


async def _adopt(gateway: PaymentGateway, actor: Actor, database: Database, typed: _Typed) -> PaymentDeskStepOut:
    now = clock.now()
    lines = [
        {"line_id": name.removeprefix("line:"), "quantity": int(value)}
        for name, value in typed.fields.items()
        if name.startswith("line:") and value.isdecimal() and value != "0"
    ]
    requested = AdoptIn.model_validate({"lines": lines or None, "reason": typed.fields.get("reason", "")})
    return await act(
        database,
        gateway,
        lambda session: adopt(
            session, actor=actor, provider_refund_id=typed.key, lines=requested.lines, reason=requested.reason, now=now
        ),
        now=now,
    )


async def _desk(
    request: Request, actor: Actor, database: Database, typed: _Typed | None, problem: Problem | None
) -> Response:
    now = clock.now()
    async with database.reading() as session:
        lists = {which: (await waiting_list(session, actor, which=which, now=now, limit=MOST)).items for which in LISTS}
        beside = {one.subject: await _beside(session, one, now) for which in lists.values() for one in which}
    return render(
        request,
        "payment_desk/desk.html",
        status=problem.status if problem else 200,
        lists=lists,
        beside=beside,
        words=words,
        actor=actor,
        typed=typed,
        problem=problem,
        did=request.query_params.get("did") if problem is None else None,
        address=ADDRESS,
    )


async def _beside(session: ReadSession, one: PaymentDeskWaitingOut, now: datetime) -> list[tuple[UUID, str, int]]:
    """What a form offers: orders that an advance could pay, lines that a refund could be of."""
    if one.what == "advance":
        return await payable_with(session, one, now=now)
    return await lines_left(session, one.order_id) if one.what == "provider_refund" else []
