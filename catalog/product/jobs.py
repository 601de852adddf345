"""What the worker does for products, each a short transaction."""

from catalog.product.follow_successors import follow_successors as follow
from shop.core import clock
from shop.core.database import Database


async def follow_successors(database: Database) -> int:
    """Every hour: origins move on to the division code of today."""
    async with database.transaction() as session:
        return await follow(session, now=clock.now())
