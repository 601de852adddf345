"""Money that came for an order that could no longer be kept goes back whole."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.aftersales.reserve import Wanted, reserve
from shop.core.database import WriteSession

# The payment's own lock lets one of several workers write the refund.
_LATE = text(
    """
SELECT p.id, p.order_id, p.received_fen, p.held_reason FROM payment p
WHERE p.id = ANY(:payments) AND p.state = 'held' AND p.held_reason IN ('too_late', 'paid_twice')
    AND NOT EXISTS (SELECT FROM refund r WHERE r.payment_id = p.id AND r.state <> 'failed')
ORDER BY p.id FOR NO KEY UPDATE
"""
).bindparams(bindparam("payments", type_=ARRAY(Uuid)))
_REASONS = {"too_late": "付款到账时订单已结束，全额退回", "paid_twice": "同一订单重复付款，全额退回"}


async def return_late(session: WriteSession, payment_ids: Collection[UUID], *, now: datetime) -> list[UUID]:
    """Write a refund of everything for each of these payments that is held for being late or double.

    Returns the refunds, to be sent outside of the transaction. Nothing was credited, so nothing is taken back.
    """
    if not payment_ids:
        return []
    late = (await session.execute(_LATE, {"payments": list(payment_ids)})).all()
    return [
        await reserve(
            session,
            Wanted(
                order_id=payment.order_id,
                payment_id=payment.id,
                kind="late_payment",
                amount_fen=payment.received_fen,
                reason=_REASONS[payment.held_reason],
            ),
            now=now,
        )
        for payment in late
    ]
