"""A payment page closed without money: the order may be paid on another page while its hold lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.order.move_on import move_payment
from orders.payment.move_on import end_payments
from orders.payment.states import OPEN
from shop.core.database import WriteSession


@dataclass(frozen=True, slots=True)
class Closed:
    payment_id: UUID
    state: Literal["failed", "cancelled"]


# Orders first, in order of their ids, as everybody locks them.
_LOCK: Final = text("""
SELECT o.id FROM shop_order o WHERE o.id IN (SELECT order_id FROM payment WHERE id = ANY(:payments))
ORDER BY o.id FOR UPDATE
""").bindparams(bindparam("payments", type_=ARRAY(Uuid)))


async def close_payments(session: WriteSession, closed: Sequence[Closed]) -> int:
    """Close open payments as failed or cancelled; returns how many were still open. Already closed is success."""
    if not closed:
        return 0
    await session.execute(_LOCK, {"payments": [one.payment_id for one in closed]})
    orders: list[UUID] = []
    for state in sorted({one.state for one in closed}):
        payments = [one.payment_id for one in closed if one.state == state]
        orders += await end_payments(session, payments, of=OPEN, to=state)
    await move_payment(session, order_ids=orders, leaving="pending", to="unpaid")
    return len(orders)
