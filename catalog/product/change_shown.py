"""What buyers are shown changes: by a decided review alone (an import contract keeps everybody else out)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from catalog.product.list_product import OriginCountyRequired
from catalog.product.shelf import Shown, codes_of_today
from catalog.product.touch import touch
from shop.core import clock
from shop.core.database import WriteSession

_PRODUCT = text("""
UPDATE product SET title = :title, producer_id = (SELECT id FROM producer WHERE name = :producer),
    origin_county_code = :origin_county_code, made_county_code = :made_county_code, certification = :certification
WHERE id = :id
""")
_SKU = text("""
UPDATE sku SET spec = :spec, net_grams = :net_grams, weighed = :weighed
FROM product p WHERE p.id = :id AND sku.product_id = p.id AND sku.code = p.code
""")


async def change_shown(
    session: WriteSession, *, product_id: UUID, shown: Shown, changes: Mapping[str, Any], now: datetime
) -> None:
    """shown: as `on_shelf` gave it, with the product's lock; changes: some of its facts. The caller notes who decided.

    Raises OriginCountyRequired when the new origin has no code any more.
    """
    facts = {**shown.facts, **changes}
    if "origin_county_code" in changes:
        origin = changes["origin_county_code"]
        today = await codes_of_today(session, [origin], day=clock.business_day(now))
        if origin not in today:
            raise OriginCountyRequired("新的产地县代码今天已经无效，请退回，由提交人改正后重新提交。")
        facts["origin_county_code"] = today[origin]
    await session.execute(_PRODUCT, {**facts, "id": product_id})
    await session.execute(_SKU, {**facts, "id": product_id})
    await touch(session, [product_id], now=now)
