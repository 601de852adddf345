"""Keep the shop window true."""

from catalog.listing.refresh import refresh
from shop.core import clock
from shop.core.database import Database


async def refresh_touched(database: Database) -> None:
    """Every half second: make anew what was touched or went stale, until nothing is left."""
    while True:
        async with database.transaction() as session:
            done = await refresh(session, now=clock.now())
        if not done.taken:
            return
