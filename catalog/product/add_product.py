"""Put products into the books, as drafts: nobody sees them until they are listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.county.designate import UnknownCounty
from catalog.county.queries import unknown_codes
from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.list_product import OriginCountyRequired
from catalog.product.shelf import ReviewNeeded, Shown, codes_of_today, on_shelf
from catalog.product.touch import touch
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows


class CodeTaken(Problem):
    """A product or SKU code that belongs to another supplier's product. Nothing was saved."""

    status = 409
    code = "product_code_taken"
    title = "商品编号已被使用"


class UnknownSupplier(Problem):
    status = 422
    code = "supplier_unknown"
    title = "没有这个供应商，请先导入供应商"


class UnknownProducer(Problem):
    status = 422
    code = "producer_unknown"
    title = "没有这个生产者，请先导入生产者"


@dataclass(frozen=True, slots=True)
class NewProduct:
    """One product with one SKU. net_grams: of one piece; months: 1 to 12, no ship_months = all year.

    weighed: sold by weight; net_grams is then the priced unit, 500 or 1000.
    """

    code: str
    title: str
    category: str
    producer: str
    supplier: str
    spec: str
    net_grams: int
    vat_basis_points: int
    source: str
    origin_county_code: str | None = None
    made_county_code: str | None = None
    storage: str | None = None
    shelf_life_days: int | None = None
    perishable: bool = False
    harvest_months: list[int] = field(default_factory=list)
    ship_months: list[int] = field(default_factory=list)
    certification: str | None = None
    note: str | None = None
    weighed: bool = False

    @property
    def id(self) -> UUID:
        return derived_id("product", self.code)

    @property
    def sku_id(self) -> UUID:
        return derived_id("sku", self.code)


@dataclass(frozen=True, slots=True)
class HeldFacts:
    """What of a product waits. changes: fact → (what buyers are shown, what is wanted)."""

    product_id: UUID
    changes: Mapping[str, tuple[Any, Any]]


