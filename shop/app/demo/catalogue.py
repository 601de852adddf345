"""The sample catalogue with everything a shop needs around it. Invented, and it says so (虚构). Safe to run again."""

from collections.abc import Sequence
from datetime import date, datetime
from importlib import resources
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from catalog.campaign.arrange import NewCampaign, NewZone, arrange_zone, run_campaign
from catalog.county.load import load_counties
from catalog.county.pair import NewPairing, pair
from catalog.price.change_price import NewPrice, change_prices
from catalog.price.give_discount import give_discount
from catalog.price.set_freight import NewRate, set_freight
from catalog.producer.add_supplier import NewSupplier, add_suppliers
from catalog.producer.state_benefit import state_benefit
from catalog.product.add_document import NewDocument, add_documents
from catalog.product.add_product import NewProduct, add_products
from catalog.product.add_recognition import NewRecognition, add_recognitions
from catalog.product.list_product import list_products
from catalog.product.make_box import Component, make_box
from catalog.upload.kinds.price import STOCK
from catalog.upload.kinds.product import PRODUCTS
from catalog.upload.stage import import_file
from orders.credit.add_rules import NewRule, add_rules
from shop.core.clock import SHANGHAI
from shop.core.database import Database, WriteSession
from shop.core.ids import derived_id

OPENED: Final = datetime(2024, 1, 1, tzinfo=SHANGHAI)
"""The demo shop's first day: prices and papers hold from here on, whatever the clock is set to later."""
SINCE: Final = date(2021, 1, 1)
SUPPLIER_NAME: Final = "浑源恒山脚下农产品专业合作社（虚构）"
SUPPLIER_ID: Final = NewSupplier(SUPPLIER_NAME).id
COUNTY_CODE: Final = "140225"
BOX_CODE: Final = "BOX001"
FESTIVAL_BOX_CODE: Final = "BOX002"
EXPIRED_CODE: Final = "SP012"
"""A product whose recognition ended on the last day of 2024: its sales do not count."""
UNRECOGNISED_CODES: Final = frozenset({"SP039", "SP040"})
PIECES: Final = 500

_PAIRINGS: Final = (
    ("DEMO", "140225"),
    ("DEMO", "620623"),
    ("DEMO", "610630"),
    ("DEMO-1", "610825"),  # of the branch alone: it never swells head office's letter
)
_BOX_SUPPLIER: Final = NewSupplier("帮扶礼包发货中心（虚构）", fictitious=True)
_QUINOA: Final = "天祝乌鞘岭藜谷农产品专业合作社（虚构）"
_PEPPER: Final = "宜川集义椒乡农产品专业合作社（虚构）"
# code, title, category, producer, county, spec, grams, allocation fen a piece, pieces
_BOX_PARTS: Final = (
    ("BP001", "浑源小米（礼包装）", "杂粮", SUPPLIER_NAME, "140225", "1kg/袋", 1_000, 1_880, 1),
    ("BP002", "天祝藜麦米（礼包装）", "杂粮", _QUINOA, "620623", "250g/袋", 250, 1_590, 2),
    ("BP003", "宜川花椒（礼包装）", "调味品", _PEPPER, "610630", "100g/袋", 100, 1_680, 1),
)
_BOX_FEN: Final = 6_600
FESTIVAL_BOX_FEN: Final = 4_980
"""The unions' box of two counties that are paired with the bank."""
_FESTIVAL_PARTS: Final = (
    ("BP004", "浑源小米（节礼装）", "杂粮", SUPPLIER_NAME, "140225", "1kg/袋", 1_000, 1_880, 1),
    ("BP005", "天祝藜麦米（节礼装）", "杂粮", _QUINOA, "620623", "250g/袋", 250, 1_590, 2),
)
_PARTS: Final = (*_BOX_PARTS, *_FESTIVAL_PARTS)
_BOXES: Final = (
    (
        BOX_CODE,
        "三县年货礼包（虚构）",
        "小米1袋·藜麦2袋·花椒1袋/盒",
        "一盒三县：浑源小米、天祝藜麦、宜川花椒。",
        _BOX_FEN,
        _BOX_PARTS,
    ),
    (
        FESTIVAL_BOX_CODE,
        "两县节礼盒（虚构）",
        "小米1袋·藜麦2袋/盒",
        "一盒两县：浑源小米、天祝藜麦，供工会慰问。",
        FESTIVAL_BOX_FEN,
        _FESTIVAL_PARTS,
    ),
)
_BOX_CODES: Final = frozenset(code for code, *_ in _BOXES)
_MORE: Final = {"BP004": 3_000, "BP005": 6_000}
"""Pieces of what a union buys by the hundred."""
_ZONES: Final = (
    (
        NewZone("grain", "粮油干货", 1),
        [
            "杂粮",
            "粮食",
            "粮食加工品",
            "食用油",
            "食用菌干品",
            "坚果",
            "果蔬干制",
            "调味品",
            "淀粉制品",
            "方便食品",
            "礼包",
        ],
    ),
    (NewZone("fresh", "生鲜水果", 2), ["水果", "蔬菜", "生鲜肉", "肉制品", "水产品", "食用菌鲜品"]),
    (NewZone("tea", "茶饮滋补", 3), ["茶叶", "代用茶", "咖啡", "蜂产品", "果蔬制品", "食药物质", "中药材/食药物质"]),
)
_REMOTE: Final = ("54", "63", "65")

