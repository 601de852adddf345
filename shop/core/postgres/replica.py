"""Whether the replica answers: while it does not, the primary answers what is read too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from sqlalchemy import text

from shop.core.database import Database
from shop.core.keys import Keys

EVERY_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 2.0

_WHOSE: Final = text("SELECT id FROM programme")
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def replica_watched(database: Database) -> AsyncIterator[None]:
    """While the block runs."""
    watching = asyncio.create_task(_watch(database)) if database.replica else None
    try:
        yield
    finally:
        if watching:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def _watch(database: Database) -> None:
    while True:
        await look_at(database)
        await asyncio.sleep(EVERY_SECONDS)


async def look_at(database: Database) -> None:
    """Whether it answers, and is of this programme as far as that is known here."""
    if (replica := database.replica) is None:
        return
    was, keys = replica.well, database.kept.get(Keys)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), replica.engine.connect() as connection:
            programme = await connection.scalar(_WHOSE)
        replica.well = keys is None or programme == keys.programme
    except Exception:  # noqa: BLE001  # every way of not answering means the same
        replica.well = False
    if replica.well != was:
        _log.warning("replica", well=replica.well)
