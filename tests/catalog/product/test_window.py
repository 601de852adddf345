"""Nothing stands in the window that cannot say where it was grown."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from catalog.county.save import NewCounty, save_counties
from catalog.product.add_product import CodeTaken, add_products
from catalog.product.add_recognition import NewRecognition, RecognitionNumberTaken, add_recognitions
from catalog.product.list_product import OriginCountyRequired, list_products
from catalog.product.make_box import BoxNotPossible, Component, make_box
from catalog.product.shelf import ReviewNeeded
from catalog.product.withdraw_product import withdraw_product
from shop.core.database import Database
from tests.make.catalogue import OPENED, new_product, rows, stock_of_goods

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 15, tzinfo=UTC)
ENDED = NewCounty("620600", "旧县", "甘肃省", "test", valid_to=date(2026, 1, 1))
STATES = "SELECT code, state FROM product ORDER BY code"


async def test_listing_needs_a_county_code_valid_today(database: Database) -> None:
    async with database.transaction() as session:
        await save_counties(session, [ENDED])
    products = (
        new_product("A"),
        new_product("B", origin_county_code=None),
        new_product("C", origin_county_code=ENDED.code),
    )
    await stock_of_goods(database, *products)
    with pytest.raises(OriginCountyRequired) as refused:
        async with database.transaction() as session:
            await list_products(session, actor_id=None, product_ids=[one.id for one in products], now=NOW)
    assert (refused.value.status, refused.value.code) == (422, "origin_county_required")
    assert [one.pointer for one in refused.value.errors] == ["/1/origin_county_code", "/2/origin_county_code"]
    assert await rows(database, STATES) == [("A", "draft"), ("B", "draft"), ("C", "draft")]
    async with database.transaction() as session:
        await list_products(session, actor_id=None, product_ids=[products[0].id], now=NOW)
        await list_products(session, actor_id=None, product_ids=[products[0].id], now=NOW)
    assert await rows(database, STATES) == [("A", "listed"), ("B", "draft"), ("C", "draft")]
    assert await rows(database, "SELECT count(*) FROM audit_event WHERE action = 'product.list'") == [(1,)]


async def test_what_buyers_were_shown_is_not_changed_by_the_way(database: Database) -> None:
    """`catalog.review` holds it for a second person; whoever adds products without it is refused."""
    await stock_of_goods(database, new_product("A"), new_product("B", producer="另一合作社（虚构）"))
    async with database.transaction() as session:
        await add_products(session, actor=None, products=[new_product("A", title="新名")], now=NOW)
        await list_products(session, actor_id=None, product_ids=[new_product("A").id], now=NOW)
        await add_products(session, actor=None, products=[new_product("A", title="新名", note="说明")], now=NOW)
    before = await rows(database, "SELECT * FROM product p JOIN sku s ON s.product_id = p.id ORDER BY p.code")
    for change in ({"title": "又一个名"}, {"producer": "另一合作社（虚构）"}, {"net_grams": 900}, {"spec": "9kg/袋"}):
        with pytest.raises(ReviewNeeded) as refused:
            async with database.transaction() as session:
                again = [new_product("B"), new_product("A", **({"title": "新名", "note": "说明"} | change))]
                await add_products(session, actor=None, products=again, now=NOW)
        assert [one.pointer for one in refused.value.errors] == [f"/1/{name}" for name in change]
    assert await rows(database, "SELECT * FROM product p JOIN sku s ON s.product_id = p.id ORDER BY p.code") == before


async def test_a_code_belongs_to_one_supplier(database: Database) -> None:
    await stock_of_goods(database, new_product("A"), new_product("B", supplier="别家（虚构）"))
    before = await rows(database, "SELECT * FROM product ORDER BY code")
    with pytest.raises(CodeTaken) as refused:
        async with database.transaction() as session:
            stolen = [new_product("C"), new_product("A", supplier="别家（虚构）")]
            await add_products(session, actor=None, products=stolen, now=NOW)
    assert [one.pointer for one in refused.value.errors] == ["/1/code"]
    assert await rows(database, "SELECT * FROM product ORDER BY code") == before


async def test_withdrawn_is_seen_by_the_listing(database: Database) -> None:
    await stock_of_goods(database, new_product("A"))
    async with database.transaction() as session:
        await list_products(session, actor_id=None, product_ids=[new_product("A").id], now=NOW)
        await session.execute(text("DELETE FROM product_touched"))
    async with database.transaction() as session:
        await withdraw_product(session, actor=None, product_id=new_product("A").id, reason="下架", now=NOW)
    assert await rows(database, STATES) == [("A", "withdrawn")]
    assert await rows(database, "SELECT product_id FROM product_touched") == [(new_product("A").id,)]


async def test_a_box_has_several_goods_of_one_seller(database: Database) -> None:
    await stock_of_goods(
        database, new_product("A"), new_product("B", net_grams=250), new_product("C", supplier="别家（虚构）")
    )

    async def box(code: str, *components: Component) -> None:
        async with database.transaction() as session:
            await make_box(
                session,
                actor=None,
                code=code,
                title="礼包",
                category="礼包",
                spec="盒",
                components=components,
                source="test",
                now=OPENED,
            )

    await box("BOX", Component("A", 1, 3_000), Component("B", 2, 1_000))
    assert await rows(database, "SELECT net_grams FROM sku WHERE code = 'BOX'") == [(1_000,)]
    for wrong in (
        [Component("A", 1, 1)],
        [Component("A", 1, 1), Component("C", 1, 1)],
        [Component("A", 1, 1), Component("NONE", 1, 1)],
        [Component("A", 1, 1), Component("BOX", 1, 1)],
        [Component("A", 1, 1), Component("A", 2, 1)],
    ):
        with pytest.raises(BoxNotPossible):
            await box("BAD", *wrong)
    assert await rows(database, "SELECT count(*) FROM product WHERE code = 'BAD'") == [(0,)]


async def test_a_recognition_number_never_changes_its_days(database: Database) -> None:
    await stock_of_goods(database, new_product("A"), new_product("B"))

    async def recognise(code: str, until: date) -> int:
        async with database.transaction() as session:
            one = NewRecognition(code, "R-1", "县农业农村局（虚构）", date(2024, 1, 1), until, "test")
            return await add_recognitions(session, actor_id=None, recognitions=[one], now=NOW)

    assert await recognise("A", date(2027, 1, 1)) == 1
    assert await recognise("A", date(2027, 1, 1)) == 0
    with pytest.raises(RecognitionNumberTaken):
        await recognise("A", date(2028, 1, 1))
    with pytest.raises(RecognitionNumberTaken):
        await recognise("B", date(2027, 1, 1))
    assert await rows(database, "SELECT valid_to FROM recognition") == [(date(2027, 1, 1),)]
