"""Seals as anybody may read them: digests and signatures, no figures."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from orders.seal.header import header_of
from shop.core.database import ReadSession

_LIST = text("SELECT * FROM seal WHERE number < :before ORDER BY number DESC LIMIT :limit")
_ONE = text("SELECT * FROM seal WHERE number = :number")
# Whatever is in no seal was written since the last one's horizon (see seal.py). Those few are looked up one by one: as
# NOT EXISTS the planner would read all members.
_UNSEALED = text("""
SELECT count(*) AS entries, min(e.recorded_at) AS oldest FROM credit_entry e
WHERE e.xid >= coalesce((SELECT horizon FROM seal ORDER BY number DESC LIMIT 1), '0'::xid8)
    AND (SELECT m.seal_number FROM seal_member m WHERE m.period_month = e.period_month AND m.entry_id = e.id) IS NULL
""")


def seal_json(seal: Row[Any]) -> dict[str, Any]:
    """The header, its SHA-256 and its signature."""
    return header_of(seal).said | {"sha256": seal.sha256, "signature": seal.signature}


async def seals(session: ReadSession, *, before: int, limit: int) -> list[dict[str, Any]]:
    """The youngest first."""
    return [seal_json(row) for row in await session.execute(_LIST, {"before": before, "limit": limit})]


async def seal_numbered(session: ReadSession, number: int | None) -> dict[str, Any] | None:
    """What a report stands on; None where nothing was sealed yet."""
    if number is None:
        return None
    row = (await session.execute(_ONE, {"number": number})).one_or_none()
    return None if row is None else seal_json(row)


async def unsealed(session: ReadSession) -> Row[int, datetime | None]:
    """Row of (entries, oldest): what no seal holds yet, and when the oldest of it was recorded."""
    return (await session.execute(_UNSEALED)).one()
