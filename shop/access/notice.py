"""Which privacy notice somebody was shown, and when: the record that PIPL article 17 is about."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

VERSION: Final = "2026-12-01"
"""Of the notice at `/privacy`. Another text is another version, and is shown again."""
_SEEN = text("""
INSERT INTO notice_seen (user_id, version, seen_at) VALUES (:user, :version, :now) ON CONFLICT DO NOTHING
""")


async def note_notice(session: WriteSession, *, user_id: UUID, now: datetime) -> None:
    """The page on which somebody signs in or joins links to the notice and says that going on means it was read."""
    await session.execute(_SEEN, {"user": user_id, "version": VERSION, "now": now})
