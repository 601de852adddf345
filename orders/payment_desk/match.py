"""A kept advance pays an order of the same buyer: in full only, and as any payment does."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.checkout.open_transfer import PageOpen
from orders.checkout.payable import must_be_payable
from orders.checkout.settle import CURRENCY, Paid, settle
from orders.funds.post import Moved, post
from orders.payment.begin import begin
from orders.payment.kept_advance import take_kept
from orders.payment.move_on import end_payments
from orders.payment_desk.problems import AdvanceShort, NothingToDecide, NotThatWay
from orders.payment_desk.turn import nothing_returned_elsewhere
from orders.payment_desk.visibility import waiting_for
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.ui.filters import yuan

# Both orders are locked in order of their ids, before anything else.
_LOCK = text("""
SELECT id FROM shop_order WHERE id IN (:order, (SELECT order_id FROM payment WHERE id = :payment))
ORDER BY id FOR UPDATE
""")
_ORDER = text("""
SELECT o.id, o.state, o.payment_state, o.expires_at,
    (SELECT coalesce(sum(net_fen), 0)::bigint FROM share_component c WHERE c.order_id = o.id)
    + (SELECT coalesce(sum(freight_fen), 0)::bigint FROM parcel p WHERE p.order_id = o.id) AS total_fen,
    (SELECT coalesce(sum(c.net_fen), 0)::bigint FROM share_component c JOIN line_share s ON s.id = c.share_id
        WHERE c.order_id = o.id AND s.payer_kind = 'allowance') AS allowance_fen,
    p.id AS open_id, p.method AS open_method
FROM shop_order o LEFT JOIN payment p ON p.order_id = o.id AND p.state IN ('created', 'pending')
WHERE o.id = :order AND o.buyer_id = :buyer AND o.fund_source = 'personal'
""")


async def match(session: WriteSession, *, actor: Actor, payment_id: UUID, order_id: UUID, now: datetime) -> UUID:
    """Settle the order with what is left of the advance; returns the new payment. What is more stays an advance.

    The sale counts on the day of the match: before it nobody had bought anything with this money. Raises NotFound
    (also for another buyer's order), NotThatWay, AdvanceShort, PageOpen, OrderOver, AlreadyPaid.
    """
    await session.execute(_LOCK, {"order": order_id, "payment": payment_id})
    waiting, source = await waiting_for(session, actor, f"payment:{payment_id}", now=now)
    if waiting.what != "advance":
        raise NotThatWay("请先由两人确认保留为预收款，再匹配订单。")
    await nothing_returned_elsewhere(session, payment_id)
    order = (await session.execute(_ORDER, {"order": order_id, "buyer": source.buyer_id})).one_or_none()
    if order is None:
        raise NotFound("没有这张订单，或者它不是这位付款人的。")
    must_be_payable(order, now)
    if order.open_method not in {None, "bank_transfer"}:
        raise PageOpen("买家的付款页还开着，请等它关闭后再匹配。")
    if order.open_id is not None:
        await end_payments(session, [order.open_id], of={"pending"}, to="cancelled")
    own_fen = order.total_fen - order.allowance_fen
    person_id = await take_kept(session, payment_id=payment_id, fen=own_fen)
    if person_id is None:
        raise _short(own_fen, waiting)
    paid_id = await begin(
        session,
        order_id=order_id,
        method="advance",
        own_fen=own_fen,
        allowance_fen=order.allowance_fen,
        now=now,
        expires_at=now,
        advance_of_id=payment_id,
    )
    await post(session, [_freed(person_id, paid_id, own_fen, now)], now=now)
    (settled,) = await settle(session, [Paid(paid_id, None, own_fen, CURRENCY, "advance", now)], now=now)
    if settled.outcome != "settled":
        raise NothingToDecide("订单刚刚结束或已付款，请刷新页面。")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="payment_desk.match",
        subject=waiting.subject,
        before={"left_fen": waiting.amount_fen},
        after={"left_fen": waiting.amount_fen - own_fen, "order_id": str(order_id), "payment_id": str(paid_id)},
        now=now,
    )
    return paid_id


def _short(fen: int, waiting: Row[Any]) -> AdvanceShort:
    return AdvanceShort(
        f"订单需要 {yuan(fen)}，预收款还有 {yuan(waiting.amount_fen)}，只能一次付清。",
        extra={"needed_fen": fen, "left_fen": waiting.amount_fen},
    )


def _freed(person_id: UUID, paid_id: UUID, fen: int, now: datetime) -> Moved:
    """From the payer's advance the money is with the provider again, free to pay the order."""
    return Moved(
        key=f"advance_applied:{paid_id}",
        kind="advance_applied",
        debit=("advance", str(person_id)),
        credit=("clearing", "stripe"),
        amount_fen=fen,
        reference=paid_id,
        occurred_on=clock.business_day(now),
    )
