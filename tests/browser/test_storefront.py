"""The shop window in a real browser: on a phone without scripts, on a desk with them, and what it says."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PAGES = ("/", "/?q=huajiao", "/?q=没有这种东西", "/?category=茶叶", "/counties/140225")


def fits(page: Page) -> bool:
    """Nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_a_phone_finds_narrows_and_opens_without_scripts(phone: Page) -> None:
    phone.goto("/")
    expect(phone.locator("li.card")).to_have_count(24)
    phone.get_by_label("搜索商品").fill("huajiao")
    phone.get_by_role("button", name="搜索", exact=True).click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("搜索“huajiao”")
    titles = phone.locator(".card-title").all_inner_texts()
    assert titles
    assert all("花椒" in title or "礼" in title for title in titles), titles
    phone.locator("a.card-link", has_text="花椒").first.click()
    expect(phone.get_by_role("button", name="加入购物车")).to_be_visible()
    phone.locator("main a[href^='/counties/']").first.click()
    expect(phone.get_by_role("heading", name="为什么买这里的")).to_be_visible()


def test_filters_open_without_scripts_and_can_be_taken_away(phone: Page) -> None:
    phone.goto("/")
    phone.get_by_text("筛选：品类、产地、帮扶类别、价格").click()
    phone.get_by_role("link", name="茶叶", exact=True).click()
    found = phone.locator("li.card").count()
    assert 0 < found < 24
    phone.get_by_role("link", name="茶叶").first.click()
    expect(phone.locator("li.card")).to_have_count(24)
    phone.get_by_text("筛选：品类、产地、帮扶类别、价格").click()
    phone.get_by_label("最高价（元）").fill("30")
    phone.get_by_role("button", name="按价格筛选").click()
    prices = [float(text.strip("¥")) for text in phone.locator(".card .price").all_inner_texts()]
    assert prices
    assert max(prices) <= 30


def test_nothing_found_helps(phone: Page) -> None:
    phone.goto("/?q=没有这种东西")
    expect(phone.get_by_role("heading", name="没有找到合适的商品")).to_be_visible()
    phone.get_by_role("link", name="看全部商品").click()
    expect(phone.locator("li.card")).to_have_count(24)


def test_the_next_page_shows_others(phone: Page) -> None:
    phone.goto("/")
    first = set(phone.locator(".card-title").all_inner_texts())
    phone.get_by_role("link", name="下一页").click()
    second = set(phone.locator(".card-title").all_inner_texts())
    assert second
    assert not first & second


@pytest.mark.parametrize("path", PAGES)
def test_it_fits_the_screen_and_pictures_load(desk: Page, path: str) -> None:
    trouble: list[str] = []
    desk.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    desk.on("pageerror", lambda error: trouble.append(str(error)))
    for width in (320, 390, 1280):
        desk.set_viewport_size({"width": width, "height": 800})
        desk.goto(path)
        assert fits(desk), (path, width)
    for picture in desk.locator("li.card img").all()[:8]:
        picture.scroll_into_view_if_needed()
        desk.wait_for_function("image => image.complete", arg=picture.element_handle())
        assert picture.evaluate("image => image.naturalWidth") > 0
    assert trouble == []


def test_a_product_page_fits_and_says_where_from(desk: Page) -> None:
    desk.goto("/?q=礼盒")
    desk.goto("/")
    there = desk.locator("a.card-link").first.get_attribute("href") or ""
    for width in (320, 1280):
        desk.set_viewport_size({"width": width, "height": 800})
        desk.goto(there)
        assert fits(desk), width
    for heading in ("这笔消费记给谁", "产地与生产者", "证照与认定", "保存、发货与运费"):
        expect(desk.get_by_role("heading", name=heading)).to_be_visible()
