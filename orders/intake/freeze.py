"""The facts of a sale made elsewhere as they were on its day, and whether it counts (DOMAIN rules 2, 3 and 7)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from catalog.county.on_day import origin_on
from catalog.product.on_day import recognised_on
from orders.credit import attribution
from orders.credit.attribution import AttributionRow
from orders.credit.rules import Deal, Origin, Rule, not_counted_reason
from orders.intake.row import SaleRow, line_id_of, order_id_of
from shop.core.database import WriteSession
from shop.core.rows import as_rows
from shop.organisation.path import path_on

_WANTED = "jsonb_to_recordset(CAST(:rows AS jsonb)) AS w"
_COUNTIES = text(f"""
SELECT w.county_code AS asked, w.day, k.* FROM {_WANTED}(county_code text, day date)
CROSS JOIN LATERAL ({origin_on("w.county_code", "w.day")}) k
""")  # noqa: S608  # expressions of our own
_UNITS = text(f"""
SELECT w.unit_id AS root, w.day, u.name,
    ARRAY(SELECT p.unit_id FROM ({path_on("w.unit_id", "w.day")}) p ORDER BY p.depth) AS path
FROM {_WANTED}(unit_id uuid, day date) JOIN unit u ON u.id = w.unit_id
""")  # noqa: S608  # as above
_PRODUCTS = text(f"""
SELECT w.product_id, w.day, p.made_county_code, n.* FROM {_WANTED}(product_id uuid, day date)
JOIN product p ON p.id = w.product_id CROSS JOIN LATERAL ({recognised_on("p.id", "w.day")}) n
""")  # noqa: S608  # as above
_RULES = text("SELECT * FROM counting_rule ORDER BY valid_from DESC")
_NAMES = text("""
SELECT id, name FROM producer WHERE id = ANY(:producers)
UNION ALL SELECT id, name FROM supplier WHERE id = ANY(:suppliers)
""").bindparams(bindparam("producers", type_=ARRAY(Uuid)), bindparam("suppliers", type_=ARRAY(Uuid)))
_BUYERS = {"union": "union", "canteen": "canteen", "personal": "employee"}
_NO_ORIGIN = Origin(designations=(), paired=False, recognition_number=None, recognised_once=False, known=False)


async def freeze(session: WriteSession, sales: Sequence[SaleRow]) -> None:
    """Write the attribution of each sale. None of them has a person: imports add no participant."""
    if not sales:
        return
    units = await _by_day(session, _UNITS, {(str(row.unit_id), str(row.day)) for row in sales}, "unit_id", "root")
    products = await _by_day(
        session, _PRODUCTS, {(str(row.product_id), str(row.day)) for row in sales}, "product_id", "product_id"
    )
    made = {(one.made_county_code, str(one.day)) for one in products.values() if one.made_county_code}
    grown = {(row.county_code, str(row.day)) for row in sales if row.county_code}
    counties = await _by_day(session, _COUNTIES, made | grown, "county_code", "asked")
    rules = (await session.execute(_RULES)).mappings().all()
    sellers = {"producers": [row.producer_id for row in sales], "suppliers": [row.supplier_id for row in sales]}
    names = {row.id: row.name for row in await session.execute(_NAMES, sellers)}
    rows = []
    for row in sales:
        rule = next((one for one in rules if _rules(one, row.day)), None)
        product = products.get((str(row.product_id), row.day))
        unit = units[str(row.unit_id), row.day]
        asked = msgspec.convert(dict(rule), Rule) if rule is not None else None
        rows.append(_attribution(row, unit, product, counties, asked, names))
    await attribution.freeze(session, rows)


def _rules(rule: Any, day: date | None) -> bool:
    return day is not None and rule["valid_from"] <= day and (rule["valid_to"] is None or day < rule["valid_to"])


async def _by_day(
    session: WriteSession, statement: Any, requested: set[tuple[str, str]], column: str, key: str
) -> dict[tuple[str, date | None], Row[Any]]:
    rows = as_rows({column: of, "day": day} for of, day in sorted(requested))
    found = await session.execute(statement, {"rows": rows})
    return {(str(getattr(one, key)), one.day): one for one in found}


def _attribution(
    row: SaleRow,
    unit: Row[Any],
    product: Row[Any] | None,
    counties: dict[tuple[str, date | None], Row[Any]],
    rule: Rule | None,
    names: Mapping[UUID, str],
) -> AttributionRow:
    county = counties[row.county_code or "", row.day]
    made = counties.get((product.made_county_code, row.day)) if product and product.made_county_code else None
    asked = made if rule is not None and rule.origin_basis == "made" else county
    origin = (
        _NO_ORIGIN
        if asked is None
        else Origin(
            designations=asked.designations,
            paired=not set(asked.pairing_unit_ids).isdisjoint(unit.path),
            recognition_number=product.recognition_number if product else None,
            recognised_once=bool(product and product.recognised_once),
            designated_once=asked.designated_once,
            recognised_later=bool(product and product.recognised_later),
        )
    )
    deal = Deal(row.credit_kind, row.fund_source, row.category)
    reason = not_counted_reason(rule, origin, credited=True, deal=deal)
    assert row.unit_id and row.producer_id and row.supplier_id and row.product_id  # noqa: S101, PT018  # it was staged
    assert row.credit_kind and row.fund_source and row.category and row.day  # noqa: S101, PT018
    return AttributionRow(
        id=row.sale_id,
        order_line_id=line_id_of(row.key),
        order_id=order_id_of(row.key),
        person_id=None,
        credit_kind=row.credit_kind,
        buyer_kind=_buyer_kind(row),
        unit_id=row.unit_id,
        unit_name=unit.name,
        unit_path=list(unit.path),
        union_id=None,
        fund_source=row.fund_source,
        channel=row.channel,
        campaign_id=None,
        county_code=county.code,
        county_name=county.name,
        province=county.province,
        made_county_code=made.code if made else None,
        designations=list(county.designations),
        pairing_unit_ids=list(county.pairing_unit_ids),
        producer_id=row.producer_id,
        producer_name=names[row.producer_id],
        supplier_id=row.supplier_id,
        supplier_name=names[row.supplier_id],
        product_id=row.product_id,
        category=row.category,
        recognition_number=product.recognition_number if product else None,
        rule_id=rule.id if rule else None,
        counted=reason is None,
        not_counted_reason=reason,
        placed_on=row.day,
    )


def _buyer_kind(row: SaleRow) -> str:
    """Who bought, as checkout and joint orders say it."""
    if row.credit_kind == "assisted_sale":
        return "outside"
    return _BUYERS.get(row.fund_source or "", "unit")
