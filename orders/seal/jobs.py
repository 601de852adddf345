"""Seal by and by."""

from orders.seal.key import seal_key
from orders.seal.seal import seal_new
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings


async def seal_what_is_new(database: Database, settings: Settings) -> None:
    """Every ten minutes; two workers wait for each other, and the second finds nothing left."""
    await seal_new(database, seal_key(settings), now=clock.now())
