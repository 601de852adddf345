"""Orders whose time to pay is over give goods and allowances back. One sweep over `expires_at`, no job per order."""

from datetime import datetime
from uuid import UUID

from catalog.stock import moving
from orders.allowance.spend import release_for
from orders.order.move_on import expire_due
from shop.core.database import WriteSession


async def expire(session: WriteSession, *, now: datetime, most: int = 200) -> list[UUID]:
    """Expire at most `most` orders that are due; returns which. Their payment pages are closed afterwards, outside.

    Who pays in that moment loses nothing: `settle` holds the goods again, or the money returns.
    """
    expired = await expire_due(session, now=now, most=most)
    await moving.release(session, order_ids=expired)
    await release_for(session, order_ids=expired, now=now)
    return expired
