"""Products: our own table, and the sample catalogue's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from catalog.county.designate import UnknownCounty
from catalog.county.on_day import today_of
from catalog.price.change_price import NewPrice
from catalog.producer.add_producer import NewProducer, add_producers
from catalog.producer.add_supplier import NewSupplier, add_suppliers
from catalog.producer.scope import supplier_ids
from catalog.product.add_product import NewProduct
from catalog.product.list_product import OriginCountyRequired, list_products
from catalog.review.ask import Asked
from catalog.review.bring import bring
from catalog.upload.kind import Column, Kind, Layout, Saving
from catalog.upload.kinds.county import SOURCE
from shop.access.permissions import Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.sheet.cells import Cells


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A row of either table. introduces: supplier and producer come with the row and are not confirmed."""

    product: NewProduct
    price_fen: int
    listed: bool
    introduces: bool
    same_producer: bool
    papers: tuple[str, ...] = ()
    county_name: str | None = None


_VAT: Final = re.compile(r"^(\d{1,2})\s*[%％]$")
_BADGES: Final = (("地理标志", "gi"), ("绿色", "green"), ("有机", "organic"))
_ALL_YEAR: Final = list(range(1, 13))
_COUNTIES = text(f"""
SELECT c.code, c.name, t.is_in_force AS usable
FROM county c CROSS JOIN LATERAL ({today_of("c.code", ":day")}) t WHERE c.code = ANY(:codes)
""")  # noqa: S608  # expressions of our own


def _ours(cells: Cells) -> ProductRow:
    supplier = cells.text("supplier")
    producer = cells.maybe("producer")
    return ProductRow(
        NewProduct(
            code=cells.code("code", longest=50),
            title=cells.text("title", longest=100),
            category=cells.text("category", longest=50),
            producer=producer or supplier,
            supplier=supplier,
            spec=cells.text("spec", longest=100),
            net_grams=cells.whole("net_grams", least=1, most=1_000_000),
            vat_basis_points=_vat(cells, "vat"),
            origin_county_code=cells.maybe_county("origin_county_code"),
            made_county_code=cells.maybe_county("made_county_code"),
            storage=cells.maybe("storage"),
            shelf_life_days=cells.maybe_whole("shelf_life_days", least=1, most=10_000),
            perishable=cells.flag("perishable"),
            harvest_months=cells.months("harvest_months"),
            ship_months=_ship_months(cells),
            certification=cells.maybe("certification"),
            note=cells.maybe("note"),
            source=cells.text("source"),
            weighed=_weighed(cells),
        ),
        price_fen=cells.fen("price_yuan"),
        listed=cells.flag("listed", blank=True),
        introduces=False,
        same_producer=producer is None,
    )


def _sample(cells: Cells) -> ProductRow:
    """The lowest price of the range; the producer is the supplier, and nobody has confirmed it."""
    supplier = cells.text("supplier_name")
    return ProductRow(
        NewProduct(
            code=cells.code("sku", longest=50),
            title=cells.text("product_name", longest=100),
            category=cells.text("category", longest=50),
            producer=supplier,
            supplier=supplier,
            spec=cells.text("spec", longest=100),
            net_grams=cells.whole("net_weight_g", least=1, most=1_000_000),
            vat_basis_points=_vat_hint(cells),
            origin_county_code=cells.maybe_county("county_code"),
            storage=cells.maybe("storage"),
            shelf_life_days=cells.maybe_whole("shelf_life_days", least=1, most=10_000),
            perishable=cells.flag("perishable"),
            harvest_months=cells.months("harvest_months"),
            ship_months=_ship_months(cells),
            certification=cells.maybe("certification"),
            note=cells.maybe("note"),
            source=cells.text("source"),
        ),
        price_fen=cells.fen("price_min_cny"),
        listed=True,
        introduces=True,
        same_producer=True,
        papers=_papers(cells.maybe("documents") or "") + _badges(cells.maybe("certification") or ""),
        county_name=cells.maybe("county"),
    )


def _ship_months(cells: Cells) -> list[int]:
    found = cells.months("ship_months")
    return [] if sorted(set(found)) == _ALL_YEAR else found


def _weighed(cells: Cells) -> bool:
    """Sold by weight: the price is then that of 500 g or of 1 kg, which the net weight says."""
    weighed = cells.flag("weighed")
    if weighed and cells.maybe("net_grams") not in {"500", "1000"}:
        cells.wrong("net_grams", "称重商品按 500 克或 1 千克计价，净重应为 500 或 1000")
    return weighed


def _vat(cells: Cells, column: str) -> int:
    found = cells.text(column)
    rate = _VAT.match(found)
    if rate:
        return int(rate[1]) * 100
    if found and "免税" not in found:
        cells.wrong(column, f"“{found}”应为 9%、13% 或 免税")
    return 0


def _vat_hint(cells: Cells) -> int:
    """`9%或自产免税` names two rates: the shop reckons with 9 % until the supplier proves the exemption."""
    hint = cells.maybe("vat_hint") or ""
    return 900 if "或" in hint and "9%" in hint else _vat(cells, "vat_hint")


def _papers(hint: str) -> tuple[str, ...]:
    """Which food papers the row names; of alternatives (`SC或合格证`) the first."""
    if "不开" in hint:
        return ()
    found = []
    for part in re.split(r"[+;；]", hint.split("或", maxsplit=1)[0]):
        if "SC" in part:
            found.append("licence")
        elif "检疫" in part or "检验" in part:
            found.append("inspection")
        elif "合格证" in part:
            found.append("conformity")
    return tuple(dict.fromkeys(found))


def _badges(certification: str) -> tuple[str, ...]:
    return tuple(kind for word, kind in _BADGES if word in certification)


