"""Development's set clock: one row says how far it runs ahead, and every process follows within half a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.models import SandboxClock

EVERY_SECONDS = 0.5
_log = structlog.get_logger(__name__)


async def set_clock(session: WriteSession, ahead: timedelta | None) -> None:
    """None releases it."""
    if ahead is None:
        await session.execute(delete(SandboxClock))
        return
    row = insert(SandboxClock).values(id=1, ahead_seconds=ahead.total_seconds())
    await session.execute(
        row.on_conflict_do_update(index_elements=["id"], set_={"ahead_seconds": row.excluded.ahead_seconds})
    )


async def read_clock(database: Database) -> None:
    """Let this process's clock run as the row says."""
    clock.set_ahead(await _said(database))


async def _said(database: Database) -> timedelta:
    async with database.reading() as session:
        seconds = await session.scalar(select(col(SandboxClock.ahead_seconds)))
    return timedelta(seconds=seconds or 0)


@asynccontextmanager
async def followed(database: Database) -> AsyncIterator[None]:
    """While the block runs, this process's clock follows each change of the row."""
    task = asyncio.create_task(_follow(database), name="sandbox-clock")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(database: Database) -> None:
    followed_last = timedelta(0)
    while True:
        try:
            said = await _said(database)
            if said != followed_last:
                clock.set_ahead(said)
                followed_last = said
        except Exception as error:  # noqa: BLE001  # a database that is away comes back
            _log.warning("clock_unread", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)
