"""What it would cost, whether it would arrive and what it would count for, read now and promised to nobody."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from orders.allowance.queries import purses_of
from orders.cart.put_line import UnknownSku
from orders.checkout.facts import facts_for
from orders.checkout.problems import RegionUnknown
from orders.checkout.quote import quote
from orders.checkout.quoted import CheckoutQuoteOut, quoted_out
from orders.checkout.tender import most_fen
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Detail

_LAST_REGION = text("""
SELECT coalesce(
    (SELECT d.region_code FROM shop_order o JOIN delivery d ON d.id = o.id WHERE o.buyer_id = :user_id
        ORDER BY o.placed_at DESC LIMIT 1),
    (SELECT region_code FROM address WHERE person_id = :person_id ORDER BY used_at DESC LIMIT 1))
""")


async def preview(
    database: Database,
    requested: Sequence[tuple[UUID, int]],
    *,
    person_id: UUID | None,
    region_code: str | None,
    now: datetime,
) -> CheckoutQuoteOut:
    """Quote (SKU, pieces); person_id None is a visitor, region_code None means nobody said where to.

    Raises UnknownSku with one detail a line, RegionUnknown.
    """
    async with database.hot.acquire() as connection:
        facts = await facts_for(
            connection,
            sku_ids=[sku_id for sku_id, _ in requested],
            person_id=person_id,
            region_code=region_code or "",
            now=now,
        )
    quoted = quote(requested, facts, now=now)
    if unknown := [i for i, line in enumerate(quoted.lines) if line.sku is None]:
        details = [Detail(f"/lines/{i}", "unknown_sku", "没有这个规格") for i in unknown]
        raise UnknownSku("请从商品页重新选择规格。", details)
    if region_code is not None and not facts.region_known:
        raise RegionUnknown(
            "请重新选择收货的省、市、县。", [Detail("/address/region_code", "region_unknown", "没有这个区划代码")]
        )
    most = 0
    if person_id is not None:
        async with database.reading() as session:
            most = most_fen(quoted, await purses_of(session, person_id, day=clock.business_day(now)))
    return quoted_out(quoted, region_code, allowance_fen=most)


async def last_region(session: ReadSession, *, user_id: UUID, person_id: UUID) -> str | None:
    """Where the last order went, else the address used last."""
    found: str | None = await session.scalar(_LAST_REGION, {"user_id": user_id, "person_id": person_id})
    return found
