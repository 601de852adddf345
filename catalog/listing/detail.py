"""One product with everything its page shows."""

from datetime import datetime
from uuid import UUID

from catalog.listing.query import FILLED, STOCK
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound

_DETAIL = f"""
SELECT convert_to({FILLED.format(text="detail", month="$2")}, 'UTF8') AS detail
FROM listing_row AS l {STOCK} WHERE l.product_id = $1
"""  # noqa: S608  # our own constants; the id and the month are values


class ProductNotListed(NotFound):
    """Never was, is a draft, or was taken down."""

    code = "product_not_found"


async def detail(database: Database, product_id: UUID, *, now: datetime) -> bytes:
    """Finished JSON, pieces available included. Raises ProductNotListed."""
    row = await database.hot.fetchrow(_DETAIL, product_id, clock.business_day(now).month)
    if row is None:
        raise ProductNotListed("没有这件商品，或者它已经下架。请用搜索找找别的。")
    return bytes(row["detail"])
