"""What happens to unpaid shares by itself."""

from datetime import datetime

from orders.order import shares
from orders.order.move_on import move_payment
from shop.core import clock
from shop.core.database import Database


async def mark_overdue(database: Database, *, now: datetime) -> int:
    """Hourly: whatever was to be paid before today and was not. `due_on` is the last day to pay. How many are new."""
    async with database.transaction() as session:
        orders = await shares.mark_overdue(session, day=clock.business_day(now))
        await move_payment(session, order_ids=set(orders), leaving="unpaid", to="overdue")
    return len(orders)
