"""The kitchen with a phone and no scripts: order by list and weight, accept as two, see what is due."""

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.canteen.jobs import mark_overdue
from orders.canteen.models import ReservedShareDuty, ReservedShareRule
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.browser import browser_of
from tests.make.canteen import CREDIT_DAYS, days_later, kitchen_shop
from tests.orders.canteen.test_orders import accepted, ordered, rows

pytestmark = pytest.mark.anyio


async def test_goods_are_found_saved_as_a_list_and_ordered_by_weight(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    browser = await browser_of(app, database, made.buyer)
    await browser.open("/canteen")
    await browser.open("/canteen/order")
    page = await browser.send("/canteen/order", do="find", q="示例货")
    potatoes, rice = f"amount-{made.potatoes}", f"amount-{made.rice}"
    assert {potatoes, rice} <= page.forms["/canteen/order"].keys()
    page = await browser.send("/canteen/order", do="look", **{potatoes: "半斤", rice: "2"})
    assert page.status == 422
    assert "应为千克数" in page.words
    assert page.forms["/canteen/order"][potatoes] == "半斤", "what was typed stays"
    page = await browser.send("/canteen/order", do="look", **{potatoes: "12.5"})
    assert "¥290.00" in page.words, "25 half kilos at 10.00, two bags at 20.00"
    await browser.send("/canteen/order", do="save", list_name="周一早餐")
    assert browser.path == "/canteen"
    assert "周一早餐" in browser.page.words
    [(list_id,)] = await rows(database, "SELECT id FROM canteen_list")
    page = await browser.open(f"/canteen/order?list_id={list_id}")
    assert page.forms["/canteen/order"][potatoes] == "12.5"
    await browser.send("/canteen/order", do="place", **{rice: "3"})
    assert browser.path.startswith("/canteen/orders/"), browser.page.words
    assert "12.5 千克" in browser.page.words
    [(milli, quantity)] = await rows(
        database,
        "SELECT coalesce(weighed_milli, quantity * 1000)::int, quantity::int FROM order_line WHERE sku_id = :s",
        s=made.potatoes,
    )
    assert (milli, quantity) == (25_000, 25)
    await browser.open("/canteen")
    again = await browser.open(f"/canteen/order?repeat={(await rows(database, 'SELECT id FROM shop_order'))[0][0]}")
    assert again.forms["/canteen/order"][rice] == "3"


async def test_two_people_accept_on_the_phone_and_what_was_typed_stays(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    one, two = made.receivers
    browser = await browser_of(app, database, one)
    page = await browser.open("/canteen/deliveries")
    assert order["order"]["number"] in page.words
    path = f"/canteen/deliveries/{order['order']['id']}"
    page = await browser.open(path)
    assert "12.345 千克" in page.words
    potatoes, rice = (line["id"] for line in order["lines"])
    counts = {f"accepted-{potatoes}": "13", f"accepted-{rice}": "3", "driver": "司机甲", "plate": "贵A00000"}
    page = await browser.send(path, **counts, witness_id=str(two.user_id))
    assert page.status == 409
    assert "实收超过订购" in page.words
    assert page.forms[path][f"accepted-{potatoes}"] == "13"
    page = await browser.send(path, **{f"accepted-{potatoes}": ""})
    assert "请填实收" in page.words
    await browser.send(path, **{f"accepted-{potatoes}": "12.3"})
    assert browser.page.status == 200
    assert "收 12.3 千克" in browser.page.words
    assert await rows(database, "SELECT received_by, witnessed_by FROM acceptance") == [(one.user_id, two.user_id)]
    page = await (buyer := await browser_of(app, database, made.buyer)).open("/canteen")
    assert "待付款" in page.words
    page = await buyer.open(f"/canteen/orders/{order['order']['id']}")
    assert "贵A00000 · 司机甲" in page.words


async def test_what_is_overdue_is_shown_and_extended_once(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    await accepted(app, made, order, 12_345, 3)
    await days_later(database, CREDIT_DAYS + 1)
    await mark_overdue(database, now=clock.now())
    browser = await browser_of(app, database, made.buyer)
    page = await browser.open("/canteen")
    assert "有账款已经逾期" in page.words
    path = f"/canteen/orders/{order['order']['id']}"
    await browser.open(path)
    page = await browser.send(f"{path}/extension", reason="")
    assert page.status == 422
    page = await browser.send(f"{path}/extension", reason="财政拨款未到")
    assert "已延期一次" in page.words
    assert f"{path}/extension" not in page.forms
    page = await browser.open("/canteen")
    assert "有账款已经逾期" not in page.words


async def test_a_budget_unit_sees_its_reserved_share_and_a_bank_does_not(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    browser = await browser_of(app, database, made.buyer)
    year = clock.today().year
    async with database.transaction() as session:
        session.add_all(
            ReservedShareRule(
                id=new_id(), province=province, basis_points=points, valid_from=clock.today(), source=source
            )
            for province, points, source in ((None, 1_000, "全国 10%"), ("上海市", 1_500, "本市 15%"))
        )
    assert "预留份额" not in (await browser.open("/canteen")).words
    async with database.transaction() as session:
        duty = ReservedShareDuty(unit_id=made.shop.branch, fiscal_year=year, planned_fen=100_000, source="预算（虚构）")
        session.add(duty)
    page = await browser.open("/canteen")
    assert "全国 10%" in page.words
    assert "¥100.00" in page.words
    async with database.transaction() as session:
        await session.execute(text("UPDATE unit SET province = '上海市'"))
    page = await browser.open("/canteen")
    assert "本市 15%" in page.words
    assert "¥150.00" in page.words
