"""Say that what a visitor reads of some products is out of date: the worker makes their listing anew."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

# A box shows what is in it, so touching a component touches its boxes.
# `changed_at` tells who kept facts of the product for a moment that they are old (checkout does).
_TOUCH = """
WITH touched AS (
    SELECT id FROM product WHERE {0}
    UNION
    SELECT box.product_id FROM product JOIN sku part ON part.product_id = product.id
    JOIN sku_content c ON c.stock_sku_id = part.id JOIN sku box ON box.id = c.sku_id WHERE {0}
), changed AS (
    UPDATE product SET changed_at = greatest(product.changed_at + interval '1 microsecond', CAST(:now AS timestamptz))
    FROM touched WHERE product.id = touched.id
)
INSERT INTO product_touched (product_id, touched_at)
SELECT id, CAST(:now AS timestamptz) FROM touched ORDER BY id
ON CONFLICT (product_id) DO UPDATE SET touched_at = excluded.touched_at
"""
_PRODUCTS = text(_TOUCH.replace("{0}", "product.id = ANY(:ids)"))
_COUNTIES = text(
    _TOUCH.replace("{0}", "(product.origin_county_code = ANY(:ids) OR product.made_county_code = ANY(:ids))")
)
_SUPPLIERS = text(_TOUCH.replace("{0}", "product.supplier_id = ANY(:ids)"))
_PRODUCERS = text(_TOUCH.replace("{0}", "product.producer_id = ANY(:ids)"))


async def touch(session: WriteSession, product_ids: Collection[UUID], *, now: datetime) -> None:
    """In the transaction of the change, so that no change is ever missed."""
    if product_ids:
        await session.execute(_PRODUCTS, {"ids": sorted(product_ids), "now": now})


async def touch_counties(session: WriteSession, codes: Collection[str], *, now: datetime) -> None:
    """After a county got another name, designation or successor."""
    if codes:
        await session.execute(_COUNTIES, {"ids": sorted(codes), "now": now})


async def touch_producers(session: WriteSession, producer_ids: Collection[UUID], *, now: datetime) -> None:
    """After a producer was confirmed or corrected."""
    if producer_ids:
        await session.execute(_PRODUCERS, {"ids": sorted(producer_ids), "now": now})


async def touch_suppliers(session: WriteSession, supplier_ids: Collection[UUID], *, now: datetime) -> None:
    """After freight or a discount of a supplier changed."""
    if supplier_ids:
        await session.execute(_SUPPLIERS, {"ids": sorted(supplier_ids), "now": now})
