"""Which unit, county, producer, supplier and product a row means, on its day. What is unknown is the row's mistake."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, bindparam, text

from orders.credit.ahead import kept_months
from orders.intake.row import SaleRow
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.ids import derived_id
from shop.sheet.value import plain

_TEXTS = ARRAY(Text)
_UNITS = text("""
SELECT id, code, name, valid_from, valid_to FROM unit WHERE code = ANY(:names) OR name = ANY(:names) ORDER BY code
""").bindparams(bindparam("names", type_=_TEXTS))
# By code, or by province and name: never by a name alone. A code that was replaced leads to its successors.
_COUNTIES = text("""
SELECT DISTINCT k.code, n.name, k.province, k.valid_from, k.valid_to,
    (SELECT jsonb_agg(jsonb_build_array(s.successor_code, s.valid_from)) FROM county_successor s WHERE s.code = k.code)
        AS successors
FROM county k CROSS JOIN LATERAL (SELECT k.name UNION SELECT alias FROM county_alias a WHERE a.code = k.code) AS n(name)
WHERE k.code = ANY(:names) OR n.name = ANY(:names) OR k.province || n.name = ANY(:names) ORDER BY k.code
""").bindparams(bindparam("names", type_=_TEXTS))
_PRODUCERS = text("SELECT id, name FROM producer WHERE name = ANY(:names)").bindparams(bindparam("names", type_=_TEXTS))
_SUPPLIERS = text("SELECT id, name FROM supplier WHERE name = ANY(:names)").bindparams(bindparam("names", type_=_TEXTS))
_PRODUCTS = text("""
SELECT p.id, p.code, p.title, p.category, p.producer_id, p.supplier_id, p.origin_county_code, s.code AS sku_code,
    s.net_grams, n.number
FROM product p LEFT JOIN sku s ON s.product_id = p.id AND s.code = ANY(:names)
LEFT JOIN recognition n ON n.product_id = p.id AND n.number = ANY(:numbers)
WHERE p.code = ANY(:names) OR p.title = ANY(:names) OR s.code IS NOT NULL OR n.number IS NOT NULL ORDER BY p.code
""").bindparams(bindparam("names", type_=_TEXTS), bindparam("numbers", type_=_TEXTS))
_WIDE: Final = str.maketrans("()", "（）")


async def look_up(session: ReadSession, rows: Sequence[SaleRow], *, units: frozenset[UUID] | None, today: date) -> None:
    """Fill in the rows' ids, or note what is not known. units: those the uploader may import for; None: all."""
    known_units = _by_name(await session.execute(_UNITS, _names(row.unit_name for row in rows)), "code", "name")
    places = _names(name for row in rows for name in (row.county_name, plain(row.province) + plain(row.county_name)))
    counties = _by_name(await session.execute(_COUNTIES, places), "code", "name", "full")
    producers = _by_name(await session.execute(_PRODUCERS, _names(row.producer_name for row in rows)), "name")
    suppliers = _by_name(
        await session.execute(
            _SUPPLIERS, _names(name for row in rows for name in (row.supplier_name, row.producer_name))
        ),
        "name",
    )
    named = _names(row.product_name for row in rows)
    named["numbers"] = sorted({row.recognition_number for row in rows if row.recognition_number})
    products = _by_name(await session.execute(_PRODUCTS, named), "code", "title", "sku_code", "number")
    first, last = await kept_months(session)
    for row in rows:
        if row.day is None:
            continue
        if row.day > today:
            row.wrong("day", f"{row.day} 还没有到")
        elif clock.month_of(row.day) < first:
            row.wrong("day", f"{row.day} 太早，账簿从 {clock.first_of(first)} 开始")
        elif clock.month_of(row.day) > last:
            row.wrong("day", f"账簿里还没有 {row.day} 所在的月份，请稍后再试")
        _unit(row, known_units, units)
        _producer(row, producers)
        _product(row, products)
        _supplier(row, suppliers)
        _county(row, counties)
    origins = _names(name for row in rows for name in _origins(row, products))
    _compare_origins(rows, products, _by_name(await session.execute(_COUNTIES, origins), "code"))


def _names(written: Iterable[str]) -> dict[str, Any]:
    """As written, and with the brackets that names of units have."""
    names = {one for one in written if one}
    return {"names": sorted(names | {one.translate(_WIDE) for one in names} | {plain(one) for one in names})}


def _by_name(found: Iterable[Row[Any]], *columns: str) -> Mapping[str, list[Row[Any]]]:
    """Rows by each of these columns; `full`: province and name together."""
    by_name: dict[str, list[Row[Any]]] = defaultdict(list)
    for one in found:
        names = {one.province + one.name if column == "full" else getattr(one, column) for column in columns}
        for name in names - {None}:
            by_name[plain(name)].append(one)
    return by_name


def _holds(one: Row[Any], day: date) -> bool:
    return (one.valid_from is None or one.valid_from <= day) and (one.valid_to is None or day < one.valid_to)


