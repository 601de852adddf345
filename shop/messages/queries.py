"""How the outbox stands, for whoever runs the shop."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text

from shop.core.database import ReadSession

SHOWN_MAX: Final = 100
_CHANNELS: Final = text("""
SELECT channel, count(*) FILTER (WHERE state = 'waiting') AS waiting,
    count(*) FILTER (WHERE state = 'given_up') AS given_up, min(created_at) FILTER (WHERE state = 'waiting') AS oldest
FROM message WHERE state = 'waiting' OR (state = 'given_up' AND erased_at IS NULL) GROUP BY channel ORDER BY channel
""")
_UNSENT: Final = text("""
SELECT id, channel, template, address, state, attempts, created_at, next_attempt_at, ended_at, last_error,
    state = 'given_up' AND (expires_at IS NULL OR expires_at > :wall) AS again
FROM message WHERE (state = 'given_up' AND erased_at IS NULL) OR (state = 'waiting' AND attempts > 0)
ORDER BY state, coalesce(ended_at, next_attempt_at) DESC, id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class ChannelState:
    """oldest: when the oldest one that waits was said."""

    channel: str
    waiting: int
    given_up: int
    oldest: datetime | None


async def channel_states(session: ReadSession) -> list[ChannelState]:
    """Of each channel that has something to tell."""
    return [ChannelState(*row) for row in await session.execute(_CHANNELS)]


async def unsent(session: ReadSession, *, wall: datetime) -> list[Row[Any]]:
    """What was given up and is not erased yet, and what did not go at the first attempt, at most 100. `again`: it may
    be sent again.
    """
    return list((await session.execute(_UNSENT, {"wall": wall, "most": SHOWN_MAX})).all())
