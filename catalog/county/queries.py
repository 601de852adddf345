"""Reads of counties: which codes are known, and a code's lineage."""

from collections.abc import Collection

from sqlalchemy import text

from shop.core.database import ReadSession

_KNOWN = text("SELECT code FROM county WHERE code = ANY(:codes)")
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
