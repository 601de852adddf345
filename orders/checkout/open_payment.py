"""Open a payment page for an order. Two short transactions around one call to the provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text

from orders.checkout.open_transfer import open_transfer
from orders.checkout.payable import OrderOver, PaymentRefused, must_be_payable
from orders.order.move_on import await_payment
from orders.payment.begin import begin
from orders.payment.move_on import end_payments, page_opened, page_unwanted
from shop.access.permissions import Actor
from shop.adapters.stripe.gateway import CheckoutLine, GatewayRefused, OpenCheckout, PaymentGateway
from shop.core.database import Database, WriteSession
from shop.core.errors import NotFound
from shop.core.settings import settings

Method = Literal["stripe", "bank_transfer"]

PAGE_LIFE = timedelta(minutes=35)
"""How long a payer has. The provider asks for 30 minutes; the rest is room for a retry of the same call."""
HOLD_OUTLIVES_PAGE = timedelta(minutes=1)
LONGEST_HOLD = timedelta(hours=2)
"""After this long since placing, no new page is opened: clicking "pay" again and again must not hold goods for ever."""
FIRST_CHECK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Opened:
    """redirect_url: where to send the payer. transfer_code: what he writes into it. state: created, pending."""

    payment_id: UUID
    state: str
    redirect_url: str | None
    transfer_code: str | None = None


@dataclass(frozen=True, slots=True)
class _Begun:
    payment_id: UUID
    session_url: str | None
    requested: OpenCheckout


async def open_payment(
    database: Database, gateway: PaymentGateway, *, actor: Actor, order_id: UUID, method: Method, now: datetime
) -> Opened:
    """Open (or find again) the one payment page of an order, and let the hold outlive the page.

    The payment's id is the provider's idempotency key: whoever clicks twice, or again after a crash, gets the same
    page. By bank transfer: its code, and no page. Raises NotFound to strangers, OrderOver, AlreadyPaid, PaymentRefused,
    PageOpen, and GatewayUnavailable (nothing is charged; ask again).
    """
    if method == "bank_transfer":
        async with database.transaction() as session:
            payment_id, code = await open_transfer(session, actor=actor, order_id=order_id, now=now)
        return Opened(payment_id, "pending", None, code)
    async with database.transaction() as session:
        begun = await _begin(session, actor=actor, order_id=order_id, now=now)
    if begun.session_url:
        return Opened(begun.payment_id, "pending", begun.session_url)
    try:
        page = await gateway.open_checkout(begun.requested)
    except GatewayRefused as refused:
        async with database.transaction() as session:
            await end_payments(session, [begun.payment_id], of={"created"}, to="failed")
        raise PaymentRefused("请稍后重新付款；如果多次失败，请联系客服并提供订单号。") from refused
    hold_until = begun.requested.expires_at + HOLD_OUTLIVES_PAGE
    async with database.transaction() as session:
        kept = await await_payment(session, order_id=order_id, until=hold_until, now=now)
        if kept:
            kept = await page_opened(session, payment_id=begun.payment_id, session_id=page.session_id, url=page.url)
        else:
            await page_unwanted(session, payment_id=begun.payment_id, session_id=page.session_id)
    if not kept:  # the order ended while we asked: nobody may pay on that page
        await gateway.expire_checkout(page.session_id)
        raise OrderOver("请重新下单。")
    return Opened(begun.payment_id, "pending", page.url)


_ORDER = text("""
SELECT o.number, o.state, o.payment_state, o.placed_at, o.expires_at,
    (SELECT coalesce(sum(net_fen), 0)::bigint FROM share_component c WHERE c.order_id = o.id)
    + (SELECT coalesce(sum(freight_fen), 0)::bigint FROM parcel p WHERE p.order_id = o.id) AS total_fen,
    (SELECT coalesce(sum(c.net_fen), 0)::bigint FROM share_component c JOIN line_share s ON s.id = c.share_id
        WHERE c.order_id = o.id AND s.payer_kind = 'allowance') AS allowance_fen
FROM shop_order o WHERE o.id = :order AND o.buyer_id = :buyer FOR UPDATE
""")
_OPEN = text("""
SELECT id, method, session_url, expires_at FROM payment WHERE order_id = :order AND state IN ('created', 'pending')
""")
_LINES = text("""
SELECT * FROM (
    SELECT 0 AS part, l.position, l.title || ' ' || l.spec AS title, l.quantity, sum(c.net_fen)::bigint AS fen
    FROM order_line l JOIN line_share s ON s.line_id = l.id JOIN share_component c ON c.share_id = s.id
    WHERE l.order_id = :order AND s.payer_kind <> 'allowance' GROUP BY l.id
    UNION ALL
    SELECT 1, 0, '运费', 1, sum(freight_fen)::bigint FROM parcel WHERE order_id = :order HAVING sum(freight_fen) > 0
) shown ORDER BY part, position
""")


async def _begin(session: WriteSession, *, actor: Actor, order_id: UUID, now: datetime) -> _Begun:
    """The order's lock makes a second click wait, and then find what the first one made."""
    found = await session.execute(_ORDER, {"order": order_id, "buyer": actor.user_id})
    order = found.one_or_none()
    if order is None:
        raise NotFound("没有这个订单。")
    must_be_payable(order, now)
    payment = (await session.execute(_OPEN, {"order": order_id})).one_or_none()
    if payment is not None and payment.method != "stripe":
        # The payer chose the page instead. Should the transfer come all the same, its money stands as his advance.
        await end_payments(session, [payment.id], of={"pending"}, to="cancelled")
        payment = None
    if payment is None:
        expires_at = (now + PAGE_LIFE).replace(microsecond=0)
        if expires_at > order.placed_at + LONGEST_HOLD:
            raise OrderOver("下单时间过久，库存不能继续保留，请重新下单。")
        payment_id = await begin(
            session,
            order_id=order_id,
            method="stripe",
            own_fen=order.total_fen - order.allowance_fen,
            allowance_fen=order.allowance_fen,
            now=now,
            expires_at=expires_at,
            check_at=now + FIRST_CHECK,
        )
    else:
        payment_id, expires_at = payment.id, payment.expires_at
    lines = (await session.execute(_LINES, {"order": order_id})).all()
    return _Begun(
        payment_id,
        payment.session_url if payment else None,
        _session_request(payment_id, order_id, order, lines, expires_at),
    )


def _session_request(
    payment_id: UUID, order_id: UUID, order: Row[Any], lines: Sequence[Row[Any]], expires_at: datetime
) -> OpenCheckout:
    back_to = f"{settings().public_url.rstrip('/')}/orders/{order_id}"
    return OpenCheckout(
        payment_id=payment_id,
        order_number=order.number,
        amount_fen=order.total_fen - order.allowance_fen,
        lines=tuple(CheckoutLine(line.title, line.quantity, line.fen) for line in lines),
        success_url=back_to,
        cancel_url=back_to,
        expires_at=expires_at,
    )
