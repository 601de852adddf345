"""Cancel an order: unpaid, and nothing is owed; paid but not sent, and everything returns, freight included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from catalog.stock import moving
from orders.aftersales.give_back import send
from orders.aftersales.own_left import FREIGHT_LEFT
from orders.aftersales.reserve import RefundRequest, reserve, what_is_left
from orders.aftersales.restock import restock_rest
from orders.aftersales.rules import of_everything
from orders.allowance.spend import release_for
from orders.order.cancel_until import CANCEL_UNTIL
from orders.order.close_payments import Closed, close_payments
from orders.order.is_joint import IS_JOINT
from orders.order.move_on import move_on
from orders.payment.due import look_now
from orders.payment.move_on import end_payments
from shop.access.permissions import Actor
from shop.adapters.stripe.gateway import GatewayRefused, GatewayUnavailable, PaymentGateway
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import NotFound, Problem


class NotCancellable(Problem):
    """Sent, received, or expired."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_cancellable"
    title: ClassVar[str] = "订单不能取消"


class CancelTooLate(NotCancellable):
    """Paid longer ago than the rule of that day lets a buyer cancel: now a person decides."""

    code: ClassVar[str] = "cancel_too_late"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """refund_id: everything that was paid and not yet returned; None where there is nothing to return.

    pages: payment → its page at the provider, which is still open.
    """

    refund_id: UUID | None
    pages: Mapping[UUID, str]


_LOCK = text(f"""
SELECT id, state, {IS_JOINT.format(order="o.id")} AS accepted_by_others,
    {CANCEL_UNTIL.format(order="o.id")} AS cancel_until
FROM shop_order o WHERE id = :order AND buyer_id = :buyer FOR UPDATE
""")  # noqa: S608  # composed of our own constants
_OPEN = text(
    "SELECT id, session_id FROM payment WHERE order_id = :order AND state IN ('created', 'pending') ORDER BY id"
)
_REFUND = text("""
SELECT id FROM refund WHERE order_id = :order AND kind = 'cancel' ORDER BY requested_at DESC LIMIT 1
""")
_PAID = text("SELECT id FROM payment WHERE order_id = :order AND state = 'succeeded'")
_STILL_HERE = {"placed", "confirmed"}
_WHY = {"expired": "订单已过付款时间，自动关闭，不需要取消。"}


async def cancel(
    database: Database, gateway: PaymentGateway, *, actor: Actor, order_id: UUID, now: datetime
) -> UUID | None:
    """Cancel the actor's own order; returns the refund that is on its way, if any. Cancelled before is success.

    The open payment page is closed outside of the transaction; if it turns out to be paid, the money comes as a late
    payment and is held for the payments desk. Raises NotFound to strangers, NotCancellable.
    """
    async with database.transaction() as session:
        done = await cancel_order(session, actor=actor, order_id=order_id, now=now)
    for payment_id, session_id in done.pages.items():
        await _close_page(database, gateway, payment_id, session_id, now)
    if done.refund_id is not None:
        await send(database, gateway, refund_id=done.refund_id, now=now)
    return done.refund_id


async def cancel_order(session: WriteSession, *, actor: Actor, order_id: UUID, now: datetime) -> Cancelled:
    """The part of `cancel` inside the shop: state, stock and the reserved refund, all or nothing."""
    order = (await session.execute(_LOCK, {"order": order_id, "buyer": actor.user_id})).one_or_none()
    if order is None:
        raise NotFound("没有这个订单。")
    if order.state == "cancelled":
        open_payments = (await session.execute(_OPEN, {"order": order_id})).all()
        return Cancelled(await session.scalar(_REFUND, {"order": order_id}), _pages(open_payments))
    if order.accepted_by_others:  # its goods are held, not sold, and its payers owe: nothing here knows of that
        raise NotCancellable("这是工会或食堂的采购订单，请在工会采购或食堂采购页里办理。")
    if order.state not in _STILL_HERE:
        raise NotCancellable(_WHY.get(order.state, "商品已经发出，请在收货后申请售后。"))
    if order.state == "confirmed" and order.cancel_until and clock.business_day(now) > order.cancel_until:
        said = f"付款后自行取消的期限是 {order.cancel_until}（含）"
        raise CancelTooLate(f"{said}，已经过了。要退的话，请联系本单位帮扶办或客服，由他们核实后退款。")
    await move_on(session, order_ids=[order_id], to="cancelled", now=now, actor_id=actor.user_id)
    if order.state == "confirmed":
        return Cancelled(await _everything_back(session, order_id, actor, now), {})
    await moving.release(session, order_ids=[order_id])
    await release_for(session, order_ids=[order_id], now=now)
    open_payments = (await session.execute(_OPEN, {"order": order_id})).all()
    unopened = [payment.id for payment in open_payments if payment.session_id is None]
    await end_payments(session, unopened, of={"created"}, to="cancelled")
    return Cancelled(None, _pages(open_payments))


def _pages(open_payments: Sequence[Row[Any]]) -> dict[UUID, str]:
    return {payment.id: payment.session_id for payment in open_payments if payment.session_id is not None}


async def _everything_back(session: WriteSession, order_id: UUID, actor: Actor, now: datetime) -> UUID | None:
    """All that no other refund has taken; the goods are in the barn and come back at once."""
    await restock_rest(session, order_id, now=now)
    payment_id = await session.scalar(_PAID, {"order": order_id})
    lines = await what_is_left(session, order_id)
    parts = of_everything([part for line in lines for part in line.parts])
    freight: list[Row[Any]] = list((await session.execute(FREIGHT_LEFT, {"order": order_id})).all())
    amount_fen = sum(part.fen for part in parts) + sum(parcel.fen for parcel in freight)
    if payment_id is None or amount_fen == 0:
        return None
    return await reserve(
        session,
        RefundRequest(
            order_id=order_id,
            payment_id=payment_id,
            kind="cancel",
            amount_fen=amount_fen,
            reason="买家取消订单",
            parts=parts,
            lines={line.line_id: line.pieces for line in lines if line.pieces},
            freight={parcel.id: parcel.fen for parcel in freight},
            requested_by=actor.user_id,
        ),
        now=now,
    )


async def _close_page(
    database: Database, gateway: PaymentGateway, payment_id: UUID, session_id: str, now: datetime
) -> None:
    """Only what the provider says is written: a page that was paid meanwhile stays open here, to be settled."""
    try:
        page = await gateway.expire_checkout(session_id)
    except (GatewayUnavailable, GatewayRefused):
        return  # the reconcile job looks again, and the page closes by itself
    async with database.transaction() as session:
        if page.state == "expired":
            await close_payments(session, [Closed(payment_id, "cancelled")])
        else:
            await look_now(session, payment_id=payment_id, now=now)
