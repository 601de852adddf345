"""Revoked tokens, read twice a second, so that a request with a valid token costs no round trip."""

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from shop.core import clock
from shop.core.database import Database

EVERY_SECONDS: Final = 0.5
STALE_SECONDS: Final = 0.9
# The whole of it, not what is new: a row written first may commit later. Tokens live ten minutes, so it is short.
_REVOKED: Final = "SELECT id FROM sign_in_session WHERE revoked_at IS NOT NULL AND kind = 'api' AND expires_at > $1"
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Revocations:
    """What this process knows of tokens that were ended early. Never older than `STALE_SECONDS`."""

    database: Database
    _revoked: frozenset[UUID] = frozenset()
    _read_at: float = float("-inf")
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def is_revoked(self, session_id: UUID) -> bool:
        """Asks the database only when the poller has not: at start, or when it fell behind.

        Then all callers wait for one answer, and without a database nobody is let in.
        """
        if monotonic() - self._read_at > STALE_SECONDS:
            async with self._reading:
                if monotonic() - self._read_at > STALE_SECONDS:
                    await self.read()
        return session_id in self._revoked

    async def read(self) -> None:
        asked_at = monotonic()
        rows = await self.database.hot.fetch(_REVOKED, clock.wall())
        self._revoked, self._read_at = frozenset(row["id"] for row in rows), asked_at

    def note(self, session_id: UUID) -> None:
        """Revoked by this very process: at once."""
        self._revoked |= {session_id}

    async def poll(self) -> None:
        """For ever, until cancelled. A database that is away is asked again; callers then see the error themselves."""
        while True:
            started = monotonic()
            try:
                async with asyncio.timeout(EVERY_SECONDS * 4):
                    await self.read()
            except Exception as error:  # noqa: BLE001  # whatever it was, the next round may work
                _log.warning("revocations_unread", error=type(error).__name__)
            await asyncio.sleep(max(0.05, EVERY_SECONDS - (monotonic() - started)))
