"""A line out of somebody's cart."""

from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

_REMOVE = text("DELETE FROM cart_line WHERE owner_id = :owner_id AND sku_id = :sku_id")


async def remove_line(session: WriteSession, *, owner_id: UUID, sku_id: UUID) -> None:
    """Not there any more is success."""
    await session.execute(_REMOVE, {"owner_id": owner_id, "sku_id": sku_id})
