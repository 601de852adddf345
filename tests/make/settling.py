"""Payments of an order as rows, and what the provider says of them."""

from datetime import UTC, datetime
from uuid import UUID

from orders.checkout.settle import Paid
from orders.order.schemas import OrderOut
from orders.payment.models import Payment
from shop.core.database import Database
from shop.core.ids import new_id


async def pending_payment(database: Database, order: OrderOut) -> UUID:
    """A payment page was opened for the whole order."""
    now = datetime.now(UTC)
    payment = Payment(
        id=new_id(),
        order_id=order.id,
        method="stripe",
        amount_fen=order.total_fen,
        state="pending",
        session_id=f"cs_{new_id().hex}",
        created_at=now,
        expires_at=now,
        check_at=now,
    )
    async with database.transaction() as session:
        session.add(payment)
    return payment.id


def paid(payment_id: UUID, order: OrderOut, *, at: datetime | None = None, **other: object) -> Paid:
    """The provider says that exactly the order's total came, unless told otherwise."""
    facts: dict[str, object] = {
        "payment_id": payment_id,
        "provider_payment_id": f"pi_{payment_id.hex}",
        "amount_fen": order.total_fen,
        "currency": "cny",
        "method": "wechat_pay",
        "succeeded_at": at or datetime.now(UTC),
    }
    return Paid(**(facts | other))  # type: ignore[arg-type]
