"""All of a file, or nothing of it; and never twice."""

import asyncio
from importlib import resources
from typing import Any

import pytest

from catalog.county.load import load_counties
from catalog.producer.scope import NotYourSupplier
from catalog.product.list_product import OriginCountyRequired
from catalog.upload.kind import Kind, template
from catalog.upload.kinds import CATALOG_KINDS
from catalog.upload.kinds.organisation import MEMBERS, UNITS
from catalog.upload.kinds.price import PRICES, STOCK
from catalog.upload.kinds.product import PRODUCTS
from catalog.upload.stage import Imported, import_file
from orders.credit.upload import COUNTING_RULES
from orders.spending.upload import SPENDING_RULES
from shop.access.permissions import Actor, Grant, Role
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.sheet.refused import HeaderWrong, RowsRefused
from shop.sheet.write import csv_bytes
from tests.make.catalogue import OPENED, SELLER, new_product, rows, stock_of_goods

pytestmark = pytest.mark.anyio
SAMPLE = resources.files("catalog.upload").joinpath("data", "sample_products.csv").read_bytes()
HEADER = "商品编号,商品名称,品类,供应商,产地县代码,规格,净重（克）,单价（元）,税率,来源文件\n"


def file_of(*lines: str) -> bytes:
    return (HEADER + "\n".join(lines) + "\n").encode()


async def bring(database: Database, kind: object, data: bytes, **more: object) -> Imported:
    facts = {"file_name": "f.csv", "actor": None, "now": OPENED} | more
    return await import_file(database, kind=kind, data=data, **facts)  # type: ignore[arg-type]


@pytest.fixture
async def shop(database: Database) -> Database:
    """A county, a seller and one listed-to-be product T1."""
    await stock_of_goods(database, new_product("T1"))
    return database


async def test_the_sample_catalogue_comes_in_whole_and_only_once(database: Database) -> None:
    async with database.transaction() as session:
        await load_counties(session, now=OPENED)
    first = await bring(database, PRODUCTS, SAMPLE)
    assert (first.rows, first.saved, first.repeated) == (80, True, False)
    assert await rows(database, "SELECT state, count(*) FROM product GROUP BY 1") == [("listed", 80)]
    assert await rows(database, "SELECT count(*) FROM import_row WHERE batch_id = :id", id=first.batch_id) == [(80,)]
    before = await rows(database, "SELECT * FROM product ORDER BY code")
    again = await bring(database, PRODUCTS, SAMPLE, file_name="renamed.csv")
    assert (again.saved, again.repeated, again.batch_id) == (False, True, first.batch_id)
    assert await rows(database, "SELECT * FROM product ORDER BY code") == before
    assert await rows(database, "SELECT count(*) FROM import_batch") == [(1,)]


async def test_every_mistake_is_named_by_row_and_column_and_nothing_is_saved(shop: Database) -> None:
    data = file_of(
        f"N1,好商品,杂粮,{SELLER},620623,500g,500,12.50,9%,test",
        f"N2,,杂粮,{SELLER},62062,500g,0,12.505,17.5%,test",
    )
    with pytest.raises(RowsRefused) as refused:
        await bring(shop, PRODUCTS, data)
    said = {error.pointer: error.detail for error in refused.value.errors}
    assert set(said) == {
        f"/rows/3/{name}" for name in ("title", "origin_county_code", "net_grams", "price_yuan", "vat")
    }
    assert said["/rows/3/price_yuan"].startswith("第 3 行“单价（元）”")
    assert await rows(shop, "SELECT code FROM product") == [("T1",)]
    kept = await rows(
        shop, "SELECT b.state, r.number, r.errors FROM import_batch b JOIN import_row r ON r.batch_id = b.id ORDER BY 2"
    )
    assert [(state, number, bool(errors)) for state, number, errors in kept] == [
        ("refused", 2, False),
        ("refused", 3, True),
    ]


