"""Seals as anybody may read them: digests and signatures, no figures."""

from typing import Any

from sqlalchemy import Row, text

from orders.seal.header import Header, stamp
from shop.core.database import ReadSession

_LIST = text("SELECT * FROM seal WHERE number < :before ORDER BY number DESC LIMIT :limit")
_ONE = text("SELECT * FROM seal WHERE number = :number")


def seal_json(seal: Row[Any]) -> dict[str, Any]:
    """The header, its SHA-256 and its signature."""
    header = Header(
        seal.number, seal.format, seal.entries, seal.root, seal.previous, stamp(seal.sealed_at), seal.key_id
    )
    return {
        "number": header.number,
        "format": header.format,
        "entries": header.entries,
        "root": header.root,
        "previous": header.previous,
        "sealed_at": header.sealed_at,
        "key_id": header.key_id,
        "sha256": seal.sha256,
        "signature": seal.signature,
    }


async def seals(session: ReadSession, *, before: int, limit: int) -> list[dict[str, Any]]:
    """The youngest first."""
    return [seal_json(row) for row in await session.execute(_LIST, {"before": before, "limit": limit})]


async def seal_numbered(session: ReadSession, number: int | None) -> dict[str, Any] | None:
    """What a report stands on; None where nothing was sealed yet."""
    if number is None:
        return None
    row = (await session.execute(_ONE, {"number": number})).one_or_none()
    return None if row is None else seal_json(row)
