"""Keep the rollup's tail short."""

from orders.credit.fold import BATCH, fold
from shop.core.database import Database


async def fold_deltas(database: Database) -> None:
    """Every half second: fold until less than a batch was left. Any number of workers may do so at once."""
    while True:
        async with database.transaction() as session:
            taken = await fold(session)
        if taken < BATCH:
            return
