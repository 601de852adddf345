"""Send what is due: take one message for a while, send it outside of any transaction, write down what became of it.

A worker that is killed between taking and writing down has said nothing about it: when its time is over another one
sends the message again, with the same Message-ID. So nothing is lost, and there is a second copy only where the server
had taken the first one. All times are the machine's: what waits in a queue must not wait for a set clock.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ARRAY, Row, Text, bindparam, text

from shop.adapters.mail.mailer import MailRefused, MailUnavailable
from shop.adapters.sms.gateway import SmsRefused, SmsUnavailable
from shop.core import clock
from shop.core.database import Database
from shop.core.keys import Keys, keys_of
from shop.core.settings import Settings
from shop.messages.senders import Send, carried, open_sender
from shop.messages.wording import composed

SEND_SECONDS: Final = 60
LEASE: Final = timedelta(minutes=2)
"""Longer than a sending may last, so that no two workers ever send the same message at once."""
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(days=3)
"""After the first attempt: some seventy attempts, and longer than a weekend."""
AT_ONCE: Final = 20
"""Messages of one sweep; the next one begins within a second."""

REFUSED: Final = (MailRefused, SmsRefused)

_TAKE: Final = text("""
WITH due AS (
    SELECT id FROM message WHERE state = 'waiting' AND next_attempt_at <= :now AND channel = ANY(:channels)
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE message m SET attempts = attempts + 1, next_attempt_at = :until,
    first_attempt_at = coalesce(first_attempt_at, :now)
FROM due WHERE m.id = due.id
RETURNING m.id, m.channel, m.template, m.lang, m.address, m.facts, m.message_id, m.attempts, m.created_at, m.expires_at,
    m.first_attempt_at
""").bindparams(bindparam("channels", type_=ARRAY(Text)))
_END: Final = text("""
UPDATE message SET state = :state, ended_at = :now, last_error = :error WHERE id = :id AND state = 'waiting'
""")
# Only of who took it last: an earlier one, whose time was over, has nothing to say any more.
_LATER: Final = text("""
UPDATE message SET next_attempt_at = :due, last_error = :error
WHERE id = :id AND state = 'waiting' AND attempts = :attempts
""")
_log = structlog.get_logger(__name__)


async def deliver_due(database: Database, settings: Settings) -> int:
    """One sweep; returns how many were taken by who carries them. A channel in trouble rests until the next sweep;
    one that nobody carries keeps what it has.
    """
    sent, channels = 0, set(carried(settings))
    async with AsyncExitStack() as stack:
        senders: dict[str, Send] = {}
        keys = await keys_of(database, settings)  # before anything is taken: each time counts as an attempt
        for _ in range(AT_ONCE):
            message = await _take(database, channels, clock.wall()) if channels else None
            if message is None:
                break
            if message.channel not in senders:
                opened = open_sender(message.channel, settings, database)
                senders[message.channel] = await stack.enter_async_context(opened)
            outcome = await _send(message, senders[message.channel], keys, settings, clock.wall())
            await _write_down(database, message, outcome, clock.wall())
            sent += outcome is None
            if outcome is not None and not isinstance(outcome, REFUSED):
                channels.discard(message.channel)
    return sent


async def _take(database: Database, channels: set[str], now: datetime) -> Row[Any] | None:
    async with database.transaction() as session:
        named = {"now": now, "until": now + LEASE, "channels": sorted(channels)}
        return (await session.execute(_TAKE, named)).one_or_none()


async def _send(message: Row[Any], send: Send, keys: Keys, settings: Settings, now: datetime) -> Exception | None:
    """What went wrong, if anything did."""
    if message.expires_at is not None and message.expires_at <= now:
        return MailRefused("expired")
    try:
        said = composed(
            message.template, message.lang, message.facts,
            created_at=message.created_at, keys=keys, public_url=settings.public_url,
        )  # fmt: skip
        async with asyncio.timeout(SEND_SECONDS):
            await send(message.message_id, message.address, said)
    except Exception as trouble:  # noqa: BLE001  # whatever it was, the message stays and is tried again
        return trouble
    return None


async def _write_down(database: Database, message: Row[Any], outcome: Exception | None, now: datetime) -> None:
    error = _code(outcome)
    over = now - message.first_attempt_at >= GIVE_UP_AFTER
    named = {"id": message.id, "now": now, "error": error, "attempts": message.attempts}
    async with database.transaction() as session:
        if outcome is None:
            await session.execute(_END, named | {"state": "sent"})
        elif over or isinstance(outcome, REFUSED):
            await session.execute(_END, named | {"state": "given_up"})
        else:
            await session.execute(_LATER, named | {"due": now + wait_after(message.attempts)})
    if outcome is not None:
        _log.warning(
            "message_not_sent", id=str(message.id), template=message.template, error=error, attempts=message.attempts
        )


def wait_after(attempts: int) -> timedelta:
    """Ever longer: 1, 2, 4 … minutes, at most an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempts - 1, 10)))


def _code(outcome: Exception | None) -> str | None:
    """Ours are codes; of anything else only the kind, since its words may hold personal data."""
    if outcome is None:
        return None
    ours = isinstance(outcome, (*REFUSED, MailUnavailable, SmsUnavailable))
    return str(outcome) if ours else type(outcome).__name__
