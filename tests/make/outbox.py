"""Messages that wait, what became of them, and the letters that a link is taken from."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shop.access.account.ask_reset import answer_resets
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from shop.messages.deliver import deliver_due
from shop.messages.queue_message import queue_message


async def queued(
    database: Database, to: str = "ada@example.test", template: str = "password_changed", **more: Any
) -> UUID:
    async with database.transaction() as session:
        return await queue_message(
            session, channel=more.pop("channel", "mail"), to=to, template=template, values=more.pop("values", {}),
            now=clock.now(), **more,
        )  # fmt: skip


async def outbox(database: Database, columns: str = "state, attempts, last_error") -> list[tuple[Any, ...]]:
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(text(f"SELECT {columns} FROM message ORDER BY id"))]


async def pass_time(database: Database, much: timedelta) -> None:
    """Every moment that the outbox knows lies so much further back."""
    async with database.transaction() as session:
        await session.execute(
            text("""UPDATE message SET next_attempt_at = next_attempt_at - CAST(:much AS interval),
                first_attempt_at = first_attempt_at - CAST(:much AS interval),
                expires_at = expires_at - CAST(:much AS interval),
                created_at = created_at - CAST(:much AS interval), ended_at = ended_at - CAST(:much AS interval)"""),
            {"much": much},
        )


async def letters(database: Database, settings: Settings, to: str) -> list[dict[str, Any]]:
    """What the worker has sent to an address in development, the newest first, once it has sent everything."""
    await answer_resets(database, now=clock.now())
    while await deliver_due(database, settings):
        pass
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT * FROM sandbox_message WHERE address = :to ORDER BY sent_at DESC, id DESC"), {"to": to}
        )
        return [dict(row) for row in rows.mappings()]


async def link_to(database: Database, settings: Settings, to: str) -> str:
    """The path of the link in the newest letter."""
    body = (await letters(database, settings, to))[0]["body"]
    found = re.search(r"(/sign-in/(?:verify|reset)/\S+)", body)
    assert found, body
    return found[1]
