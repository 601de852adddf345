"""Buying with a browser that runs no scripts."""

from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.switchboard import handle_inbox
from shop.core import clock
from shop.core.database import Database
from tests.make.browser import Browser, browser_of
from tests.make.caller import token_of
from tests.make.shop import SmallShop, buyer, small_shop
from tests.shop.access.test_pages import token_in

pytestmark = pytest.mark.anyio

TYPED = {"name": "收货人乙", "phone": "13900139000", "region_q": "上海黄浦", "street": "示例路二号"}


async def scalar(database: Database, statement: str) -> object:
    async with database.reading() as session:
        return await session.scalar(text(statement))


async def into_cart(browser: Browser, sku_id: UUID, quantity: str = "1") -> None:
    """As from a product's page; the token comes from a page with a form."""
    await browser.open("/sign-in" if not browser.page.forms else browser.path)
    token = next(form["csrf_token"] for form in browser.page.forms.values() if "csrf_token" in form)
    browser.page.forms["/cart/lines"] = {"csrf_token": token}
    await browser.send("/cart/lines", sku_id=str(sku_id), quantity=quantity)
    assert browser.path in {"/cart", "/cart/lines"}


async def at_checkout(app: FastAPI, database: Database, lines: dict[int, str]) -> tuple[SmallShop, Browser]:
    shop = await small_shop(database, pieces=50)
    browser = await browser_of(app, database, await buyer(database, works_at=shop.branch))
    await browser.open("/orders")
    for index, quantity in lines.items():
        await into_cart(browser, shop.skus[index], quantity)
    return shop, browser


async def test_an_employee_buys_pays_and_reads_the_receipt(app: FastAPI, database: Database) -> None:
    _, browser = await at_checkout(app, database, {0: "2", 2: "1"})
    page = await browser.open("/checkout")
    assert "计入：示例银行一分行（虚构） · 从江县 · ¥20.00" in page.words
    assert "计入：示例银行一分行（虚构） · 浑源县 · ¥30.00" in page.words
    assert "下一步：看合计" in page.buttons
    page = await browser.send("/checkout", do="place", **TYPED)
    assert "请核对合计" in page.words
    assert "¥62.00" in page.words
    assert await scalar(database, "SELECT count(*) FROM shop_order") == 0, "nobody had seen the total yet"
    page = await browser.send("/checkout", do="place")
    assert browser.path.startswith("/sandbox/pay/"), page.words
    page = await browser.send(browser.path, choice="wechat_pay")
    await app.state.sandbox.quiet()
    assert await handle_inbox(database, app.state.gateway, now=clock.now()) == 1
    order_id = await scalar(database, "SELECT id FROM shop_order")
    page = await browser.open(f"/orders/{order_id}")
    for said in (
        "收据", "收货人乙 139****9000", "上海市黄浦区 示例路二号", "微信支付", "已付 ¥62.00",
        "计入：示例银行一分行（虚构） · 从江县 · ¥20.00", "计入：示例银行一分行（虚构） · 浑源县 · ¥30.00",
    ):  # fmt: skip
        assert said in page.words
    assert "http-equiv" not in page.html
    page = await browser.open("/orders")
    assert "今年您帮助了 2 个县，共 ¥50.00" in page.words
    page = await browser.open("/cart")
    assert "购物车还是空的" in page.words


async def test_a_typed_address_is_remembered_if_wanted_and_offered_next_time(app: FastAPI, database: Database) -> None:
    shop, browser = await at_checkout(app, database, {0: "1"})
    for requested in ("false", "true"):
        assert await scalar(database, "SELECT count(*) FROM address") == 0
        await browser.open("/checkout")
        await browser.send("/checkout", do="find", **TYPED)
        await browser.send("/checkout", do="place", remember=requested)
        assert browser.path.startswith("/sandbox/pay/")
        await browser.open("/orders")
        await into_cart(browser, shop.skus[0])
    page = await browser.open("/checkout")
    assert "收货人乙 139****9000" in page.words
    assert "提交订单并付款 ¥16.00" in page.buttons
    page = await browser.open("/checkout?address=new")
    assert page.forms["/checkout"]["address"] == "new"


