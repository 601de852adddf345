"""Take products that were touched, to make their listings anew: each is taken once."""

from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

# SKIP LOCKED: what a verb is changing this moment, or another worker has taken, waits for the next round.
_TAKE = text("""
DELETE FROM product_touched WHERE product_id IN (
    SELECT product_id FROM product_touched ORDER BY touched_at LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING product_id
""")


async def take_touched(session: WriteSession, *, most: int) -> list[UUID]:
    """Ids of the products that waited longest; they are touched again where the transaction fails."""
    return list(await session.scalars(_TAKE, {"most": most}))
