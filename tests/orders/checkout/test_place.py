"""Placing an order: what is promised, frozen and refused."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import msgspec
import pytest
from sqlalchemy import text

from orders.checkout.place import place
from orders.checkout.problems import (
    AllowanceNotAvailable,
    CannotArrive,
    NotForSale,
    OutOfStock,
    OwnDeskOnly,
    PapersExpired,
    PriceChanged,
    RegionUnknown,
    UnknownSku,
)
from orders.checkout.schemas import PlaceIn
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.idempotency import IdempotencyKeyReused
from shop.core.ids import new_id
from tests.make.shop import SmallShop, buyer, placed, small_shop, wanting

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database, pieces=10)


@pytest.fixture
async def employee(database: Database, shop: SmallShop) -> Actor:
    return await buyer(database, works_at=shop.branch)


async def run(database: Database, statement: str, **values: object) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement), values)


async def rows(database: Database, statement: str, **values: object) -> list[dict[str, object]]:
    async with database.reading() as session:
        return [dict(row) for row in (await session.execute(text(statement), values)).mappings()]


async def submit(database: Database, actor: Actor, requested: PlaceIn, key: str = "k", body: bytes = b"b") -> OrderOut:
    answer = await place(
        database, actor=actor, key=key, request_sha256=sha256(body).digest(), requested=requested, now=datetime.now(UTC)
    )
    return msgspec.json.decode(answer.answer, type=OrderOut)


async def assert_nothing_written(database: Database) -> None:
    for table in ("shop_order", "order_line", "attribution", "stock_hold", "idempotency"):
        assert await rows(database, f"SELECT 1 FROM {table}") == [], table
    assert await rows(database, "SELECT 1 FROM stock_item WHERE held_pieces <> 0") == []


async def test_sums_and_holds(database: Database, shop: SmallShop, employee: Actor) -> None:
    order = await placed(database, employee, {shop.skus[0]: 2, shop.skus[2]: 1, shop.box: 1})
    assert (order.goods_fen, order.discount_fen, order.freight_fen, order.total_fen) == (9_500, 0, 1_600, 11_100)
    box = order.lines[2]
    assert [(o.county.code, o.paid_fen, o.grams) for o in box.origins] == [
        ("522633", 1_800, 1_000),
        ("140225", 2_700, 500),
    ]
    held = await rows(database, "SELECT sku_id, held_pieces FROM stock_item WHERE held_pieces > 0 ORDER BY held_pieces")
    assert [(row["sku_id"], row["held_pieces"]) for row in held] == [(shop.skus[2], 2), (shop.skus[0], 4)]


async def test_what_the_buyer_saw_is_frozen(database: Database, shop: SmallShop, employee: Actor) -> None:
    await placed(database, employee, {shop.skus[0]: 1})
    await run(database, "UPDATE producer SET name = name || '改名'")
    await run(database, "UPDATE unit SET name = name || '改名'")
    await run(database, "DELETE FROM pairing")
    (seen,) = await rows(database, "SELECT * FROM attribution")
    assert seen["credit_kind"] == "direct_purchase"
    assert seen["unit_path"] == [shop.branch, shop.bank]
    assert (seen["unit_name"], seen["producer_name"]) == ("示例银行一分行（虚构）", "示例合作社0（虚构）")
    assert (seen["county_code"], seen["designations"]) == ("522633", ["lifted_out"])
    assert (seen["pairing_unit_ids"], seen["recognition_number"]) == ([shop.bank], "RP0")
    assert (seen["counted"], seen["not_counted_reason"]) == (True, None)


async def test_an_outside_buyer_makes_an_assisted_sale(database: Database, shop: SmallShop) -> None:
    friend = await buyer(database, introduced_by=shop.bank)
    order = await placed(database, friend, {shop.skus[3]: 1})
    assert order.credit_kind == "assisted_sale"
    assert order.unit
    assert order.unit.id == shop.bank


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("DELETE FROM designation", "no_designation"),
        ("DELETE FROM recognition", "recognition_missing"),
        ("UPDATE recognition SET valid_to = '2026-01-01'", "recognition_expired"),
        ("DELETE FROM counting_rule", "outside_rule_period"),
        ("DELETE FROM membership", "no_credited_unit"),
        ("UPDATE designation SET valid_from = '2020-01-01', valid_to = '2025-01-01'", "designation_expired"),
        ("UPDATE designation SET kind = 'severely_poor'", "designation_kind_excluded"),
        ("UPDATE recognition SET valid_from = '2090-01-01', valid_to = '2091-01-01'", "recognition_not_yet_valid"),
        ("UPDATE counting_rule SET credit_kinds = '{assisted_sale}'", "credit_kind_excluded"),
        ("UPDATE counting_rule SET fund_sources = '{union}'", "fund_source_excluded"),
        (
            "UPDATE counting_rule SET excluded_categories = (SELECT array_agg(category) FROM product)",
            "category_excluded",
        ),
        ("UPDATE counting_rule SET origin_basis = 'made'", "origin_unknown"),
    ],
)
async def test_what_does_not_count_says_why(
    database: Database, shop: SmallShop, employee: Actor, change: str, reason: str
) -> None:
    await run(database, change)
    order = await placed(database, employee, {shop.skus[3]: 1})
    assert [o.not_counted_reason for o in order.lines[0].origins] == [reason]


async def test_a_pairing_counts_where_no_designation_does(database: Database, shop: SmallShop, employee: Actor) -> None:
    await run(database, "DELETE FROM designation")
    order = await placed(database, employee, {shop.skus[0]: 1, shop.skus[2]: 1})
    assert [line.origins[0].counted for line in order.lines] == [True, False]


async def test_a_successor_county_inherits(database: Database, shop: SmallShop, employee: Actor) -> None:
    await run(database, "INSERT INTO county (code, name, province, source) VALUES ('522699', '新县', '贵州省', 'test')")
    await run(database, "UPDATE county SET valid_to = '2026-01-01' WHERE code = '522633'")
    await run(database, "INSERT INTO county_successor VALUES ('522633', '522699', '2026-01-01', 'test')")
    order = await placed(database, employee, {shop.skus[0]: 1})
    assert [(o.county.code, o.counted) for o in order.lines[0].origins] == [("522699", True)]


async def test_the_seller_takes_the_discount(database: Database, shop: SmallShop, employee: Actor) -> None:
    await run(
        database,
        "INSERT INTO seller_discount VALUES (:id, :s, 5000, 700, '2020-01-01', NULL)",
        id=new_id(),
        s=shop.suppliers[0],
    )
    order = await placed(database, employee, {shop.skus[0]: 1, shop.skus[1]: 2, shop.skus[3]: 1})
    assert [line.discount_fen for line in order.lines] == [140, 560, 0]
    assert order.total_fen == 1_000 + 4_000 + 4_000 - 700 + order.freight_fen


async def test_the_same_request_gets_its_first_answer(database: Database, shop: SmallShop, employee: Actor) -> None:
    first = await submit(database, employee, wanting({shop.skus[0]: 1}))
    await run(database, "UPDATE price SET fen = fen + 1")
    await run(database, "UPDATE product SET state = 'withdrawn'")
    assert await submit(database, employee, wanting({shop.skus[0]: 1})) == first
    with pytest.raises(IdempotencyKeyReused):
        await submit(database, employee, wanting({shop.skus[0]: 2}), body=b"other")
    assert len(await rows(database, "SELECT 1 FROM shop_order")) == 1


REFUSED: list[tuple[str | None, dict[str, object], type[Problem]]] = [
    ("UPDATE product SET state = 'withdrawn'", {}, NotForSale),
    ("UPDATE price SET valid_to = now() - interval '1 day'", {}, NotForSale),
    ("UPDATE freight_rate SET served = false", {}, CannotArrive),
    ("DELETE FROM freight_rate", {}, CannotArrive),
    (None, {"fund_source": "union"}, OwnDeskOnly),
    (None, {"fund_source": "canteen"}, OwnDeskOnly),
    (None, {"allowance_fen": 1}, AllowanceNotAvailable),
    (None, {"expected_total_fen": 1}, PriceChanged),
]


@pytest.mark.parametrize(("change", "asked", "problem"), REFUSED)
async def test_refused_and_nothing_written(
    database: Database,
    shop: SmallShop,
    employee: Actor,
    change: str | None,
    asked: dict[str, object],
    problem: type[Problem],
) -> None:
    if change:
        await run(database, change)
    with pytest.raises(problem):
        await submit(database, employee, wanting({shop.skus[0]: 1}, **asked))
    await assert_nothing_written(database)


async def test_unknown_goods_and_places(database: Database, shop: SmallShop, employee: Actor) -> None:
    with pytest.raises(UnknownSku):
        await submit(database, employee, wanting({new_id(): 1}))
    nowhere = wanting({shop.skus[0]: 1})
    nowhere.address.region_code = "999999"
    with pytest.raises(RegionUnknown):
        await submit(database, employee, nowhere)
    await assert_nothing_written(database)


async def test_expired_food_papers_stop_the_sale(database: Database, shop: SmallShop, employee: Actor) -> None:
    paper = (
        "INSERT INTO document (id, product_id, kind, valid_to, source, confirmed) "
        "SELECT :id, id, :kind, :to, 'test', true FROM product WHERE code = 'P0'"
    )
    await run(database, paper, id=new_id(), kind="organic", to=date(2026, 1, 1))
    await placed(database, employee, {shop.skus[0]: 1})
    await run(database, paper, id=new_id(), kind="licence", to=date(2026, 1, 1))
    for sku in (shop.skus[0], shop.box):
        with pytest.raises(PapersExpired):
            await placed(database, employee, {sku: 1})
    await run(database, paper, id=new_id(), kind="licence", to=date(2099, 1, 1))
    await placed(database, employee, {shop.box: 1})


async def test_a_changed_price_says_old_and_new(database: Database, shop: SmallShop, employee: Actor) -> None:
    requested = wanting({shop.skus[0]: 1})
    assert requested.lines
    requested.lines[0].expected_price_fen = 900
    with pytest.raises(PriceChanged) as raised:
        await submit(database, employee, requested)
    assert raised.value.as_json()["prices"] == [{"sku_id": str(shop.skus[0]), "old_fen": 900, "new_fen": 1_000}]
    await assert_nothing_written(database)


async def test_sold_out_says_what_is_left(database: Database, shop: SmallShop, employee: Actor) -> None:
    await placed(database, employee, {shop.skus[0]: 7})
    with pytest.raises(OutOfStock) as raised:
        await placed(database, employee, {shop.skus[0]: 2, shop.box: 1})
    assert raised.value.as_json()["left"] == {str(shop.box): 0}
    await placed(database, employee, {shop.skus[0]: 1, shop.box: 1})


async def test_out_of_season_is_not_for_now(database: Database, shop: SmallShop, employee: Actor) -> None:
    later = (datetime.now(UTC) + timedelta(days=60)).month
    await run(database, "UPDATE product SET ship_months = ARRAY[:m]::smallint[]", m=later)
    with pytest.raises(Problem) as raised:
        await placed(database, employee, {shop.skus[0]: 1})
    assert raised.value.code == "out_of_season"


async def test_from_the_cart(database: Database, shop: SmallShop, employee: Actor) -> None:
    for sku, quantity in ((shop.skus[0], 2), (shop.skus[3], 1)):
        await run(
            database,
            "INSERT INTO cart_line VALUES (:u, :s, :q, now())",
            u=employee.user_id,
            s=sku,
            q=quantity,
        )
    order = await submit(database, employee, PlaceIn(address=wanting({shop.box: 1}).address))
    assert {line.sku_id: line.quantity for line in order.lines} == {shop.skus[0]: 2, shop.skus[3]: 1}
    assert await rows(database, "SELECT 1 FROM cart_line") == []


async def test_no_name_or_phone_outside_the_delivery(database: Database, shop: SmallShop, employee: Actor) -> None:
    await placed(database, employee, {shop.skus[0]: 1})
    for table in ("idempotency", "shop_order", "order_line", "attribution", "order_event"):
        for row in await rows(database, f"SELECT t::text AS whole FROM {table} t"):
            assert "13800138000" not in str(row["whole"])
            assert "收货人甲" not in str(row["whole"])
