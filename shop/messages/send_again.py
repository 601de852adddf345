"""What was given up is sent after all, once somebody has mended what stood in its way."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import text

from shop.core import clock
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem


class NotToBeSent(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_to_be_sent"
    title: ClassVar[str] = "这条消息不能再发"


_AGAIN: Final = text("""
UPDATE message SET state = 'waiting', ended_at = NULL, first_attempt_at = NULL, next_attempt_at = :wall
WHERE (CAST(:id AS uuid) IS NULL OR id = :id) AND state = 'given_up' AND erased_at IS NULL
    AND (expires_at IS NULL OR expires_at > :wall)
RETURNING id, attempts, last_error
""")
_THERE: Final = text("SELECT EXISTS (SELECT FROM message WHERE id = :id)")


async def send_again(session: WriteSession, *, actor_id: UUID, message: UUID, now: datetime) -> None:
    """With the same Message-ID. Raises NotFound, NotToBeSent for one that waits, was sent, is erased or says what is
    true no longer.
    """
    if not await _again(session, actor_id, message, now):
        if await session.scalar(_THERE, {"id": message}):
            raise NotToBeSent("它还在等待、已经发出，或者里面的链接已过期。")
        raise NotFound("没有这条消息。")


async def send_all_again(session: WriteSession, *, actor_id: UUID, now: datetime) -> int:
    """After an outage that nobody saw for days: all that was given up and may still be sent. Returns how many."""
    return await _again(session, actor_id, None, now)


async def _again(session: WriteSession, actor_id: UUID, message: UUID | None, now: datetime) -> int:
    found = (await session.execute(_AGAIN, {"id": message, "wall": clock.wall()})).all()
    changes = [
        Change(
            "message.sent_again",
            f"message:{one.id}",
            {"state": "given_up", "attempts": one.attempts, "last_error": one.last_error},
            {"state": "waiting"},
        )
        for one in found
    ]
    await record_changes(session, changes, actor_id=actor_id, now=now)
    return len(found)
