"""What a visitor put into the cart stays there when he signs in."""

from uuid import UUID

from sqlalchemy import text

from orders.cart.put_line import QUANTITY_MAX
from shop.core.database import WriteSession

_MERGE = text("""
WITH moved AS (
    DELETE FROM cart_line WHERE owner_id = :visitor_id AND :visitor_id <> :user_id RETURNING sku_id, quantity, added_at
)
INSERT INTO cart_line (owner_id, sku_id, quantity, added_at)
SELECT :user_id, sku_id, quantity, added_at FROM moved ORDER BY sku_id
ON CONFLICT (owner_id, sku_id) DO UPDATE SET quantity = least(:quantity_max, cart_line.quantity + excluded.quantity)
""")


async def merge(session: WriteSession, visitor_id: UUID, user_id: UUID) -> None:
    """The visitor's lines become the user's, quantities added up to 9999. Merged before is success."""
    await session.execute(_MERGE, {"visitor_id": visitor_id, "user_id": user_id, "quantity_max": QUANTITY_MAX})
