"""What happens to unpaid shares by itself."""

from datetime import datetime
from typing import Final

from sqlalchemy import Date, bindparam, text

from shop.core import clock
from shop.core.database import Database

_OVERDUE: Final = text("""
WITH late AS (
    SELECT id FROM payer_share WHERE due_on < :day AND payment_state IN ('unpaid', 'partly_paid')
        AND paid_fen < due_fen ORDER BY id FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE payer_share s SET payment_state = 'overdue' FROM late WHERE s.id = late.id RETURNING s.order_id
), orders AS (
    UPDATE shop_order o SET payment_state = 'overdue' FROM (SELECT DISTINCT order_id FROM marked) m
    WHERE o.id = m.order_id AND o.payment_state = 'unpaid'
)
SELECT count(*) FROM marked
""").bindparams(bindparam("day", type_=Date))


async def mark_overdue(database: Database, *, now: datetime) -> int:
    """Hourly: whatever was to be paid before today and was not. `due_on` is the last day to pay. How many are new."""
    async with database.transaction() as session:
        marked: int = await session.scalar(_OVERDUE, {"day": clock.business_day(now)}) or 0
    return marked
