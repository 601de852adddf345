"""A newcomer buys something, on a phone, with scripts off; and nothing on the way is wider than the screen."""

import re
from collections.abc import Iterator
from time import monotonic, sleep

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PASSWORD, PHONE

pytestmark = pytest.mark.browser


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("邮箱").fill(email)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()


def put_into_cart(page: Page, quantity: int) -> str:
    """The first thing in the window that can be had; its title."""
    page.goto("/")
    page.locator("li.card:not(.gone) a.card-link").first.click()
    title = page.get_by_role("heading", level=1).inner_text()
    page.get_by_label("数量").fill(str(quantity))
    page.get_by_role("button", name="加入购物车").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("购物车")
    return title


def fill_address(page: Page) -> None:
    page.get_by_label("收货人").fill("收货人甲")
    page.get_by_label("手机号").fill("13800138000")
    page.get_by_label("所在县（市、区）").fill("上海黄浦")
    page.get_by_label("街道、门牌号").fill("示例路一号")


def until_paid(page: Page) -> None:
    """The page looks again by itself, without a script; the worker needs a moment."""
    deadline = monotonic() + 20
    while page.get_by_role("heading", level=1).inner_text()[:2] != "收据":
        assert monotonic() < deadline, page.locator("main").inner_text()
        sleep(0.3)


def test_a_newcomer_buys_on_a_phone_without_scripts(phone: Page) -> None:
    title = put_into_cart(phone, 2)
    phone.get_by_role("link", name="登录去结账").click()
    phone.get_by_label("邮箱").fill("employee@demo.test")
    phone.get_by_label("密码").fill(PASSWORD)
    phone.get_by_role("button", name="登录", exact=True).click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("结账")
    fill_address(phone)
    phone.get_by_label("街道、门牌号").press("Enter")
    expect(phone.get_by_text("✓ 上海市黄浦区")).to_be_visible()
    expect(phone.get_by_text(re.compile("计入：示例银行.*¥"))).to_be_visible()
    phone.get_by_role("button", name=re.compile("提交订单并付款 ¥")).click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("沙盒付款")
    phone.get_by_role("button", name="微信支付").click()
    until_paid(phone)
    main = phone.locator("main")
    for said in (title, "待发货", "微信支付", "上海市黄浦区 示例路一号", "138****8000"):
        expect(main).to_contain_text(said)
    expect(main).to_contain_text(re.compile("计入：示例银行第一分行（虚构） · .* · ¥"))
    phone.goto("/orders")
    expect(phone.locator("main")).to_contain_text(re.compile(r"今年您帮助了 \d+ 个县，共 ¥"))
    phone.goto("/cart")
    expect(phone.get_by_text("购物车还是空的")).to_be_visible()


def test_an_outside_buyer_leaves_and_pays_later(desk: Page) -> None:
    sign_in(desk, "outside@demo.test")
    put_into_cart(desk, 1)
    desk.get_by_role("link", name="去结账").click()
    fill_address(desk)
    desk.get_by_role("button", name="下一步：看合计").click()
    expect(desk.get_by_text("请核对合计")).to_be_visible()
    desk.get_by_role("button", name=re.compile("提交订单并付款 ¥")).click()
    desk.get_by_role("link", name="先不付，回到订单").click()
    expect(desk.locator("main")).to_contain_text("付款后记给谁")
    desk.goto("/orders")
    desk.get_by_role("button", name="去付款").click()
    desk.get_by_role("button", name="支付宝").click()
    until_paid(desk)
    expect(desk.locator("main")).to_contain_text("帮助销售")
    expect(desk.get_by_role("button", name="打印")).to_be_visible()
    desk.get_by_text("取消订单").click()
    desk.get_by_role("button", name="确定取消").click()
    expect(desk.locator("main")).to_contain_text("已取消")
    expect(desk.locator("main")).to_contain_text("退款")


@pytest.fixture(params=["phone", "desk"])
def measured(request: pytest.FixtureRequest, chromium: Browser, shop_url: str) -> Iterator[Page]:
    size = PHONE if request.param == "phone" else DESK
    with chromium.new_context(base_url=shop_url, viewport=size, locale="zh-CN") as context:
        yield context.new_page()


def test_no_page_of_the_way_is_wider_than_the_screen_and_every_field_has_a_name(measured: Page) -> None:
    complaints: list[str] = []
    measured.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    sign_in(measured, "canteen@demo.test")
    put_into_cart(measured, 3)
    for path in ("/cart", "/checkout", "/checkout?address=new", "/orders"):
        measured.goto(path)
        assert measured.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        nameless = measured.evaluate(
            "[...document.querySelectorAll('main input:not([type=hidden]), main select')]"
            ".filter(field => !field.labels.length).map(field => field.outerHTML)"
        )
        assert nameless == [], path
    assert complaints == []
