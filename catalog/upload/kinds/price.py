"""Prices and stock."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from catalog.price.change_price import NewPrice, UnknownSku
from catalog.price.models import PRICE_LIST_NAMES
from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.review.ask import Asked
from catalog.review.bring import bring
from catalog.stock.count import Counted, count
from catalog.stock.receive import Arrived, receive
from catalog.upload.kind import Column, Kind, Layout, Saving
from shop.access.permissions import Permission
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.sheet.cells import Cells

_LISTS = {name: code for code, name in PRICE_LIST_NAMES.items()}
_MOVES = {"入库": "received", "盘点": "counted"}


@dataclass(frozen=True, slots=True)
class StockRow:
    sku_code: str
    move: str
    pieces: int


def _price(cells: Cells) -> NewPrice:
    return NewPrice(
        sku_code=cells.code("sku_code"),
        fen=cells.fen("price_yuan"),
        list=cells.choice("list", _LISTS, blank="retail"),
        min_quantity=cells.maybe_whole("min_quantity", least=1, most=1_000_000) or 1,
        valid_from=cells.maybe_moment("valid_from"),
    )


async def _save_prices(session: WriteSession, rows: Sequence[NewPrice], saving: Saving) -> Sequence[Asked]:
    reference = f"import:{saving.batch_id}"
    return (await bring(session, actor=saving.actor, prices=rows, reference=reference, now=saving.now)).waiting


def _stock(cells: Cells) -> StockRow:
    move = cells.choice("move", _MOVES)
    return StockRow(
        cells.code("sku_code"), move, cells.whole("pieces", least=1 if move == "received" else 0, most=10_000_000)
    )


_SKUS = text("""
SELECT s.code, s.id, p.supplier_id FROM sku s JOIN product p ON p.id = s.product_id
WHERE s.code = ANY(:codes) AND EXISTS (SELECT FROM sku_content c WHERE c.sku_id = s.id AND c.stock_sku_id = s.id)
""")


async def _save_stock(session: WriteSession, rows: Sequence[StockRow], saving: Saving) -> None:
    """Arrivals first, then counts; a box has no stock of its own."""
    found = await session.execute(_SKUS, {"codes": sorted({one.sku_code for one in rows})})
    skus: dict[str, tuple[UUID, UUID]] = {row.code: (row.id, row.supplier_id) for row in found}
    unknown = [
        Detail(f"/{i}/sku_code", UnknownSku.code, f"没有可以入库的规格编号 {one.sku_code}")
        for i, one in enumerate(rows)
        if one.sku_code not in skus
    ]
    if unknown:
        raise UnknownSku(errors=unknown)
    mine = supplier_ids(saving.actor, Permission.PRODUCT_WRITE)
    strangers = [
        Detail(f"/{i}/sku_code", NotYourSupplier.code, f"规格 {one.sku_code} 不属于您的供应商账号")
        for i, one in enumerate(rows)
        if mine is not None and skus[one.sku_code][1] not in mine
    ]
    if strangers:
        raise NotYourSupplier(errors=strangers)

    def of(index: int) -> tuple[UUID, int, str]:
        return skus[rows[index].sku_code][0], rows[index].pieces, f"import:{saving.batch_id}:{saving.numbers[index]}"

    arrived = [Arrived(*of(i)) for i, one in enumerate(rows) if one.move == "received"]
    counted = [Counted(*of(i)) for i, one in enumerate(rows) if one.move == "counted"]
    await receive(session, actor_id=saving.actor_id, arrived=arrived, now=saving.now)
    await count(session, actor_id=saving.actor_id, counted=counted, now=saving.now)


_SKU = Column("sku_code", "规格编号", "SP001")
PRICES = Kind(
    "prices",
    "价格",
    (
        Layout(
            (
                _SKU,
                Column("price_yuan", "单价（元）", "38.00"),
                Column("list", "价目", "零售", needed=False),
                Column("min_quantity", "起订件数", "1", needed=False),
                Column("valid_from", "生效日期", "", needed=False),
            ),
            _price,
        ),
    ),
    _save_prices,
)
STOCK = Kind(
    "stock",
    "库存",
    (Layout((_SKU, Column("move", "方式", "入库"), Column("pieces", "件数", "500")), _stock),),
    _save_stock,
    key=lambda row: row.sku_code if row.move == "counted" else None,
)
