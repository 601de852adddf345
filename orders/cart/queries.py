"""What is in a cart."""

from uuid import UUID

from sqlalchemy import text

from orders.cart.put_line import LINES_MAX
from shop.core.database import ReadSession

_LINES = text("""
SELECT sku_id, quantity FROM cart_line WHERE owner_id = :owner_id ORDER BY added_at, sku_id LIMIT :most
""")


async def lines_of(session: ReadSession, owner_id: UUID) -> list[tuple[UUID, int]]:
    """(SKU, pieces), the first wish first: the order in which placing reads them."""
    rows = await session.execute(_LINES, {"owner_id": owner_id, "most": LINES_MAX})
    return [(row.sku_id, row.quantity) for row in rows]