@pytest.mark.parametrize(("code", "said"), [("", "没有填产地县代码"), ("999999", "不是今天有效的")])
async def test_no_listing_without_a_county_code_valid_today(shop: Database, code: str, said: str) -> None:
    data = file_of(
        f"N1,好商品,杂粮,{SELLER},620623,500g,500,12.50,9%,test",
        f"N2,无产地,杂粮,{SELLER},{code},500g,500,12.50,9%,test",
    )
    with pytest.raises(OriginCountyRequired) as refused:
        await bring(shop, PRODUCTS, data)
    assert (refused.value.status, refused.value.code) == (422, "origin_county_required")
    assert [error.pointer for error in refused.value.errors] == ["/rows/3/origin_county_code"]
    assert said in refused.value.detail
    assert await rows(shop, "SELECT code FROM product") == [("T1",)]


async def test_a_dry_run_tries_everything_and_keeps_nothing(shop: Database) -> None:
    good = file_of(f"N1,好商品,杂粮,{SELLER},620623,500g,500,12.50,9%,test")
    tried = await bring(shop, PRODUCTS, good, dry_run=True)
    assert (tried.rows, tried.saved, tried.batch_id) == (1, False, None)
    with pytest.raises(RowsRefused):
        await bring(shop, PRODUCTS, file_of("N1,,,,,,,,,"), dry_run=True)
    assert await rows(shop, "SELECT count(*) FROM import_batch") == [(0,)]
    assert await rows(shop, "SELECT code FROM product") == [("T1",)]
    assert (await bring(shop, PRODUCTS, good)).saved


async def test_a_supplier_brings_drafts_of_its_own_and_nothing_else(shop: Database) -> None:
    supplier_id = (await rows(shop, "SELECT id FROM supplier"))[0][0]
    own = Actor(new_id(), new_id(), new_id(), (Grant(Role.SUPPLIER, "supplier", str(supplier_id)),))
    other = Actor(new_id(), new_id(), new_id(), (Grant(Role.SUPPLIER, "supplier", str(new_id())),))
    data = file_of(f"N1,好商品,杂粮,{SELLER},620623,500g,500,12.50,9%,test")
    with pytest.raises(NotYourSupplier):
        await bring(shop, PRODUCTS, data, actor=other)
    for kind, content in ((PRICES, "规格编号,单价（元）\nT1,1\n"), (STOCK, "规格编号,方式,件数\nT1,入库,5\n")):
        with pytest.raises(NotYourSupplier):
            await bring(shop, kind, content.encode(), actor=other)
    assert await rows(shop, "SELECT code FROM product") == [("T1",)]
    assert (await bring(shop, PRODUCTS, data, actor=own)).saved
    assert await rows(shop, "SELECT state FROM product WHERE code = 'N1'") == [("draft",)]


async def test_the_same_delivery_handed_in_by_two_at_once_counts_once(shop: Database) -> None:
    data = "规格编号,方式,件数\nT1,入库,7\nT1,入库,5\n".encode("gbk")
    done = await asyncio.gather(*(bring(shop, STOCK, data) for _ in range(8)))
    assert sum(one.saved for one in done) == 1
    assert await rows(shop, "SELECT on_hand_pieces FROM stock_item") == [(12,)]
    assert await rows(shop, "SELECT sum(pieces)::int FROM stock_movement") == [(12,)]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (PRODUCTS, HEADER.strip() + f"\nN1,好商品,杂粮,{SELLER},620623,500g,500,12.50,9%,test" * 2),
        (STOCK, "规格编号,方式,件数\nT1,盘点,5\nT1,盘点,7"),
        (PRICES, "规格编号,单价（元）\nT1,5\nT1,7"),
    ],
    ids=["products", "stock", "prices"],
)
async def test_a_row_that_says_the_same_thing_twice_is_refused(shop: Database, kind: Kind[Any], line: str) -> None:
    before = await rows(shop, "SELECT * FROM price")
    with pytest.raises(Problem) as refused:
        await bring(shop, kind, line.encode())
    assert refused.value.status == 422
    assert "第 3 行" in refused.value.detail
    assert await rows(shop, "SELECT * FROM price") == before
    assert await rows(shop, "SELECT count(*) FROM stock_movement") == [(0,)]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30", "20260230", "明天"])
