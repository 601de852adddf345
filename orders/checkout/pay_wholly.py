"""An order that an allowance covers needs no payment provider: it is paid in the transaction that places it."""

from datetime import datetime
from uuid import UUID

from orders.checkout.settle import CURRENCY, Paid, settle
from orders.payment.begin import begin
from shop.core.database import WriteSession


async def pay_wholly(session: WriteSession, *, order_id: UUID, amount_fen: int, now: datetime) -> None:
    """The order is confirmed, its stock sold, its credit written: as `settle` does, with nothing received."""
    payment_id = await begin(
        session, order_id=order_id, method="allowance", own_fen=0, allowance_fen=amount_fen, now=now, expires_at=now
    )
    await settle(session, [Paid(payment_id, None, 0, CURRENCY, None, now)], now=now)
