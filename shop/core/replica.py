"""Whether the replica answers: while it does not, the primary answers what is read too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from sqlalchemy import text

from shop.core.database import Database, Replica

EVERY_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def replica_watched(database: Database) -> AsyncIterator[None]:
    """While the block runs."""
    watching = asyncio.create_task(_watch(database.replica)) if database.replica else None
    try:
        yield
    finally:
        if watching:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def _watch(replica: Replica) -> None:
    while True:
        await look_at(replica)
        await asyncio.sleep(EVERY_SECONDS)


async def look_at(replica: Replica) -> None:
    was = replica.well
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), replica.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        replica.well = True
    except Exception:  # noqa: BLE001  # every way of not answering means the same
        replica.well = False
    if replica.well != was:
        _log.warning("replica", well=replica.well)
