"""Goods for the shop window, written row by row: the smallest facts a listing needs, and each that a test may turn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import SQLModel

from catalog.campaign.models import Zone, ZoneProduct
from catalog.county.models import County, Designation
from catalog.listing.refresh import refresh
from catalog.price.models import FreightRate, Price
from catalog.producer.models import BenefitStatement, Producer, Supplier
from catalog.product.models import Document, Product, Recognition, Sku, SkuContent
from catalog.stock.models import StockItem
from shop.core import clock
from shop.core.database import Database, WriteSession

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Goods:
    """One product with one SKU. `contents`: for a gift box, (SKU of other goods, pieces)."""

    title: str = "大红袍花椒"
    county: tuple[str, str, str] = ("513328", "甘孜县", "四川省")
    producer: str = "雪域高原种植专业合作社（虚构）"
    category: str = "调味品"
    spec: str = "250g/袋"
    net_grams: int = 250
    price_fen: int = 3800
    on_hand: int = 10
    held: int = 0
    sold: int = 0
    ship_months: Sequence[int] = ()
    zones: Sequence[str] = ()
    designations: Sequence[str] = ()
    created_at: datetime = LONG_AGO
    contents: Sequence[tuple["Goods", int]] = ()
    more: dict[str, Any] = field(default_factory=dict)
    product_id: UUID = field(default_factory=uuid4)
    sku_id: UUID = field(default_factory=uuid4)


async def list_goods(database: Database, *goods: Goods, now: datetime | None = None) -> None:
    """Write the goods and make their listings."""
    async with database.transaction() as session:
        for one in goods:
            await _write(session, one)
    async with database.transaction() as session:
        await refresh(session, [one.product_id for one in goods], now=now or clock.now())


async def write(database: Database, *rows: SQLModel) -> None:
    async with database.transaction() as session:
        session.add_all(rows)


async def run(database: Database, statement: str, **values: Any) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement), values)


async def again(database: Database, *product_ids: UUID, now: datetime | None = None) -> None:
    """Make listings anew: these, or what was touched or went stale."""
    async with database.transaction() as session:
        await refresh(session, product_ids or None, now=now or clock.now())


def paper(goods: Goods, kind: str, valid_to: date | None, **more: Any) -> Document:
    return Document(
        id=uuid4(), product_id=goods.product_id, kind=kind, valid_to=valid_to, source="测试（虚构）", **more
    )


def recognition(goods: Goods, valid_from: date, valid_to: date) -> Recognition:
    return Recognition(
        id=uuid4(),
        product_id=goods.product_id,
        number=f"RD-{uuid4().hex[:8]}",
        issuer="示例认定单位（虚构）",
        valid_from=valid_from,
        valid_to=valid_to,
        source="测试（虚构）",
    )


async def _write(session: WriteSession, goods: Goods) -> None:
    code, name, province = goods.county
    if await session.get(County, code) is None:
        session.add(County(code=code, name=name, province=province, source="测试"))
        await session.flush()
    for kind in goods.designations:
        session.add(Designation(id=uuid4(), county_code=code, kind=kind, source="示例名单"))
    for slug in goods.zones:
        if await session.get(Zone, slug) is None:
            session.add(Zone(slug=slug, title=f"{slug}专区"))
    producer_id, supplier_id = await _people(session, goods, code)
    changed = {
        "source": "测试（虚构）",
        "vat_basis_points": 900,
        "created_at": goods.created_at,
        "changed_at": goods.created_at,
    } | goods.more
    session.add(
        Product(
            id=goods.product_id,
            code=goods.product_id.hex,
            title=goods.title,
            category=goods.category,
            producer_id=producer_id,
            supplier_id=supplier_id,
            origin_county_code=code,
            state="listed",
            ship_months=list(goods.ship_months),
            **changed,
        )
    )
    await session.flush()
    session.add(
        Sku(
            id=goods.sku_id,
            product_id=goods.product_id,
            code=goods.sku_id.hex,
            spec=goods.spec,
            net_grams=goods.net_grams,
        )
    )
    await session.flush()
    inside = [(one.sku_id, pieces) for one, pieces in goods.contents] or [(goods.sku_id, 1)]
    for position, (stock_sku_id, pieces) in enumerate(inside):
        session.add(
            SkuContent(
                sku_id=goods.sku_id, stock_sku_id=stock_sku_id, position=position, pieces=pieces, allocation_fen=100
            )
        )
    if not goods.contents:
        session.add(StockItem(sku_id=goods.sku_id, on_hand_pieces=goods.on_hand, held_pieces=goods.held))
    session.add(Price(id=uuid4(), sku_id=goods.sku_id, fen=goods.price_fen, valid_from=LONG_AGO))
    for slug in goods.zones:
        session.add(ZoneProduct(zone_slug=slug, product_id=goods.product_id))
    await session.flush()
    if goods.sold:
        await session.execute(
            text(
                "INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, at) "
                "VALUES (:id, :sku, 'sold', :pieces, 'test', :at)"
            ),
            {"id": uuid4(), "sku": goods.sku_id, "pieces": -goods.sold, "at": LONG_AGO},
        )


async def _people(session: WriteSession, goods: Goods, county: str) -> tuple[UUID, UUID]:
    """The producer of that name and its supplier, made once."""
    found = (
        await session.execute(
            text("SELECT p.id, s.id FROM producer p JOIN supplier s USING (name) WHERE name = :name"),
            {"name": goods.producer},
        )
    ).one_or_none()
    if found:
        return found[0], found[1]
    producer = Producer(
        id=uuid4(),
        name=goods.producer,
        kind="cooperative",
        county_code=county,
        source="测试（虚构）",
        created_at=LONG_AGO,
    )
    supplier = Supplier(id=uuid4(), name=goods.producer, fictitious=True, created_at=LONG_AGO)
    session.add_all([producer, supplier])
    await session.flush()
    return producer.id, supplier.id


def rate(supplier_id: UUID, region: str = "", **more: Any) -> FreightRate:
    facts = {
        "first_grams": 1000,
        "first_fen": 800,
        "step_grams": 1000,
        "step_fen": 200,
        "valid_from": LONG_AGO.date(),
    } | more
    return FreightRate(id=uuid4(), supplier_id=supplier_id, region=region, **facts)


def benefit(producer_id: UUID, stated_on: date) -> BenefitStatement:
    return BenefitStatement(
        id=uuid4(),
        producer_id=producer_id,
        period="2025",
        households=120,
        persons=380,
        mode="订单收购",
        source="示例材料（虚构）",
        stated_on=stated_on,
    )


_KEYS = {
    "product": "'id', md5('product' || n)::uuid, 'code', n::text",
    "sku": "'id', md5('sku' || n)::uuid, 'product_id', md5('product' || n)::uuid, 'code', n::text",
    "sku_content": "'sku_id', md5('sku' || n)::uuid, 'stock_sku_id', md5('sku' || n)::uuid",
    "stock_item": "'sku_id', md5('sku' || n)::uuid",
    "price": "'id', md5('price' || n)::uuid, 'sku_id', md5('sku' || n)::uuid",
}


async def multiply(database: Database, count: int, *tables: str) -> None:
    """`count` more rows like the one there is, in these tables, or in all that goods have; the database writes them."""
    for table in tables or _KEYS:
        await run(
            database,
            f"INSERT INTO {table} SELECT made.* FROM generate_series(1, :count) n, "
            f"(SELECT t AS model FROM {table} t LIMIT 1) one "
            f"CROSS JOIN LATERAL jsonb_populate_record(one.model, jsonb_build_object({_KEYS[table]})) AS made",
            count=count,
        )
