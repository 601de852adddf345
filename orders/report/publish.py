"""A report leaves the shop: signed, and remembered by its digest, so that a print of it can be checked by anybody."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.report.sales import SalesReport
from orders.seal.key import SealKey
from orders.seal.key_list import signs, take_key
from shop.core.database import Database, ReadSession

CODE_LENGTH = 16
_SUMMARY = ("period", "view", "filters", "unit", "group_by", "totals", "recognised_fen")
_REMEMBER = text("""
INSERT INTO published_report (digest, code, known_at, summary, published_by, published_at)
VALUES (CAST(:digest AS text), left(CAST(:digest AS text), 16), :known_at, CAST(:summary AS jsonb), :by, :now)
ON CONFLICT DO NOTHING
""")
_FIND = text("SELECT digest, code, known_at, summary, published_at FROM published_report WHERE code = :code")


async def publish(
    database: Database, report: SalesReport, key: SealKey, *, by: UUID | None, now: datetime
) -> dict[str, Any]:
    """The document as it goes out; the same report again is remembered once. by: None for the command line.

    Raises SealKeyUnknown.
    """
    async with database.reading() as session:
        listed = await signs(session, key)
    if not listed:
        async with database.transaction() as session:
            await take_key(session, key, now=now)
    document = report.published(key)
    summary = {name: document[name] for name in _SUMMARY}
    summary |= report.known_at_asked | {
        "rows": len(document["rows"]),
        "seal": document["seal"] and document["seal"]["number"],
    }
    facts = {
        "digest": document["digest"],
        "known_at": report.known.at,
        "summary": msgspec.json.encode(summary).decode(),
        "by": by,
        "now": now,
    }
    async with database.transaction() as session:
        await session.execute(_REMEMBER, facts)
    return document


def code_of(digest: str) -> str:
    """What is printed on a report: 16 hex digits, in groups of four."""
    code = digest[:CODE_LENGTH]
    return "-".join(code[place : place + 4] for place in range(0, CODE_LENGTH, 4))


async def published_under(session: ReadSession, typed: str) -> dict[str, Any] | None:
    """The report with a code, however it was typed; None if the shop never published one under it."""
    code = "".join(sign for sign in typed.lower() if sign in "0123456789abcdef")
    row = (await session.execute(_FIND, {"code": code})).mappings().one_or_none()
    return None if row is None else dict(row)