_PRODUCTS = text("""
SELECT p.id, p.code, p.category, p.supplier_id, p.producer_id, left(p.origin_county_code, 2) AS province
FROM product p ORDER BY p.code
""")


async def seed_facts(database: Database) -> None:
    """Published facts only: counties, former codes, designations."""
    async with database.transaction() as session:
        await load_counties(session, now=OPENED)


async def seed_catalogue(database: Database) -> None:
    """Facts, the 80 sample products, and what selling them needs. The demo's units must be there already."""
    await seed_facts(database)
    sample = resources.files("catalog.upload").joinpath("data", "sample_products.csv").read_bytes()
    await import_file(database, kind=PRODUCTS, file_name="sample_products.csv", data=sample, actor=None, now=OPENED)
    async with database.transaction() as session:
        await _pack_boxes(session)
        products = (await session.execute(_PRODUCTS)).all()
        await _arrange(session, products)
        await _rules(session, [row.code for row in products])
        await _terms(session, {row.supplier_id: row.province for row in products})
        await _statements(session, sorted({row.producer_id for row in products}))
    codes = [row.code for row in products if row.code not in _BOX_CODES]
    stock = "sku_code,move,pieces\n" + "".join(f"{code},入库,{_MORE.get(code, PIECES)}\n" for code in codes)
    await import_file(database, kind=STOCK, file_name="demo_stock.csv", data=stock.encode(), actor=None, now=OPENED)


async def _pack_boxes(session: WriteSession) -> None:
    """A box needs one seller of goods from several producers; its parts are sold in it, not by themselves."""
    await add_suppliers(session, suppliers=[_BOX_SUPPLIER], now=OPENED)
    parts = [
        NewProduct(
            code=code,
            title=title,
            category=category,
            producer=producer,
            supplier=_BOX_SUPPLIER.name,
            spec=spec,
            net_grams=grams,
            vat_basis_points=900,
            origin_county_code=county,
            source="演示数据（虚构）",
        )
        for code, title, category, producer, county, spec, grams, _, _ in _PARTS
    ]
    await add_products(session, actor=None, products=parts, now=OPENED)
    papers = [NewDocument(one.code, "conformity", "演示数据（虚构）", issuer="示例合作社（虚构）") for one in parts]
    await add_documents(session, documents=papers, now=OPENED)
    for code, title, spec, note, fen, inside in _BOXES:
        box_id = await make_box(
            session,
            actor=None,
            code=code,
            title=title,
            category="礼包",
            spec=spec,
            components=[Component(part, pieces, allocation) for part, *_, allocation, pieces in inside],
            source="演示数据（虚构）",
            note=note,
            now=OPENED,
        )
        priced = await change_prices(session, actor=None, prices=[NewPrice(code, fen)], now=OPENED)
        if priced:  # the first time; later a person may have withdrawn it
            await list_products(session, actor_id=None, product_ids=[box_id], now=OPENED)


