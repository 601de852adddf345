"""What somebody wished for goes with his account."""

from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

_CART = text("DELETE FROM cart_line WHERE owner_id = :owner_id")


async def erase_cart(session: WriteSession, *, owner_id: UUID) -> None:
    await session.execute(_CART, {"owner_id": owner_id})