async def _save_products(session: WriteSession, rows: Sequence[ProductRow], saving: Saving) -> Sequence[Asked]:
    """Products with their papers and retail price; listed at once when staff hands them in and the row says so.

    A supplier's own rows stay drafts: who writes does not approve (DOMAIN rule 20). Of goods that have been on the
    shelf what buyers were shown waits for a second person, whoever hands it in (rule 36).
    """
    now = saving.now
    reviewed = supplier_ids(saving.actor, Permission.PRODUCT_WRITE) is None
    listed = [i for i, row in enumerate(rows) if row.listed and reviewed]
    await _check_origins(session, rows, frozenset(listed), saving)
    await _introduce(session, rows, reviewed=reviewed, saving=saving)
    brought = await bring(
        session,
        actor=saving.actor,
        products=[row.product for row in rows],
        papers={row.product.code: row.papers for row in rows if row.papers},
        prices=[NewPrice(row.product.code, row.price_fen) for row in rows],
        reference=f"import:{saving.batch_id}",
        now=now,
    )
    ids = brought.product_ids
    await list_products(session, actor_id=saving.actor_id, product_ids=[ids[i] for i in listed], now=now)
    return brought.waiting


async def _introduce(session: WriteSession, rows: Sequence[ProductRow], *, reviewed: bool, saving: Saving) -> None:
    """Sellers and makers that only the row knows: added, not confirmed, and never overwriting what is known."""
    named = {row.product.supplier for row in rows if row.introduces and reviewed}
    suppliers = [NewSupplier(name, fictitious="虚构" in name) for name in sorted(named)]
    await add_suppliers(session, suppliers=suppliers, now=saving.now)
    producers = {
        one.producer: NewProducer(one.producer, _kind_of(one.producer), one.origin_county_code, one.source)
        for one in (row.product for row in rows if row.same_producer)
        if one.origin_county_code
    }
    await add_producers(session, producers=list(producers.values()), now=saving.now)


async def _check_origins(
    session: WriteSession, rows: Sequence[ProductRow], listed: frozenset[int], saving: Saving
) -> None:
    codes = sorted({row.product.origin_county_code for row in rows if row.product.origin_county_code})
    found = await session.execute(_COUNTIES, {"codes": codes, "day": clock.business_day(saving.now)})
    counties = {county.code: county for county in found}
    homeless, misnamed = [], []
    for i, row in enumerate(rows):
        code = row.product.origin_county_code
        county = counties.get(code or "")
        column = "county_code" if row.introduces else "origin_county_code"
        if i in listed and (county is None or not county.usable):
            said = "没有填产地县代码" if code is None else f"{code} 不是今天有效的行政区划代码"
            homeless.append(Detail(f"/{i}/{column}", OriginCountyRequired.code, f"{said}，不能上架"))
        elif county is not None and row.county_name not in (None, county.name):
            said = f"代码 {code} 是{county.name}，不是{row.county_name}"
            misnamed.append(Detail(f"/{i}/{column}", UnknownCounty.code, said))
    if homeless:
        raise OriginCountyRequired(errors=homeless)
    if misnamed:
        raise UnknownCounty(errors=misnamed)


def _kind_of(name: str) -> str:
    """As far as a name tells; a company is not a leading enterprise until a list says so."""
    if "合作社" in name:
        return "cooperative"
    return "family_farm" if "家庭农场" in name else "other"


_OURS = (
    Column("code", "商品编号", "SP001"),
    Column("title", "商品名称", "浑源黄芪片"),
    Column("category", "品类", "中药材/食药物质"),
    Column("supplier", "供应商", "示例供应商（虚构）"),
    Column("producer", "生产者", "", needed=False),
    Column("origin_county_code", "产地县代码", "140225"),
    Column("made_county_code", "加工地县代码", "", needed=False),
    Column("spec", "规格", "250g/袋"),
    Column("net_grams", "净重（克）", "250"),
    Column("price_yuan", "单价（元）", "38.00"),
    Column("vat", "税率", "9%"),
    Column("storage", "储存", "常温干燥", needed=False),
    Column("shelf_life_days", "保质期（天）", "730", needed=False),
    Column("perishable", "生鲜", "否", needed=False),
    Column("harvest_months", "采收月份", "4;10;11", needed=False),
    Column("ship_months", "发货月份", "", needed=False),
    Column("certification", "认证", "", needed=False),
    Column("note", "说明", "", needed=False),
    Column("listed", "上架", "是", needed=False),
    Column("weighed", "称重", "否", needed=False),
    SOURCE,
)
_SAMPLE = tuple(
    Column(name, title, "", needed)
    for name, title, needed in (
        ("sku", "SKU", True),
        ("county_code", "县代码", True),
        ("county", "县", False),
        ("province", "省份", False),
        ("supplier_name", "供应商名称", True),
        ("product_name", "品名", True),
        ("category", "品类", True),
        ("spec", "规格", True),
        ("net_weight_g", "净重g", True),
        ("price_min_cny", "最低价", True),
        ("price_max_cny", "最高价", False),
        ("harvest_months", "采收月份", False),
        ("ship_months", "发货月份", False),
        ("storage", "储存", False),
        ("shelf_life_days", "保质期（天）", False),
        ("certification", "认证", False),
        ("documents", "证照", False),
        ("vat_hint", "税率", True),
        ("perishable", "生鲜", False),
        ("note", "说明", False),
        ("source", "来源", True),
    )
)
PRODUCTS = Kind(
    "products",
    "商品",
    (Layout(_OURS, _ours), Layout(_SAMPLE, _sample)),
    _save_products,
    key=lambda row: row.product.code,
)
