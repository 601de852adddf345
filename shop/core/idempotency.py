"""First answers to requests with a key; they may hold an address, so they do not stay."""

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col

from shop.core import clock
from shop.core.database import Database
from shop.core.models import Idempotency

KEPT = timedelta(hours=72)


async def forget_answers(database: Database) -> None:
    """Hourly: answers older than 72 hours. The order's own key stays UNIQUE for ever."""
    async with database.transaction() as session:
        await session.execute(delete(Idempotency).where(col(Idempotency.created_at) < clock.now() - KEPT))
