"""Orders whose time to pay is over give goods and allowances back. One sweep over `expires_at`, no job per order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from catalog.stock import moving
from orders.allowance.spend import release_for
from shop.core.database import WriteSession

_EXPIRE = text(
    """
WITH due AS (
    SELECT id FROM shop_order WHERE state = 'placed' AND expires_at <= :now ORDER BY id LIMIT :most
    FOR UPDATE SKIP LOCKED
), expired AS (
    UPDATE shop_order o SET state = 'expired' FROM due WHERE o.id = due.id RETURNING o.id
), noted AS (
    INSERT INTO order_event (order_id, state, at) SELECT id, 'expired', :now FROM expired ON CONFLICT DO NOTHING
)
SELECT id FROM expired
"""
)


async def expire(session: WriteSession, *, now: datetime, most: int = 200) -> list[UUID]:
    """Expire at most `most` orders that are due; returns which. Their payment pages are closed afterwards, outside.

    Who pays in that moment loses nothing: `settle` holds the goods again, or the money returns.
    """
    rows = await session.execute(_EXPIRE, {"now": now, "most": most})
    expired = list(rows.scalars())
    await moving.release(session, order_ids=expired)
    await release_for(session, order_ids=expired, now=now)
    return expired