_COUNTIES = frozenset({"origin_county_code", "made_county_code"})
_NAMES = text("""
SELECT (SELECT jsonb_object_agg(name, id) FROM supplier WHERE name = ANY(:suppliers)) AS suppliers,
    (SELECT jsonb_object_agg(name, id) FROM producer WHERE name = ANY(:producers)) AS producers
""")
_ADD = text("""
INSERT INTO product (id, code, title, category, producer_id, supplier_id, origin_county_code, made_county_code, state,
    storage, shelf_life_days, perishable, harvest_months, ship_months, vat_basis_points, certification, note, source,
    confirmed, created_at, changed_at)
SELECT id, code, title, category, producer_id, supplier_id, origin_county_code, made_county_code, 'draft', storage,
    shelf_life_days, perishable, harvest_months, ship_months, vat_basis_points, certification, note, source,
    false, :now, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, code text, title text, category text, producer_id uuid,
    supplier_id uuid, origin_county_code text, made_county_code text, storage text, shelf_life_days int,
    perishable boolean, harvest_months smallint[], ship_months smallint[], vat_basis_points int, certification text,
    note text, source text)
ORDER BY id
ON CONFLICT (code) DO UPDATE SET title = excluded.title, category = excluded.category,
    producer_id = excluded.producer_id, origin_county_code = excluded.origin_county_code,
    made_county_code = excluded.made_county_code, storage = excluded.storage,
    shelf_life_days = excluded.shelf_life_days, perishable = excluded.perishable,
    harvest_months = excluded.harvest_months, ship_months = excluded.ship_months,
    vat_basis_points = excluded.vat_basis_points, certification = excluded.certification, note = excluded.note,
    source = excluded.source, changed_at = excluded.changed_at
WHERE product.id = excluded.id AND product.supplier_id = excluded.supplier_id
    AND (product.title, product.category, product.producer_id, product.origin_county_code, product.made_county_code,
    product.storage, product.shelf_life_days, product.perishable, product.harvest_months, product.ship_months,
    product.vat_basis_points, product.certification, product.note, product.source)
    IS DISTINCT FROM (excluded.title, excluded.category, excluded.producer_id, excluded.origin_county_code,
    excluded.made_county_code, excluded.storage, excluded.shelf_life_days, excluded.perishable,
    excluded.harvest_months, excluded.ship_months, excluded.vat_basis_points, excluded.certification, excluded.note,
    excluded.source)
RETURNING id
""")
_ADD_SKUS = text("""
WITH added AS (
    INSERT INTO sku (id, product_id, code, spec, net_grams, active, weighed)
    SELECT r.sku_id, r.id, r.code, r.spec, r.net_grams, true, r.weighed
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS r(sku_id uuid, id uuid, supplier_id uuid, code text, spec text, net_grams bigint, weighed boolean)
    JOIN product p ON p.id = r.id AND p.supplier_id = r.supplier_id
    ORDER BY r.sku_id
    ON CONFLICT (code) DO UPDATE SET spec = excluded.spec, net_grams = excluded.net_grams, weighed = excluded.weighed
    WHERE sku.product_id = excluded.product_id AND (sku.spec, sku.net_grams, sku.weighed)
        IS DISTINCT FROM (excluded.spec, excluded.net_grams, excluded.weighed)
    RETURNING id, product_id
), filled AS (
    INSERT INTO sku_content (sku_id, stock_sku_id, position, pieces, allocation_fen)
    SELECT id, id, 0, 1, 1 FROM added
    ON CONFLICT DO NOTHING
)
SELECT product_id FROM added
""")
# Mine: product and SKU stand under the code, of the same supplier.
_MINE = text("""
SELECT r.id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, sku_id uuid, supplier_id uuid)
JOIN product p ON p.id = r.id AND p.supplier_id = r.supplier_id JOIN sku s ON s.id = r.sku_id AND s.product_id = p.id
""")


async def add_products(
    session: WriteSession,
    *,
    actor: Actor | None,
    products: Sequence[NewProduct],
    now: datetime,
    held: list[HeldFacts] | None = None,
) -> list[UUID]:
    """Add products as drafts, each with one SKU that holds itself; the ids, in order. A known code is corrected.

    Each code once a call. Of goods that have been on the shelf what buyers were shown stays, and what is wanted instead
    is put into `held`; where nobody holds it (None), it is refused.

    actor: a supplier's account only adds its own goods; None is the shop's command line.
    Raises UnknownSupplier, UnknownProducer, UnknownCounty, NotYourSupplier, CodeTaken, ReviewNeeded, and
    OriginCountyRequired for goods on the shelf; pointers are `/{row}/{field}`.
    """
    names = (
        await session.execute(
            _NAMES,
            {
                "suppliers": sorted({one.supplier for one in products}),
                "producers": sorted({one.producer for one in products}),
            },
        )
    ).one()
    suppliers: dict[str, str] = names.suppliers or {}
    producers: dict[str, str] = names.producers or {}
    await _check(session, actor, products, suppliers, producers)
    shelf = await on_shelf(session, [one.id for one in products])
    producers |= {one.facts["producer"]: str(one.producer_id) for one in shelf.values()}
    kept, waiting = await _hold(session, products, shelf, suppliers, clock.business_day(now))
    if waiting and held is None:
        raise ReviewNeeded(errors=_refused(products, waiting))
    documents = [
        msgspec.to_builtins(one)
        | {
            "id": str(one.id),
            "sku_id": str(one.sku_id),
            "supplier_id": suppliers[one.supplier],
            "producer_id": producers[one.producer],
        }
        for one in kept
    ]
    rows = as_rows(documents)
    changed = set((await session.execute(_ADD, {"rows": rows, "now": now})).scalars())
    changed |= set((await session.execute(_ADD_SKUS, {"rows": rows})).scalars())
    mine = set((await session.execute(_MINE, {"rows": rows})).scalars())
    taken = [
        Detail(f"/{i}/code", CodeTaken.code, f"编号 {one.code} 已被其他供应商或规格使用")
        for i, one in enumerate(products)
        if one.id not in mine
    ]
    if taken:
        raise CodeTaken(errors=taken)
    await touch(session, changed, now=now)
    if held is not None:
        held += waiting
    return [one.id for one in products]


