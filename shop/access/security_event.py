"""What concerns security, in the log that is sealed with the ledger: who came in, who was refused, who was slowed down.

Ids and keyed digests only: neither an e-mail nor a person's address can be read back. A proxy's stands in clear.
"""

from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Any, Final, Literal
from uuid import UUID

from shop.core.audit import record_change
from shop.core.database import Database

SecurityKind = Literal["signed_in", "sign_in_refused", "throttled", "refused", "proxy_unknown", "proxy_silent"]
ONCE_IN_S: Final = 60.0
_KNOWN_MOST: Final = 10_000


class Refusals:
    """What happens the same again and again is noted once in a while by each process: nobody fills the log."""

    def __init__(self, once_in_s: float = ONCE_IN_S) -> None:
        self.once_in_s = once_in_s
        self._noted: dict[tuple[str, str], float] = {}

    def is_news(self, subject: str, what: str) -> bool:
        now = monotonic()
        if len(self._noted) >= _KNOWN_MOST:
            self._noted.clear()
        if now - self._noted.get((subject, what), -self.once_in_s) < self.once_in_s:
            return False
        self._noted[subject, what] = now
        return True


TOLD: Final = Refusals()
"""Of this process."""


async def note_security(
    database: Database,
    kind: SecurityKind,
    *,
    subject: str,
    actor_id: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """In a short transaction of its own: what is noted stands whatever becomes of the request.

    subject: `user_account:{id}`, or `account:{digest}` of a name that has no account; `proxy:{address}`.
    """
    async with database.transaction() as session:
        await record_change(
            session, actor_id=actor_id, action=f"security.{kind}", subject=subject, after=facts, now=now
        )
