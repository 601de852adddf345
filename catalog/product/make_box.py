"""A gift box: one piece in the cart, several origins in the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.touch import touch
from shop.access.permissions import Actor, Permission
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows


class BoxNotPossible(Problem):
    """Components that do not make a box. Nothing was saved."""

    status = 422
    code = "box_not_possible"
    title = "礼包的内容有误"


@dataclass(frozen=True, slots=True)
class Component:
    """allocation_fen: what one piece weighs when the box's money is divided among origins."""

    sku_code: str
    pieces: int
    allocation_fen: int


_PARTS = text("""
SELECT s.code, s.id, s.net_grams, p.id AS product_id, p.supplier_id, p.producer_id, p.origin_county_code,
    p.vat_basis_points, p.perishable,
    EXISTS (SELECT FROM sku_content c WHERE c.sku_id = s.id AND c.stock_sku_id <> s.id) AS is_box
FROM sku s JOIN product p ON p.id = s.product_id WHERE s.code = ANY(:codes)
""")
_BOX = text("""
INSERT INTO product (id, code, title, category, producer_id, supplier_id, origin_county_code, state, perishable,
    harvest_months, ship_months, vat_basis_points, source, confirmed, created_at, changed_at, note)
VALUES (:id, :code, :title, :category, :producer_id, :supplier_id, :origin_county_code, 'draft', :perishable,
    '{}', '{}', :vat_basis_points, :source, false, :now, :now, :note)
ON CONFLICT (code) DO NOTHING
RETURNING id
""")
_SKU = text(
    "INSERT INTO sku (id, product_id, code, spec, net_grams, active) VALUES (:sku_id, :id, :code, :spec, :g, true)"
)
_CONTENTS = text("""
INSERT INTO sku_content (sku_id, stock_sku_id, position, pieces, allocation_fen)
SELECT :sku_id, stock_sku_id, index, pieces, allocation_fen
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(stock_sku_id uuid, index int, pieces bigint, allocation_fen bigint)
""")


async def make_box(
    session: WriteSession,
    *,
    actor: Actor | None,
    code: str,
    title: str,
    category: str,
    spec: str,
    components: Sequence[Component],
    source: str,
    now: datetime,
    note: str | None = None,
) -> UUID:
    """A draft product whose one SKU holds other SKUs of one supplier; its id. An existing code is left as it is.

    Origin, producer and VAT shown for the box are those of its weightiest component; credit goes component by
    component. Raises BoxNotPossible, NotYourSupplier.
    """
    found = await _parts(session, components)
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    first = found[max(components, key=lambda one: one.pieces * one.allocation_fen).sku_code]
    if mine is not None and first.supplier_id not in mine:
        raise NotYourSupplier
    key, sku_id = derived_id("product", code), derived_id("sku", code)
    facts = {
        "id": key,
        "sku_id": sku_id,
        "code": code,
        "title": title,
        "category": category,
        "producer_id": first.producer_id,
        "supplier_id": first.supplier_id,
        "origin_county_code": first.origin_county_code,
        "vat_basis_points": first.vat_basis_points,
        "perishable": any(row.perishable for row in found.values()),
        "source": source,
        "note": note,
        "spec": spec,
        "g": sum(found[one.sku_code].net_grams * one.pieces for one in components),
        "now": now,
    }
    if (await session.execute(_BOX, facts)).scalar() is None:
        return key
    await session.execute(_SKU, facts)
    rows = as_rows(
        {
            "stock_sku_id": str(found[one.sku_code].id),
            "pieces": one.pieces,
            "allocation_fen": one.allocation_fen,
        }
        for one in components
    )
    await session.execute(_CONTENTS, {"sku_id": sku_id, "rows": rows})
    await touch(session, [key], now=now)
    await record_change(
        session,
        actor_id=actor.user_id if actor else None,
        action="product.make_box",
        subject=f"product:{key}",
        after={"components": [[one.sku_code, one.pieces, one.allocation_fen] for one in components]},
        now=now,
    )
    return key


async def _parts(session: WriteSession, components: Sequence[Component]) -> dict[str, Row[Any]]:
    """The components' SKUs by code: at least two, none a box itself, all of one seller."""
    found = {row.code: row for row in await session.execute(_PARTS, {"codes": [one.sku_code for one in components]})}
    wrong = [
        Detail(f"/components/{i}/sku_code", "sku_unknown", f"没有可以装入礼包的规格 {one.sku_code}")
        for i, one in enumerate(components)
        if one.sku_code not in found or found[one.sku_code].is_box or one.pieces < 1 or one.allocation_fen < 0
    ]
    if wrong:
        raise BoxNotPossible(errors=wrong)
    if len(found) < 2 or len(found) < len(components):
        raise BoxNotPossible("礼包至少要有两种商品，每种写一行。")
    if len({row.supplier_id for row in found.values()}) > 1:
        raise BoxNotPossible("一个礼包只能由一个供应商发货开票；请分成几个礼包。")
    return found