async def test_sent_twice_it_is_one_order(app: FastAPI, database: Database) -> None:
    _, browser = await at_checkout(app, database, {0: "1"})
    await browser.open("/checkout")
    await browser.send("/checkout", do="find", **TYPED)
    ready = browser.page
    await browser.send_and_stay("/checkout", do="place")
    first, browser.page = browser.location, ready
    await browser.send_and_stay("/checkout", do="place")
    assert browser.location == first
    browser.page = ready
    await browser.send("/checkout", do="place", street="示例路三号")
    assert "这张订单已经提交过" in browser.page.words
    assert await scalar(database, "SELECT count(*) FROM shop_order") == 1
    assert await scalar(database, "SELECT count(*) FROM payment") == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "", "请填写收货人姓名"),
        ("phone", "123", "请填写能打通的手机或座机号码"),
        ("street", " ", "请填写街道、门牌号"),
        ("street", "-", "请填写街道、门牌号"),
        ("postcode", "20", "邮政编码为 6 位数字"),
        ("region_q", "", "请填写收货的县"),
        ("region_q", "乌有县", "没有找到这个县"),
        ("region_q", "省", "有几个地方符合"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    app: FastAPI, database: Database, field: str, typed: str, said: str
) -> None:
    _, browser = await at_checkout(app, database, {0: "1"})
    await browser.open("/checkout")
    page = await browser.send("/checkout", do="place", **TYPED | {field: typed})
    assert page.status == 422
    assert said in page.words
    kept = page.forms["/checkout"]
    assert {name: kept[name] for name in TYPED} == TYPED | ({field: typed} if field in TYPED else {})
    assert await scalar(database, "SELECT count(*) FROM shop_order") == 0


async def test_a_total_that_changed_is_shown_before_anything_is_ordered(app: FastAPI, database: Database) -> None:
    shop, browser = await at_checkout(app, database, {0: "1"})
    await browser.open("/checkout")
    await browser.send("/checkout", do="find", **TYPED)
    ready = browser.page
    await into_cart(browser, shop.skus[1])
    browser.page = ready
    page = await browser.send("/checkout", do="place")
    assert (page.status, await scalar(database, "SELECT count(*) FROM shop_order")) == (409, 0)
    assert "原来合计 ¥16.00，现在合计 ¥36.00" in page.words
    assert page.forms["/checkout"]["street"] == TYPED["street"]
    await browser.send("/checkout", do="place")
    assert browser.path.startswith("/sandbox/pay/")


async def test_what_cannot_arrive_is_said_before_paying(app: FastAPI, database: Database) -> None:
    shop, browser = await at_checkout(app, database, {0: "1", 2: "1"})
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE freight_rate SET served = false WHERE supplier_id = :s"), {"s": shop.suppliers[1]}
        )
    await browser.open("/checkout")
    page = await browser.send("/checkout", do="find", **TYPED)
    assert "不能送到这个地址" in page.words
    assert not [label for label in page.buttons if "提交订单" in label]
    page = await browser.send("/checkout", do="place")
    assert page.status in {200, 409}
    assert await scalar(database, "SELECT count(*) FROM shop_order") == 0


async def test_a_visitors_cart_is_kept_through_signing_in_and_nobody_elses(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database, pieces=50)
    ada = await buyer(database, works_at=shop.branch)
    at_home = await browser_of(app, database, ada)
    await at_home.open("/orders")
    await into_cart(at_home, shop.skus[0], "9990")
    visitor = await browser_of(app, database)
    await into_cart(visitor, shop.skus[0], "30")
    await into_cart(visitor, shop.skus[1], "2")
    assert "登录去结账" in visitor.page.words
    assert "计入" not in visitor.page.words.split("登录后会看到")[0]
    forged = await browser_of(app, database)
    forged.client.cookies.set("cart", str(ada.user_id))
    assert "购物车还是空的" in (await forged.open("/cart")).words
    signed_in = await browser_of(app, database, ada)
    signed_in.client.cookies.set("cart", visitor.client.cookies["cart"], domain="shop.test")
    page = await signed_in.open("/cart")
    quantities = {action: form["quantity"] for action, form in page.forms.items() if "quantity" in form}
    assert quantities == {f"/cart/lines/{shop.skus[0]}": "9999", f"/cart/lines/{shop.skus[1]}": "2"}
    assert "cart" not in signed_in.client.cookies
    assert "购物车还是空的" in (await visitor.open("/cart")).words


