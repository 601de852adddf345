"""Facts of goods, kept for ten seconds: the same goods are bought again and again, and reading them costs most.

Nothing rests on them being right. The placing statement checks prices, papers, stock and `changed_at` of every product
again, and every verb that changes what a buyer sees touches the product; when the statement refuses, or anything looks
wrong, the facts are read anew. Facts of the buyer are never kept.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from orders.checkout.facts import Connection, Goods, SkuFacts, SupplierFacts, goods_of
from orders.credit.rules import Rule
from shop.core import clock

KEPT = timedelta(seconds=10)
MOST = 20_000


class RecentGoods:
    """One a process and database. A clock that was set makes everything old."""

    def __init__(self) -> None:
        self._skus: dict[UUID, tuple[datetime, SkuFacts]] = {}
        self._suppliers: dict[tuple[UUID, str], tuple[datetime, SupplierFacts]] = {}
        self._regions: dict[str, tuple[datetime, bool, Rule | None]] = {}

    async def goods(
        self, connection: Connection, *, sku_ids: Collection[UUID], region_code: str, now: datetime
    ) -> Goods:
        """Facts of a moment ago; only what is missing is read."""
        missing = [sku_id for sku_id in sku_ids if not self._knows(sku_id, region_code, now)]
        place = self._regions.get(region_code)
        if missing or place is None or not _recent(place[0], now):
            self.keep(await goods_of(connection, sku_ids=missing, region_code=region_code, now=now), region_code, now)
        skus = [self._skus[sku_id][1] for sku_id in sku_ids if sku_id in self._skus]
        suppliers = [self._suppliers[key][1] for key in {(sku.supplier_id, region_code) for sku in skus}]
        _, region_known, rule = self._regions[region_code]
        return Goods(skus, suppliers, rule, region_known)

    def keep(self, goods: Goods, region_code: str, now: datetime) -> None:
        if len(self._skus) > MOST or len(self._suppliers) > MOST or len(self._regions) > MOST:
            for kept in (self._skus, self._suppliers, self._regions):
                kept.clear()
        self._skus |= {sku.id: (now, sku) for sku in goods.skus}
        self._suppliers |= {(seller.id, region_code): (now, seller) for seller in goods.suppliers}
        self._regions[region_code] = (now, goods.region_known, goods.rule)

    def _knows(self, sku_id: UUID, region_code: str, now: datetime) -> bool:
        sku = self._skus.get(sku_id)
        if sku is None or not _recent(sku[0], now):
            return False
        seller = self._suppliers.get((sku[1].supplier_id, region_code))
        return seller is not None and _recent(seller[0], now)


def _recent(then: datetime, now: datetime) -> bool:
    return then <= now < then + KEPT and clock.business_day(then) == clock.business_day(now)
