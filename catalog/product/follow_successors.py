"""Product origins follow a division code that was replaced, from the new code's first day."""

from datetime import date, datetime

from sqlalchemy import text

from catalog.product.touch import touch
from shop.core import clock
from shop.core.database import WriteSession

# A code that was divided has several heirs: which one grew it, a person must say.
_FOLLOW = text("""
WITH heir AS (
    SELECT s.code, min(s.successor_code) AS successor_code FROM county_successor s
    WHERE s.valid_from <= :day GROUP BY s.code HAVING count(*) = 1
)
UPDATE product p SET
    origin_county_code = coalesce(o.successor_code, p.origin_county_code),
    made_county_code = coalesce(m.successor_code, p.made_county_code)
FROM product q LEFT JOIN heir o ON o.code = q.origin_county_code LEFT JOIN heir m ON m.code = q.made_county_code
WHERE q.id = p.id AND (o.code IS NOT NULL OR m.code IS NOT NULL)
RETURNING p.id
""")


async def follow_successors(session: WriteSession, *, now: datetime) -> int:
    """Products moved on to the code of today; a chain of replacements takes one call a step. Repeating is harmless."""
    day: date = clock.business_day(now)
    moved = list((await session.execute(_FOLLOW, {"day": day})).scalars())
    await touch(session, moved, now=now)
    return len(moved)
