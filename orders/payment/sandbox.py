"""Development's payment page, and the two calls that pay or fail for a script. Never mounted in production.

Whatever is clicked here reaches the shop as Stripe's word would: as a signed event through the webhook door.
"""

from collections.abc import Awaitable
from typing import Annotated, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from shop.adapters.stripe.fake.sandbox import HostedPage, Sandbox
from shop.adapters.stripe.fake.state import SandboxRefused
from shop.core.errors import NotFound, Problem
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Done = TypeVar("Done")
METHODS = {"wechat_pay": "微信支付", "alipay": "支付宝", "card": "银行卡"}


class PaymentEnded(Problem):
    """It ended otherwise before, or its page does not offer this."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "payment_ended"
    title: ClassVar[str] = "这笔沙盒付款已经结束"


class PayIn(BaseModel):
    """amount_fen, currency: another amount or currency than asked, to see what the shop does about it."""

    model_config = ConfigDict(extra="forbid")

    amount_fen: Annotated[int, Field(ge=1, le=99_999_999)] | None = None
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")] | None = None
    method: Literal["wechat_pay", "alipay", "card"] | None = None


class DashboardIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount_fen: Annotated[int, Field(ge=1, le=99_999_999)] | None = None


class DisputeIn(BaseModel):
    """amount_fen: a part of the payment; inquiry: the bank only asks."""

    model_config = ConfigDict(extra="forbid")

    amount_fen: Annotated[int, Field(ge=1, le=99_999_999)] | None = None
    reason: Literal["product_not_received", "fraudulent", "duplicate", "general"] = "product_not_received"
    inquiry: bool = False


class ProviderOut(BaseModel):
    """id: the provider's."""

    id: str


ProviderId = Annotated[str, Path(max_length=100, pattern="^[a-z]+_[0-9A-Za-z]+$")]


class PaidOut(BaseModel):
    payment_id: UUID
    state: Literal["open", "paid", "failed", "expired"]


def _sandbox(request: Request) -> Sandbox:
    found: Sandbox = request.app.state.sandbox
    return found


TheSandbox = Annotated[Sandbox, Depends(_sandbox)]


@routes.post("/sandbox/payments/{payment_id}/succeed")
async def post_succeed(payment_id: UUID, sandbox: TheSandbox, body: Annotated[PayIn | None, Body()] = None) -> PaidOut:
    """Pay; again is success, and sends the same event again."""
    page = await _pay(sandbox, payment_id, body or PayIn())
    return PaidOut(payment_id=payment_id, state=page.state)


@routes.post("/sandbox/payments/{payment_id}/fail")
async def post_fail(payment_id: UUID, sandbox: TheSandbox) -> PaidOut:
    page = await _fail(sandbox, payment_id)
    return PaidOut(payment_id=payment_id, state=page.state)


@routes.post("/sandbox/payments/{payment_id}/refund")
async def post_refund(
    payment_id: UUID, sandbox: TheSandbox, body: Annotated[DashboardIn | None, Body()] = None
) -> ProviderOut:
    """As somebody in the provider's own pages would do it: the shop has not asked for it."""
    asked = body or DashboardIn()
    return ProviderOut(id=await _done(sandbox.refund_in_dashboard(payment_id, amount_fen=asked.amount_fen)))


@routes.post("/sandbox/payments/{payment_id}/dispute")
async def post_dispute(
    payment_id: UUID, sandbox: TheSandbox, body: Annotated[DisputeIn | None, Body()] = None
) -> ProviderOut:
    """The payer's bank asks for its money back; unless it only inquires, the money is taken off at once."""
    return ProviderOut(id=await _done(sandbox.dispute(payment_id, **(body or DisputeIn()).model_dump())))


@routes.post("/sandbox/disputes/{dispute_id}/{end}")
async def post_dispute_end(
    dispute_id: ProviderId, end: Literal["win", "lose", "withdraw", "reinstate"], sandbox: TheSandbox
) -> ProviderOut:
    """Again is success, and sends the same events again."""
    match end:
        case "win" | "lose":
            await _done(sandbox.end_dispute(dispute_id, won=end == "win"))
        case "withdraw":
            await _done(sandbox.withdraw(dispute_id))
        case "reinstate":
            await _done(sandbox.reinstate(dispute_id))
    return ProviderOut(id=dispute_id)


@routes.post("/sandbox/refunds/{refund_id}/fail")
async def post_refund_fail(refund_id: ProviderId, sandbox: TheSandbox) -> ProviderOut:
    """A refund that had succeeded comes back: refund_id is the provider's."""
    await _done(sandbox.fail_refund(refund_id))
    return ProviderOut(id=refund_id)


@routes.get("/sandbox/pay/{payment_id}")
async def get_page(request: Request, payment_id: UUID, sandbox: TheSandbox) -> HTMLResponse:
    page = await _page(sandbox, payment_id)
    back_to = _path(page.cancel_url)
    return render(request, "payment/sandbox.html", payment_id=payment_id, page=page, methods=METHODS, back_to=back_to)


@routes.post("/sandbox/pay/{payment_id}")
async def post_page(
    payment_id: UUID,
    sandbox: TheSandbox,
    choice: Annotated[Literal["wechat_pay", "alipay", "card", "fail"], Form()],
) -> RedirectResponse:
    """One click; then back to the order, as from a real payment page."""
    if choice == "fail":
        return RedirectResponse(_path((await _fail(sandbox, payment_id)).cancel_url), 303)
    return RedirectResponse(_path((await _pay(sandbox, payment_id, PayIn(method=choice))).success_url), 303)


def _path(url: str) -> str:
    """Back to the shop under whatever name the browser knows it: localhost is not 127.0.0.1 to a cookie."""
    return urlsplit(url).path


async def _page(sandbox: Sandbox, payment_id: UUID) -> HostedPage:
    try:
        return await sandbox.look(payment_id)
    except SandboxRefused as refused:
        raise NotFound("没有这笔沙盒付款。") from refused


async def _pay(sandbox: Sandbox, payment_id: UUID, requested: PayIn) -> HostedPage:
    await _page(sandbox, payment_id)
    try:
        return await sandbox.succeed(payment_id, **requested.model_dump())
    except SandboxRefused as refused:
        raise PaymentEnded("请回到订单，重新付款。") from refused


async def _done(act: Awaitable[Done]) -> Done:
    try:
        return await act
    except SandboxRefused as refused:
        raise PaymentEnded(f"沙盒没有接受：{refused}") from refused


async def _fail(sandbox: Sandbox, payment_id: UUID) -> HostedPage:
    await _page(sandbox, payment_id)
    try:
        return await sandbox.fail(payment_id)
    except SandboxRefused as refused:
        raise PaymentEnded("请回到订单，重新付款。") from refused
