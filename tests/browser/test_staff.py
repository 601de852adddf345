"""The desks of staff on a phone: nothing is wider than the screen."""

import pytest
from playwright.sync_api import Page

from tests.browser.test_buying import sign_in
from tests.browser.test_storefront import fits

pytestmark = pytest.mark.browser


def test_no_page_of_staff_is_wider_than_a_phone(phone: Page) -> None:
    sign_in(phone, "staff@demo.test")
    phone.goto("/staff")
    links = phone.locator("main a[href^='/staff/']").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert "/staff/reports" in links
    asked = "/staff/reports?known_at=2020-01-01T00:00:00Z"
    phone.goto("/staff/reports")
    verify = phone.locator("main a[href^='/verify/']").get_attribute("href")
    assert verify
    for path in (*links, "/staff/reports?group_by=county,unit,month", asked, verify):
        for width in (320, 390):
            phone.set_viewport_size({"width": width, "height": 844})
            phone.goto(path)
            assert fits(phone), (path, width)
