"""`shop replace-secret`: for who has lost every SECRET_KEY that opened what the database keeps."""

from shop.core import clock
from shop.core.database import Database, owner_url
from shop.core.keys import replace_lost_keys
from shop.core.settings import Settings


async def replace_lost(reason: str) -> None:
    """As the owner: the application may not write it."""
    settings = Settings()
    database = await Database.open(owner_url(settings), schema=settings.database_schema)
    try:
        async with database.transaction() as session:
            await replace_lost_keys(session, settings, reason=reason, now=clock.now())
    finally:
        await database.close()