async def _arrange(session: WriteSession, products: Sequence[Row[Any]]) -> None:
    rows = [row for row in products if not row.code.startswith("BP")]
    for zone, categories in _ZONES:
        ids = [row.id for row in rows if row.category in categories]
        await arrange_zone(session, zone=zone, product_ids=ids, now=OPENED)
    campaign = NewCampaign("消费帮扶惠民行动（虚构）", date(2026, 1, 1), date(2031, 1, 1))
    ids = [row.id for i, row in enumerate(rows) if i % 4 == 0]
    await run_campaign(session, campaign=campaign, product_ids=ids, now=OPENED)


async def _rules(session: WriteSession, codes: Sequence[str]) -> None:
    """What makes the demo's sales count: a rule, letters, recognitions; and one recognition that has expired."""
    rule = NewRule(version="2021-1", valid_from=SINCE, source="演示口径〔2021〕1号（虚构）")
    await add_rules(session, rules=[rule], actor_id=None, now=OPENED)
    pairings = [
        NewPairing(unit, county, SINCE, f"定点帮扶责任书〔2021〕{i}号（虚构）")
        for i, (unit, county) in enumerate(_PAIRINGS, start=1)
    ]
    await pair(session, actor_id=None, pairings=pairings, now=OPENED)
    recognitions = [
        NewRecognition(
            product_code=code,
            number=f"XNRD-{code}",
            issuer="示例认定机构（虚构）",
            valid_from=date(2022, 1, 1),
            valid_to=date(2025, 1, 1) if code == EXPIRED_CODE else date(2036, 1, 1),
            source="演示数据（虚构）",
        )
        for code in codes
        if code not in UNRECOGNISED_CODES | _BOX_CODES
    ]
    await add_recognitions(session, actor_id=None, recognitions=recognitions, now=OPENED)


async def _terms(session: WriteSession, provinces: dict[UUID, str]) -> None:
    """Freight of every supplier to everywhere, dearer to far places; every fourth cannot reach Tibet.

    To its own province a supplier sends at the usual price.
    """
    by_turn = sorted(provinces)
    for turn, supplier_id in enumerate(by_turn):
        free_from = (5_900, 9_900, 19_900)[turn % 3]
        rates = [NewRate("", first_fen=800, step_fen=200, free_from_fen=free_from)]
        for region in _REMOTE:
            if region == provinces[supplier_id]:
                continue
            served = region != "54" or turn % 4 != 0
            rates.append(NewRate(region, served=served, first_fen=2_000, step_fen=1_200))
        await set_freight(session, actor=None, supplier_id=supplier_id, rates=rates, valid_from=SINCE, now=OPENED)
    for supplier_id in [_BOX_SUPPLIER.id, SUPPLIER_ID, *by_turn[::8]]:
        await give_discount(
            session,
            actor=None,
            supplier_id=supplier_id,
            threshold_fen=10_000,
            discount_fen=1_000,
            valid_from=SINCE,
            now=OPENED,
        )


async def _statements(session: WriteSession, producer_ids: Sequence[UUID]) -> None:
    known = derived_id("producer", SUPPLIER_NAME)
    for turn, producer_id in enumerate([known, *(one for one in producer_ids[::6] if one != known)]):
        await state_benefit(
            session,
            producer_id=producer_id,
            period="2025",
            households=36 + 7 * turn,
            persons=118 + 19 * turn,
            mode="订单收购、务工、土地流转",
            source="生产者自述（虚构）",
            stated_on=date(2026, 1, 15),
        )
