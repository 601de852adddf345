"""What buyers were shown of goods: once they have stood on the shelf, it changes by the word of two people."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text

from catalog.county.on_day import today_of
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Problem

SHOWN: Final = (
    "title", "producer", "origin_county_code", "made_county_code", "certification", "spec", "net_grams", "weighed",
)  # fmt: skip
"""Facts that wait for a second person (DOMAIN rules 20 and 36): title, producer, origin (grown and made),
certification, and weight: in grams, in words (`spec`), and whether a piece is one at all."""


class ReviewNeeded(Problem):
    """A change of goods that have been on the shelf, by a way that asks nobody else. Nothing was saved."""

    status = 409
    code = "review_needed"
    title = "上过架的商品，这些内容须由另一个人审核"


@dataclass(frozen=True, slots=True)
class Shown:
    """facts: those of SHOWN, a producer by name, counties by code."""

    supplier_id: UUID
    producer_id: UUID
    facts: Mapping[str, Any]


_LOCK = text("SELECT id FROM product WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
# A draft inside a box that has been on the shelf is shown there, and the box's credit follows it.
_SHOWN = text("""
SELECT p.id, p.supplier_id, p.producer_id, jsonb_build_object('title', p.title, 'producer', m.name,
    'origin_county_code', p.origin_county_code, 'made_county_code', p.made_county_code,
    'certification', p.certification, 'spec', s.spec, 'net_grams', s.net_grams, 'weighed', s.weighed) AS facts
FROM product p JOIN producer m ON m.id = p.producer_id LEFT JOIN sku s ON s.product_id = p.id AND s.code = p.code
WHERE p.id = ANY(:ids) AND (p.state <> 'draft' OR EXISTS (
    SELECT FROM sku part JOIN sku_content c ON c.stock_sku_id = part.id JOIN sku box ON box.id = c.sku_id
    JOIN product b ON b.id = box.product_id WHERE part.product_id = p.id AND b.state <> 'draft'))
""")
_TODAY = text(f"""
SELECT w.code, c.code AS today FROM unnest(:codes) AS w(code)
CROSS JOIN LATERAL ({today_of("w.code", ":day")}) c WHERE c.is_in_force
""").bindparams(bindparam("codes", type_=ARRAY(Text)))  # noqa: S608  # an expression of our own


async def on_shelf(session: WriteSession, product_ids: Collection[UUID]) -> dict[UUID, Shown]:
    """Those of the products that are or were listed, or lie in a box that is or was; all of them locked, in order."""
    ids = sorted(product_ids)
    await session.execute(_LOCK, {"ids": ids})
    found = await session.execute(_SHOWN, {"ids": ids})
    return {row.id: Shown(row.supplier_id, row.producer_id, row.facts) for row in found}


async def codes_of_today(session: ReadSession, codes: Collection[str], *, day: date) -> dict[str, str]:
    """Code → the county's code on that day, of those that have one."""
    rows = await session.execute(_TODAY, {"codes": sorted(codes), "day": day}) if codes else ()
    return {row.code: row.today for row in rows}
