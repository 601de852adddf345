"""Counties from the command line: the owner's shell acts for everybody, at once, and it is noted."""

from datetime import date

from catalog.county import succeed as county
from shop.core import clock
from shop.core.database import Database


async def succeed(database: Database, code: str, successor_code: str, first_day: date, source: str) -> None:
    """Raises what `catalog.county.succeed` raises."""
    async with database.transaction() as session:
        await county.succeed(
            session,
            actor_id=None,
            code=code,
            successor_code=successor_code,
            valid_from=first_day,
            source=source,
            now=clock.now(),
        )
