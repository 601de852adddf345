"""The webhook inbox: a queue of hints. Each is taken for a while, handled once, and backs off when it fails.

`now` is the machine's time here: what waits in a queue must not wait for a set clock to come round again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Row, Text, bindparam, text

from shop.adapters.stripe.gateway import EventSeen
from shop.core.database import ReadSession, WriteSession

LEASE = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hint:
    """A verified event: something happened to an object. attempts: how often it was taken, this time included."""

    event_id: str
    kind: str
    object_id: str
    attempts: int


_PUT = text("""
INSERT INTO webhook_inbox (event_id, kind, object_id, object_kind, received_at, try_at, attempts)
VALUES (:event_id, :kind, :object_id, :object_kind, :now, :now, 0) ON CONFLICT DO NOTHING
""")
# What is taken comes due again by itself: a worker that dies loses nothing, and one that fails waits ever longer.
_TAKE = text("""
WITH due AS (
    SELECT event_id FROM webhook_inbox WHERE handled_at IS NULL AND try_at <= :now
    ORDER BY try_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE webhook_inbox i
SET attempts = attempts + 1,
    try_at = :now + least(CAST(:lease AS interval) * power(2, least(attempts, 10)), CAST(:longest AS interval))
FROM due WHERE i.event_id = due.event_id
RETURNING i.event_id, i.kind, i.object_id, i.attempts
""")
_DONE = text(
    "UPDATE webhook_inbox SET handled_at = :now, last_error = NULL WHERE event_id = ANY(:events) AND handled_at IS NULL"
).bindparams(bindparam("events", type_=ARRAY(Text)))
_FAILED = text("UPDATE webhook_inbox SET last_error = :error WHERE event_id = :event AND handled_at IS NULL")
_WAITING = text("SELECT count(*) AS hints, min(received_at) AS oldest FROM webhook_inbox WHERE handled_at IS NULL")


async def put(session: WriteSession, event: EventSeen, *, now: datetime) -> None:
    """Keep a verified event. The same event again is success."""
    await session.execute(
        _PUT,
        {
            "event_id": event.event_id,
            "kind": event.kind,
            "object_id": event.object_id,
            "object_kind": event.object_kind,
            "now": now,
        },
    )


async def take(session: WriteSession, *, now: datetime, most: int = 100) -> list[Hint]:
    """Take hints that are due; no other worker gets them meanwhile."""
    rows = await session.execute(_TAKE, {"now": now, "most": most, "lease": LEASE, "longest": LONGEST_WAIT})
    return [Hint(*row) for row in rows]


async def mark_handled(session: WriteSession, event_ids: Collection[str], *, now: datetime) -> None:
    """In the transaction that did what the hints asked for."""
    await session.execute(_DONE, {"events": list(event_ids), "now": now})


async def note_failure(session: WriteSession, event_id: str, error: Exception) -> None:
    """Why it will be tried again: the kind of error only, since its words may hold personal data."""
    await session.execute(_FAILED, {"event": event_id, "error": type(error).__name__})


async def waiting(session: ReadSession) -> Row[int, datetime | None]:
    """Row of (hints, oldest): what is not handled yet, and since when the oldest has been here."""
    return (await session.execute(_WAITING)).one()
