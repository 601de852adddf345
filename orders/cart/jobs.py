"""Wishes that nobody came back for."""

from datetime import datetime

from sqlalchemy import text

from orders.cart.visitor import LIFETIME
from shop.core.database import Database

_FORGET = text("""
DELETE FROM cart_line WHERE added_at < :before
    AND NOT EXISTS (SELECT FROM user_account u WHERE u.id = owner_id AND u.state <> 'closed')
""")


async def forget_carts(database: Database, *, now: datetime) -> None:
    """Visitors' carts whose cookie is long gone are deleted; those of users stay until their accounts close."""
    async with database.transaction() as session:
        await session.execute(_FORGET, {"before": now - 2 * LIFETIME})