async def _hold(
    session: WriteSession,
    products: Sequence[NewProduct],
    shelf: Mapping[UUID, Shown],
    suppliers: Mapping[str, str],
    day: date,
) -> tuple[list[NewProduct], list[HeldFacts]]:
    """The products with what buyers were shown of them, and what they want instead. Raises OriginCountyRequired."""
    codes = {code for one in products for code in (one.origin_county_code, one.made_county_code) if code}
    today = await codes_of_today(session, codes if shelf else (), day=day)
    kept, held, homeless = [], [], []
    for i, one in enumerate(products):
        shown = shelf.get(one.id)
        if shown is None or shown.supplier_id != UUID(suppliers[one.supplier]):
            kept.append(one)
            continue
        changes = {}
        for name, old in shown.facts.items():
            new = getattr(one, name)
            if new != old and name in _COUNTIES:
                new = today.get(new, new)
            if new != old:
                changes[name] = (old, new)
        if "origin_county_code" in changes and changes["origin_county_code"][1] not in today.values():
            said = f"商品 {one.code} 上过架，产地必须是今天有效的六位行政区划代码"
            homeless.append(Detail(f"/{i}/origin_county_code", OriginCountyRequired.code, said))
        if changes:
            held.append(HeldFacts(one.id, changes))
        kept.append(replace(one, **shown.facts))
    if homeless:
        raise OriginCountyRequired(errors=homeless)
    return kept, held


def _refused(products: Sequence[NewProduct], waiting: Sequence[HeldFacts]) -> list[Detail]:
    places = {one.id: i for i, one in enumerate(products)}
    return [
        Detail(f"/{places[one.product_id]}/{name}", ReviewNeeded.code, f"现在是“{old}”，想改为“{new}”")
        for one in waiting
        for name, (old, new) in one.changes.items()
    ]


async def _check(
    session: WriteSession,
    actor: Actor | None,
    products: Sequence[NewProduct],
    suppliers: dict[str, str],
    producers: dict[str, str],
) -> None:
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    strangers = [
        Detail(f"/{i}/supplier", NotYourSupplier.code, f"{one.supplier} 不是您的供应商账号")
        for i, one in enumerate(products)
        if mine is not None and (one.supplier not in suppliers or UUID(suppliers[one.supplier]) not in mine)
    ]
    if strangers:
        raise NotYourSupplier(errors=strangers)
    unknown = [
        Detail(f"/{i}/supplier", UnknownSupplier.code, f"没有供应商“{one.supplier}”")
        for i, one in enumerate(products)
        if one.supplier not in suppliers
    ]
    if unknown:
        raise UnknownSupplier(errors=unknown)
    unknown = [
        Detail(f"/{i}/producer", UnknownProducer.code, f"没有生产者“{one.producer}”")
        for i, one in enumerate(products)
        if one.producer not in producers
    ]
    if unknown:
        raise UnknownProducer(errors=unknown)
    named = {code for one in products for code in (one.origin_county_code, one.made_county_code) if code}
    missing = await unknown_codes(session, named)
    if missing:
        raise UnknownCounty(
            errors=[
                Detail(f"/{i}/{field}", UnknownCounty.code, f"没有行政区划代码 {code}")
                for i, one in enumerate(products)
                for field, code in (
                    ("origin_county_code", one.origin_county_code),
                    ("made_county_code", one.made_county_code),
                )
                if code in missing
            ]
        )
