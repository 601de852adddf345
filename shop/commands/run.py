"""How a command runs its work: logs as the settings say, one event loop, and the database closed at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from pydantic import ValidationError

from shop.core import logging
from shop.core.database import Database, open_database
from shop.core.settings import Settings

Done = TypeVar("Done")


def run(work: Coroutine[Any, Any, Done]) -> Done:
    try:
        settings = Settings()
    except ValidationError:
        work.close()  # it will never be awaited
        raise
    logging.configure(production=settings.production)
    return asyncio.run(work)


async def with_database(verb: Callable[[Database], Awaitable[Done]]) -> Done:
    database = await open_database(Settings())
    try:
        return await verb(database)
    finally:
        await database.close()
