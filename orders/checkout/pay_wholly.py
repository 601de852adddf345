"""An order that an allowance covers needs no payment provider: it is paid in the transaction that places it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from orders.checkout.settle import CURRENCY, Paid, settle
from shop.core.database import WriteSession
from shop.core.ids import new_id

_PAYMENT = text(
    """
WITH made AS (
    INSERT INTO payment (id, order_id, method, amount_fen, currency, state, created_at, expires_at, check_at)
    VALUES (:id, :order, 'allowance', :amount, 'cny', 'created', :now, :now, :now)
    RETURNING id, amount_fen
)
INSERT INTO tender (payment_id, position, kind, amount_fen) SELECT id, 0, 'allowance', amount_fen FROM made
"""
)


async def pay_wholly(session: WriteSession, *, order_id: UUID, amount_fen: int, now: datetime) -> None:
    """The order is confirmed, its stock sold, its credit written: as `settle` does, with nothing received."""
    payment_id = new_id()
    await session.execute(_PAYMENT, {"id": payment_id, "order": order_id, "amount": amount_fen, "now": now})
    await settle(session, [Paid(payment_id, None, 0, CURRENCY, None, now)], now=now)
