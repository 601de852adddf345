"""Make listings anew: for products that were touched, and for those of which a dated fact has changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.listing.card import made_of
from catalog.listing.facts import Facts, facts_of
from catalog.listing.terms import searchable
from catalog.product.take_touched import take_touched
from shop.core.database import WriteSession

BATCH = 500

# `made_at` lies in the future after development's clock was set back. Another worker's rows wait for the next round.
_TAKE_STALE = text("""
SELECT product_id FROM listing_row WHERE stale_at <= :now OR made_at > :now
ORDER BY stale_at LIMIT :batch FOR UPDATE SKIP LOCKED
""")
_REMOVE = text("DELETE FROM listing_row WHERE product_id = ANY(:ids) RETURNING product_id")
_WRITE = text("""
INSERT INTO listing_row (product_id, title, county_code, province, category, producer_id, designations, zones, terms,
    search_text, price_fen, sold, listed_at, ship_months, slots, stock_sku_ids,
    stock_pieces, card, detail, made_at, stale_at)
SELECT product_id, title, county_code, province, category, producer_id, designations, zones, terms,
    search_text, price_fen, sold, listed_at, ship_months, slots, stock_sku_ids,
    stock_pieces, card, detail, :now, stale_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS made(product_id uuid, title text, county_code text, province text,
    category text, producer_id uuid, designations text[], zones text[], terms text[], search_text text,
    price_fen bigint, sold bigint, listed_at timestamptz, ship_months bigint[], slots bigint[], stock_sku_ids uuid[],
    stock_pieces bigint[], card text,
    detail text, stale_at timestamptz)
ORDER BY product_id
ON CONFLICT (product_id) DO UPDATE SET title = excluded.title, county_code = excluded.county_code,
    province = excluded.province, category = excluded.category, producer_id = excluded.producer_id,
    designations = excluded.designations, zones = excluded.zones, terms = excluded.terms,
    search_text = excluded.search_text, price_fen = excluded.price_fen, sold = excluded.sold,
    listed_at = excluded.listed_at, ship_months = excluded.ship_months, slots = excluded.slots,
    stock_sku_ids = excluded.stock_sku_ids, stock_pieces = excluded.stock_pieces, card = excluded.card,
    detail = excluded.detail, made_at = excluded.made_at, stale_at = excluded.stale_at
""")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """taken: products that were looked at; made: rows written; removed: rows of what is not for sale any more."""

    taken: int
    made: int
    removed: int


async def refresh(session: WriteSession, product_ids: Sequence[UUID] | None = None, *, now: datetime) -> Refreshed:
    """Make the listings of these products, or of at most `BATCH` that were touched and `BATCH` that went stale.

    A product that is not listed, has no county code valid today or no price loses its row.
    """
    if product_ids is None:
        touched = await take_touched(session, most=BATCH)
        stale = (await session.execute(_TAKE_STALE, {"batch": BATCH, "now": now})).scalars()
        product_ids = list({*touched, *stale})
    if not product_ids:
        return Refreshed(0, 0, 0)
    syllables = _syllables()
    rows = [row for facts in await facts_of(session, product_ids, now=now) if (row := _row(facts, syllables, now))]
    gone = set(product_ids) - {row["product_id"] for row in rows}
    removed = (await session.execute(_REMOVE, {"ids": sorted(gone)})).scalars().all() if gone else ()
    if rows:
        await session.execute(_WRITE, {"rows": msgspec.json.encode(rows).decode(), "now": now})
    return Refreshed(len(product_ids), len(rows), len(removed))


def _row(facts: Facts, syllables: Callable[[str], list[str]], now: datetime) -> dict[str, object] | None:
    made = made_of(facts, now=now)
    if made is None or facts.county is None:
        return None
    found = searchable(_texts(facts), syllables)
    return {
        "product_id": facts.id,
        "title": facts.title,
        "county_code": facts.county.code,
        "province": facts.county.province,
        "category": facts.category,
        "producer_id": facts.producer.id,
        "designations": made.designations,
        "zones": [zone.slug for zone in facts.zones],
        "terms": sorted(found.terms),
        "search_text": found.text,
        "price_fen": made.price_fen,
        "sold": facts.sold,
        "listed_at": facts.created_at,
        "ship_months": facts.ship_months,
        "slots": [slot for slot, _, _ in made.stock],
        "stock_sku_ids": [sku_id for _, sku_id, _ in made.stock],
        "stock_pieces": [pieces for _, _, pieces in made.stock],
        "card": made.card,
        "detail": made.detail,
        "stale_at": made.stale_at,
    }


def _texts(facts: Facts) -> Iterable[str]:
    county = [facts.county.name, facts.county.province] if facts.county else []
    specs = {sku.spec for sku in facts.skus}
    inside = {content.title for sku in facts.skus for content in sku.contents} - {facts.title}
    return [facts.title, *county, facts.producer.name, facts.category, *sorted(specs), *sorted(inside)]


@cache
def _syllables() -> Callable[[str], list[str]]:
    """Pinyin of a run of characters, remembered: the same counties and producers come again and again."""
    # Its dictionaries take 55 MiB. Only the worker and the command line make listings; the web process never pays.
    from pypinyin import lazy_pinyin  # noqa: PLC0415

    return lru_cache(maxsize=4096)(lazy_pinyin)