def _unit(row: SaleRow, known: Mapping[str, list[Row[Any]]], units: frozenset[UUID] | None) -> None:
    if not row.unit_name or row.day is None:
        return
    ids = {one.id for one in known.get(plain(row.unit_name), ()) if _holds(one, row.day)}
    ids = ids if units is None else ids & units
    if len(ids) == 1:
        row.unit_id = ids.pop()
    elif ids:
        row.wrong("unit", f"有几个单位都叫“{row.unit_name}”，请改写单位编号")
    else:
        row.wrong("unit", f"没有“{row.unit_name}”这个单位，或它不在您的范围内", "unit_unknown")


def _producer(row: SaleRow, known: Mapping[str, list[Row[Any]]]) -> None:
    found = known.get(plain(row.producer_name), ()) if row.producer_name else ()
    if found:
        row.producer_id = found[0].id
    elif row.producer_name:
        row.wrong("producer", f"没有“{row.producer_name}”这个生产者，请先登记", "producer_unknown")


def _product(row: SaleRow, known: Mapping[str, list[Row[Any]]]) -> None:
    """A product of the catalogue by recognition, code or title; else one that only the channel has."""
    if row.producer_id is None or not row.product_name:
        return
    if row.recognition_number:
        certified = [one for one in known.get(row.recognition_number, ()) if one.number == row.recognition_number]
        if not certified:
            row.wrong("recognition_number", f"没有登记过认定编号“{row.recognition_number}”", "recognition_unknown")
            return
        candidates: Collection[Row[Any]] = certified
    else:
        candidates = known.get(plain(row.product_name), ())
    mine = [one for one in candidates if one.producer_id == row.producer_id]
    if not mine and (row.recognition_number or any(plain(row.product_name) == plain(one.code) for one in candidates)):
        row.wrong("producer", f"“{row.product_name}”登记的生产者不是“{row.producer_name}”")
        return
    if not mine:
        row.product_id = derived_id("outside_product", row.producer_id, plain(row.product_name))
        row.category = row.category or "其他"
        return
    one = mine[0]
    row.product_id = one.id
    row.category = row.category or one.category
    row.supplier_id = one.supplier_id if not row.supplier_name else None
    if one.sku_code and not row.grams:
        row.grams = one.net_grams * row.quantity_milli // 1000


def _supplier(row: SaleRow, known: Mapping[str, list[Row[Any]]]) -> None:
    if row.supplier_id is not None or row.producer_id is None:
        return
    found = known.get(plain(row.supplier_name or row.producer_name), ())
    if found:
        row.supplier_id = found[0].id
    elif row.supplier_name:
        row.wrong("supplier", f"没有“{row.supplier_name}”这个供应商，请先登记", "supplier_unknown")
    else:
        row.wrong("supplier", "不能为空：这个生产者不是供应商", "cell_blank")


def _county(row: SaleRow, known: Mapping[str, list[Row[Any]]]) -> None:
    if not row.county_name or row.day is None:
        return
    name = plain(row.county_name)
    codes = set()
    for one in [*known.get(name, ()), *known.get(plain(row.province) + name, ())]:
        by_name_alone = name not in (one.code, plain(one.province + one.name))
        if by_name_alone and not (row.province and one.province.startswith(plain(row.province)[:8])):
            continue
        codes.add(_on(one, row.day) or (one.code if _holds(one, row.day) else ""))
    codes -= {""}
    if len(codes) == 1:
        row.county_code = codes.pop()
    elif codes:
        row.wrong("county", f"“{row.county_name}”有几个，请改写六位区划代码")
    elif not row.province and name in known:
        row.wrong("province", "只写县名分不清是哪个省的，请写省份，或把县改写成六位区划代码", "county_unclear")
    else:
        row.wrong("county", f"{row.day} 没有“{row.province}{row.county_name}”这个县", "county_unknown")


def _on(one: Row[Any], day: date) -> str | None:
    """The code that had replaced this one by then."""
    codes = sorted(code for code, since in one.successors or () if date.fromisoformat(since) <= day)
    return codes[0] if codes else None


def _origins(row: SaleRow, products: Mapping[str, list[Row[Any]]]) -> list[str]:
    return [one.origin_county_code for one in _mine(row, products) if one.origin_county_code]


def _mine(row: SaleRow, products: Mapping[str, list[Row[Any]]]) -> list[Row[Any]]:
    found = products.get(row.recognition_number) or products.get(plain(row.product_name)) or []
    return [one for one in found if one.id == row.product_id]


def _compare_origins(
    rows: Sequence[SaleRow], products: Mapping[str, list[Row[Any]]], counties: Mapping[str, list[Row[Any]]]
) -> None:
    """Goods of the catalogue come from where the catalogue says, whatever the channel writes."""
    for row in rows:
        if row.day is None or row.county_code is None:
            continue
        for code in _origins(row, products)[:1]:
            origin = next(iter(counties.get(code, ())), None)
            if origin is not None and row.county_code not in (code, _on(origin, row.day)):
                row.wrong("county", f"商品库里“{row.product_name}”的产地是{origin.province}{origin.name}")
