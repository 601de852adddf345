"""How a command runs its work: logs as the settings say, one event loop, and the database closed at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from shop.app.migrate import import_tables
from shop.core import logging
from shop.core.database import Database, open_database
from shop.core.sandbox_clock import read_clock
from shop.core.settings import Settings

Done = TypeVar("Done")
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def said(reason: str) -> str:
    """A reason that was typed; a blank one is refused."""
    if not reason.strip():
        raise typer.BadParameter("it is kept for whoever asks why")
    return reason


def run(work: Coroutine[Any, Any, Done]) -> Done:
    try:
        settings = Settings()
    except ValidationError:
        work.close()  # it will never be awaited
        raise
    logging.configure(production=settings.production)
    import_tables()
    return asyncio.run(work)


async def with_database(verb: Callable[[Database], Awaitable[Done]]) -> Done:
    """The verb's day is the shop's: in development a command follows the set clock, as web and worker do."""
    settings = Settings()
    database = await open_database(settings)
    try:
        if not settings.production:
            await read_clock(database)
        return await verb(database)
    finally:
        await database.close()
