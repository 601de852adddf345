"""Facts of goods, kept for a second: the same goods are bought again and again, and reading them costs most.

Nothing rests on them being right. The placing statement checks prices, papers, stock and `changed_at` of every product
again; when it refuses, or anything looks wrong, the facts are read anew. Facts of the buyer are never kept.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from orders.checkout.facts import Connection, Goods, RuleFacts, SkuFacts, SupplierFacts, goods_of
from shop.core import clock

KEPT = timedelta(seconds=1)
MOST = 20_000


class RecentGoods:
    """One a process and database. A clock that was set makes everything old."""

    def __init__(self) -> None:
        self._skus: dict[UUID, tuple[datetime, SkuFacts]] = {}
        self._suppliers: dict[tuple[UUID, str], tuple[datetime, SupplierFacts]] = {}
        self._regions: dict[str, tuple[datetime, bool, RuleFacts | None]] = {}

    async def goods(
        self, connection: Connection, *, sku_ids: Collection[UUID], region_code: str, now: datetime
    ) -> Goods:
        """Facts of at most a second ago, reading what is missing."""
        if found := self._found(sku_ids, region_code, now):
            return found
        read = await goods_of(connection, sku_ids=sku_ids, region_code=region_code, now=now)
        self.keep(read, region_code, now)
        return read

    def keep(self, goods: Goods, region_code: str, now: datetime) -> None:
        if len(self._skus) > MOST or len(self._suppliers) > MOST or len(self._regions) > MOST:
            for kept in (self._skus, self._suppliers, self._regions):
                kept.clear()
        self._skus |= {sku.id: (now, sku) for sku in goods.skus}
        self._suppliers |= {(seller.id, region_code): (now, seller) for seller in goods.suppliers}
        self._regions[region_code] = (now, goods.region_known, goods.rule)

    def _found(self, sku_ids: Collection[UUID], region_code: str, now: datetime) -> Goods | None:
        place = self._regions.get(region_code)
        if place is None or not _recent(place[0], now):
            return None
        skus = []
        suppliers = {}
        for sku_id in sku_ids:
            kept = self._skus.get(sku_id)
            if kept is None or not _recent(kept[0], now):
                return None
            seller = self._suppliers.get((kept[1].supplier_id, region_code))
            if seller is None or not _recent(seller[0], now):
                return None
            skus.append(kept[1])
            suppliers[seller[1].id] = seller[1]
        return Goods(skus, list(suppliers.values()), place[2], place[1])


def _recent(then: datetime, now: datetime) -> bool:
    return then <= now < then + KEPT and clock.business_day(then) == clock.business_day(now)
