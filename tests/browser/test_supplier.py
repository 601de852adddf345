"""A supplier's own pages: on a desk with scripts, and on a phone without."""

import pytest
from playwright.sync_api import Page

from tests.browser.test_buying import sign_in
from tests.browser.test_storefront import fits

pytestmark = pytest.mark.browser


def test_a_supplier_plans_tomorrows_freight(desk: Page) -> None:
    sign_in(desk, "supplier@demo.test")
    desk.click("nav >> text=运费")
    assert desk.locator("caption").inner_text() == "现在和以后的运费"
    row = desk.locator("main form[method=post] tbody tr").count() - 3  # the first empty one
    desk.select_option(f"select[name=region-{row}]", "43")
    desk.fill(f"input[name=first_yuan-{row}]", "12")
    desk.fill(f"input[name=step_yuan-{row}]", "三块")
    desk.click("main form[method=post] button[type=submit]")
    wrong = desk.locator("input[aria-invalid]")
    assert (wrong.count(), wrong.input_value()) == (1, "三块")
    wrong.fill("3.5")
    desk.click("main form[method=post] button[type=submit]")
    assert desk.locator("text=已保存").count() == 1
    planned = desk.locator("main table").first.locator("tr", has_text="湖南")
    assert "还没开始" in planned.inner_text()
    assert "¥12.00" in planned.inner_text()


def test_freight_fits_a_phone(phone: Page) -> None:
    sign_in(phone, "supplier@demo.test")
    phone.goto("/supplier/freight")
    assert fits(phone)
