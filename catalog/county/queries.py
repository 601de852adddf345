"""Reads of counties: the code valid today, its lineage, what it is designated as, who answers for it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text

from shop.core.database import ReadSession


@dataclass(frozen=True, slots=True)
class CountyNow:
    code: str
    name: str
    province: str
    prefecture: str | None


_KNOWN = text("SELECT code FROM county WHERE code = ANY(:codes)")
_TODAY = text("""
WITH RECURSIVE line AS (
    SELECT CAST(:code AS text) AS code, 0 AS depth
    UNION
    SELECT s.successor_code, depth + 1 FROM line JOIN county_successor s USING (code)
    WHERE s.valid_from <= :day AND depth < 20
)
SELECT c.code, c.name, c.province, c.prefecture FROM line JOIN county c USING (code)
WHERE (c.valid_from IS NULL OR c.valid_from <= :day) AND (c.valid_to IS NULL OR c.valid_to > :day)
ORDER BY depth DESC, c.code LIMIT 1
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
_DESIGNATIONS = text("""
SELECT county_code, kind FROM designation
WHERE county_code = ANY(:codes) AND (valid_from IS NULL OR valid_from <= :day) AND (valid_to IS NULL OR valid_to > :day)
ORDER BY county_code, kind
""")
_PAIRED = text("""
SELECT unit_id FROM pairing
WHERE county_code = :code AND valid_from <= :day AND (valid_to IS NULL OR valid_to > :day) ORDER BY unit_id
""")


async def unknown_codes(session: ReadSession, codes: Collection[str]) -> set[str]:
    """Those that are in no book, past or present."""
    known = await session.execute(_KNOWN, {"codes": sorted(codes)})
    return set(codes) - set(known.scalars())


async def county_today(session: ReadSession, code: str, day: date) -> CountyNow | None:
    """The county that stands for `code` on `day`: itself while valid, else what replaced it; None when nothing does.

    Where a code was divided, the smallest successor code: an origin that must be exact names it itself.
    """
    row = (await session.execute(_TODAY, {"code": code, "day": day})).first()
    return CountyNow(*row) if row else None


async def lineage(session: ReadSession, code: str) -> list[str]:
    """The code with all that came before it and after it, so that a year's figure follows a renumbered county."""
    return list((await session.execute(_LINEAGE, {"code": code})).scalars())


async def designations_on(session: ReadSession, codes: Collection[str], day: date) -> dict[str, list[str]]:
    """Code → kinds valid on the day; a code without any is missing. An unknown first day counts as long past."""
    found: dict[str, list[str]] = {}
    for row in await session.execute(_DESIGNATIONS, {"codes": sorted(codes), "day": day}):
        found.setdefault(row.county_code, []).append(row.kind)
    return found


async def paired_units(session: ReadSession, code: str, day: date) -> list[UUID]:
    """The units that answer for the county on the day."""
    return list((await session.execute(_PAIRED, {"code": code, "day": day})).scalars())