async def test_over_https_no_other_host_sets_a_visitors_cart(app: FastAPI, database: Database) -> None:
    app.state.settings = app.state.settings.model_copy(update={"public_url": "https://shop.test"})
    shop = await small_shop(database, pieces=50)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.test") as visitor:
        token = token_in(await visitor.get("/sign-in"))
        put = await visitor.post("/cart/lines", data={"csrf_token": token, "sku_id": str(shop.skus[0])})
        assert put.headers["set-cookie"].startswith("__Host-cart=")
        assert "; Secure" in put.headers["set-cookie"]
        assert f"/cart/lines/{shop.skus[0]}" in (await visitor.get("/cart")).text
        ada = await buyer(database, works_at=shop.branch)
        moved = await visitor.get("/cart", headers=token_of(app, ada))
    assert f"/cart/lines/{shop.skus[0]}" in moved.text
    assert moved.headers["set-cookie"].startswith('__Host-cart=""')
    assert "; Secure" in moved.headers["set-cookie"], "else no browser forgets it"


async def test_the_cart_takes_quantities_and_says_what_cannot_be_one(app: FastAPI, database: Database) -> None:
    shop, browser = await at_checkout(app, database, {0: "1", 1: "2"})
    line = f"/cart/lines/{shop.skus[0]}"
    for wrong in ("0", "-1", "1000000000000", "两", "1.5"):
        page = await browser.send(line, quantity=wrong, do="put")
        assert page.status == 422
        assert page.forms[line]["quantity"] == wrong, "what was typed stays"
    assert await scalar(database, "SELECT sum(quantity)::int FROM cart_line") == 3
    for mistyped in ("Put", "delete"):
        for quantity in ("", "7"):
            assert (await browser.send_and_stay(line, quantity=quantity, do=mistyped)).status == 422
            await browser.open("/cart")
    assert await scalar(database, "SELECT sum(quantity)::int FROM cart_line") == 3, "another word takes nothing away"
    page = await browser.send(line, quantity="60", do="put")
    assert "库存不足，还剩 50 件" in page.words
    page = await browser.send(line, do="remove")
    assert list(page.forms) == [*(a for a in page.forms if a != line)]
    assert await scalar(database, "SELECT sum(quantity)::int FROM cart_line") == 2


async def test_an_unpaid_order_can_be_paid_later_or_cancelled(app: FastAPI, database: Database) -> None:
    _, browser = await at_checkout(app, database, {0: "3"})
    await browser.open("/checkout")
    await browser.send("/checkout", do="find", **TYPED)
    await browser.send("/checkout", do="place")
    first = browser.path
    order_id = await scalar(database, "SELECT id FROM shop_order")
    page = await browser.open(f"/orders/{order_id}")
    assert "付款中" in page.words
    assert f'content="3;url=/orders/{order_id}?look=1"' in page.html
    assert "http-equiv" not in (await browser.open(f"/orders/{order_id}?look=10")).html
    await browser.send(f"/orders/{order_id}/pay")
    assert browser.path == first, "the same page again"
    await browser.open(f"/orders/{order_id}")
    page = await browser.send(f"/orders/{order_id}/cancel")
    assert "订单已经取消" in page.words
    assert await scalar(database, "SELECT sum(held_pieces)::int FROM stock_item") == 0


async def test_an_order_is_not_shown_to_another_buyer(app: FastAPI, database: Database) -> None:
    shop, browser = await at_checkout(app, database, {0: "1"})
    await browser.open("/checkout")
    await browser.send("/checkout", do="find", **TYPED)
    await browser.send("/checkout", do="place")
    order_id = await scalar(database, "SELECT id FROM shop_order")
    other = await browser_of(app, database, await buyer(database, works_at=shop.branch))
    page = await other.open(f"/orders/{order_id}")
    assert page.status == 404
    assert "收货人乙" not in page.words
    assert "还没有订单" in (await other.open("/orders")).words
