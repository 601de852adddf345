"""Reads of counties: which codes are known, and a code's lineage."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, text

from shop.core.database import ReadSession

SHOWN_MOST: Final = 100
_KNOWN = text("SELECT code FROM county WHERE code = ANY(:codes)")
_SUCCESSIONS = text("""
SELECT s.code, o.name, s.successor_code, n.name AS successor_name, s.valid_from, s.source FROM county_successor s
JOIN county o ON o.code = s.code JOIN county n ON n.code = s.successor_code
ORDER BY s.valid_from DESC, s.code LIMIT :most
""")
_LINEAGE = text("""
WITH RECURSIVE line AS (
    SELECT CAST(:code AS text) AS code
    UNION
    SELECT CASE WHEN s.code = line.code THEN s.successor_code ELSE s.code END
    FROM line JOIN county_successor s ON line.code IN (s.code, s.successor_code)
)
SELECT code FROM line ORDER BY code
""")


async def unknown_codes(session: ReadSession, codes: Collection[str]) -> set[str]:
    """Those that are in no book, past or present."""
    known = await session.execute(_KNOWN, {"codes": sorted(codes)})
    return set(codes) - set(known.scalars())


async def lineage(session: ReadSession, code: str) -> list[str]:
    """The code with all that came before it and after it, so that a year's figure follows a renumbered county."""
    return list((await session.execute(_LINEAGE, {"code": code})).scalars())


async def successions(session: ReadSession) -> list[Row[Any]]:
    """Rows of (code, name, successor_code, successor_name, valid_from, source), the newest first, at most 100."""
    return list(await session.execute(_SUCCESSIONS, {"most": SHOWN_MOST}))