async def test_days_that_are_none(shop: Database, day: str) -> None:
    with pytest.raises(RowsRefused, match="不是日期"):
        await bring(shop, PRICES, f"规格编号,单价（元）,生效日期\nT1,5,{day}\n".encode())


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("规格编号,方式", "缺少列：件数"),
        ("规格编号,方式,颜色", "缺少列：件数；不认识的列：颜色"),
        ("规格编号,方式,件数,件数", "重复的列：件数"),
    ],
)
async def test_a_wrong_header_says_what_it_should_be(shop: Database, header: str, said: str) -> None:
    with pytest.raises(HeaderWrong, match=said):
        await bring(shop, STOCK, f"{header}\nT1,入库,1,1\n".encode())


async def test_members_names_and_phones_are_not_kept_beside_the_import(shop: Database) -> None:
    await bring(
        shop, UNITS, "单位编号,单位名称,上级单位编号,开始日期\nB,分行,A,2021-01-01\nA,总行,,2021-01-01\n".encode()
    )
    done = await bring(shop, MEMBERS, "姓名,手机,单位编号,开始日期\n张三丰,13912345678,B,2021年1月1日\n".encode())
    assert done.saved
    assert await rows(
        shop,
        "SELECT p.name, u.code FROM membership m JOIN person p ON p.id = m.person_id JOIN unit u ON u.id = m.unit_id",
    ) == [("张三丰", "B")]
    assert await rows(shop, "SELECT count(*) FROM import_row WHERE batch_id = :id", id=done.batch_id) == [(0,)]
    assert await rows(shop, "SELECT count(*) FROM unit_parent") == [(1,)]


async def test_every_template_shows_a_row_that_can_be_imported(database: Database) -> None:
    """In an order in which each finds what the one before brought."""
    async with database.transaction() as session:
        await load_counties(session, now=OPENED)
    kinds = {kind.name: kind for kind in (*CATALOG_KINDS, COUNTING_RULES, SPENDING_RULES)}
    assert set(kinds) == {
        "counties", "designations", "pairings", "units", "unions", "members", "producers", "suppliers", "products",
        "prices", "stock", "recognitions", "counting-rules", "spending-rules",
    }  # fmt: skip
    top = (
        csv_bytes(template(kinds["units"]))
        .decode("utf-8-sig")
        .replace("DEMO-1,", "DEMO,")
        .replace(",DEMO,2021", ",,2021")
    )
    await bring(database, kinds["units"], top.encode())
    for name in (
        "counties", "units", "unions", "members", "pairings", "producers", "suppliers", "products", "prices", "stock",
        "recognitions", "counting-rules", "spending-rules",
    ):  # fmt: skip
        done = await bring(database, kinds[name], csv_bytes(template(kinds[name])))
        assert (name, done.rows, done.saved) == (name, 1, True)
    assert await rows(database, "SELECT on_hand_pieces FROM stock_item") == [(500,)]
    assert await rows(database, "SELECT version FROM counting_rule") == [("2021-1",)]


async def test_goods_sold_by_weight_are_priced_by_500_g_or_1_kg(shop: Database) -> None:
    header = HEADER.strip().replace("来源文件", "上架,称重,来源文件")

    def line(code: str, grams: int) -> str:
        return f"{code},散装土豆,蔬菜,{SELLER},,散装,{grams},3.00,9%,否,是,目录\n"

    with pytest.raises(RowsRefused) as refused:
        await bring(shop, PRODUCTS, f"{header}\n{line('W1', 750)}".encode())
    assert "净重应为 500 或 1000" in refused.value.errors[0].detail
    await bring(shop, PRODUCTS, f"{header}\n{line('W1', 500)}{line('W2', 1_000)}".encode())
    weighed = await rows(shop, "SELECT code, net_grams, weighed FROM sku ORDER BY code")
    assert weighed == [("T1", 500, False), ("W1", 500, True), ("W2", 1_000, True)]
