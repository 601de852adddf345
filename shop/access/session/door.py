"""What the door keeps in memory, one for each running application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from starlette.applications import Starlette

from shop.access.demo_accounts import DOMAINS
from shop.access.session.page_sessions import PageSessions
from shop.access.session.revocation import Revocations
from shop.access.session.tokens import Tokens
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Door:
    """keys: what forms' tokens are made with."""

    tokens: Tokens
    revocations: Revocations
    pages: PageSessions
    keys: Keys

    @classmethod
    def of(cls, app: Starlette) -> "Door":
        """The application's door, hung on the first knock: `app.state` must hold `database`, `settings` and `keys`."""
        found: Door | None = getattr(app.state, "door", None)
        if found is None:
            database: Database = app.state.database
            settings: Settings = app.state.settings
            keys: Keys = app.state.keys
            found = cls(
                Tokens.of(keys),
                Revocations(database),
                PageSessions(database, DOMAINS if settings.production else ()),
                keys,
            )
            app.state.door = found
        return found


@asynccontextmanager
async def watched(app: Starlette) -> AsyncIterator[None]:
    """For the application's lifespan: revoked tokens are read twice a second, so that requests need not ask."""
    polling = asyncio.create_task(Door.of(app).revocations.poll(), name="revocations")
    try:
        yield
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
