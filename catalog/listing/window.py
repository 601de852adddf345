"""Small reads of the shop window's pages: which shelves there are, what is out of season, who answers for a county."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from catalog.county.queries import lineage
from catalog.listing.detail import ProductNotListed
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.window import in_force

# Distinct values by walking from one to the next in the index, however many products there are.
_VALUES = """
WITH RECURSIVE value AS (
    (SELECT {0} AS name FROM listing_row ORDER BY {0} LIMIT 1)
    UNION ALL
    SELECT (SELECT {0} FROM listing_row WHERE {0} > value.name ORDER BY {0} LIMIT 1) FROM value WHERE name IS NOT NULL
) SELECT name FROM value WHERE name IS NOT NULL
"""
_CATEGORIES = text(_VALUES.replace("{0}", "category"))
_PROVINCES = text(_VALUES.replace("{0}", "province"))
_ZONES = text("""
SELECT slug, title FROM zone z WHERE EXISTS (SELECT FROM zone_product p WHERE p.zone_slug = z.slug)
ORDER BY position, slug
""")
_LATE = text("""
SELECT product_id FROM listing_row
WHERE product_id = ANY(:ids) AND ship_months <> '{}' AND NOT :month = ANY(ship_months)
""")
_PICTURE = text("SELECT category, title FROM listing_row WHERE product_id = :id")
_ANSWERING = text(f"""
SELECT count(DISTINCT unit_id) AS units, min(valid_from) AS since FROM pairing
WHERE county_code = ANY(:codes) AND {in_force("", ":today")}
""")  # noqa: S608  # our own words


@dataclass(frozen=True, slots=True)
class Shelves:
    """zones: (slug, title). categories and provinces: those that something is listed under."""

    zones: list[tuple[str, str]]
    categories: list[str]
    provinces: list[str]


@dataclass(frozen=True, slots=True)
class Answering:
    """How many units are paired with a county today, and since when the first of them."""

    units: int
    since: date | None


async def shelves(session: ReadSession) -> Shelves:
    zones = [(row.slug, row.title) for row in await session.execute(_ZONES)]
    categories = list((await session.execute(_CATEGORIES)).scalars())
    return Shelves(zones, categories, list((await session.execute(_PROVINCES)).scalars()))


async def out_of_season(session: ReadSession, product_ids: Sequence[UUID], *, now: datetime) -> set[str]:
    """Ids, as text, of those of the products that are not shipped this month."""
    values = {"ids": list(product_ids), "month": clock.business_day(now).month}
    return {str(product_id) for product_id in (await session.execute(_LATE, values)).scalars()}


async def picture_of(session: ReadSession, product_id: UUID) -> tuple[str, str]:
    """Category and title, which a drawing is made of. Raises ProductNotListed."""
    row = (await session.execute(_PICTURE, {"id": product_id})).one_or_none()
    if row is None:
        raise ProductNotListed("没有这件商品，或者它已经下架。")
    return row.category, row.title


async def answers_for(session: ReadSession, county_code: str, *, today: date) -> Answering:
    """Pairings pass to a successor code, so the whole lineage counts."""
    codes = await lineage(session, county_code)
    row = (await session.execute(_ANSWERING, {"codes": codes, "today": today})).one()
    return Answering(row.units, row.since)
