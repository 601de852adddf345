"""What waits for people in a furnished shop: money that turned back, imports, corrections, questions, requests."""

import time
from datetime import timedelta
from typing import Any

from shop.app.demo.people import UNITS
from shop.core import clock
from tests.make.intake import Line, ours
from tests.make.whole_shop import API, PATIENCE_SECONDS, WholeShop

_WHY = {"reason": "核实（虚构）"}


def wait(shop: WholeShop) -> None:
    """One of everything that a second person, or somebody who was asked, finds on his pages."""
    _money(shop)
    _sales_elsewhere(shop)
    _questions(shop)
    _requests(shop)


def _money(shop: WholeShop) -> None:
    """Held, kept, disputed, refunded by the provider, and a line that somebody wants corrected."""
    kept = _paid(shop, amount_fen=99_999)
    _until(shop, lambda: len(shop.ask("staff", "GET", "/payments/held")["items"]) == 1)
    for who in ("staff", "staff.second"):
        shop.ask(who, "POST", f"/payments/{kept}/keep", _WHY)
    _paid(shop, amount_fen=99_999)
    disputed, refunded = _paid(shop), _paid(shop)
    _until(shop, lambda: shop.ask("employee", "GET", "/orders")["items"][0]["payment_state"] == "paid")
    assert shop.http.post(f"{shop.url}/sandbox/payments/{disputed}/dispute", json={"inquiry": True}).ok
    assert shop.http.post(f"{shop.url}/sandbox/payments/{refunded}/refund", json={"amount_fen": 1}).ok
    for what in ("held", "dispute", "provider_refund", "advance"):
        _until(shop, lambda what=what: shop.ask("staff", "GET", f"/payments/held?what={what}")["items"] != [])  # type: ignore[misc]
    (flag,) = shop.ask("staff", "GET", "/flags?state=open")["items"]
    shop.ask("staff.second", "POST", f"/flags/{flag['id']}/review", {"outcome": "finding", **_WHY})
    order = shop.ask("employee", "GET", f"/orders/{shop.ids['order_id']}")
    requested = {"order_line": order["lines"][0]["id"], "facts": {"counted": False, "not_counted_reason": "donated"}}
    paper = {"document_sha256": shop.ids["sha256"], **_WHY}
    shop.ask("staff.second", "POST", "/credit/corrections", requested | paper)


def _paid(shop: WholeShop, **how: Any) -> str:
    lines = [{"sku_id": shop.ids["sku_id"], "quantity": 1}]
    address = shop.bodies[f"POST {API}/orders"]["address"]
    order = shop.ask("employee", "POST", "/orders", {"lines": lines, "address": address})
    page = shop.ask("employee", "POST", f"/orders/{order['id']}/pay", {"method": "stripe"})
    payment: str = page["payment_id"]
    assert shop.http.post(f"{shop.url}/sandbox/payments/{payment}/succeed", json=how or None).ok
    return payment


def _sales_elsewhere(shop: WholeShop) -> None:
    product = shop.ask("employee", "GET", f"/products/{shop.ids['product_id']}")
    line = Line(
        unit=UNITS["DEMO"][0], county=product["county"]["name"], province=product["county"]["province"],
        producer=product["producer"]["name"], supplier=product["supplier"]["name"], product=product["title"],
    )  # fmt: skip
    for number in ("N1", "N2"):
        shop.ask(
            "staff.second", "POST", "/intake/batches", data={"channel": "platform_832"},
            files={"file": ("对账单.csv", ours([line.__class__(**{**line.__dict__, "number": number})]))},
        )  # fmt: skip


def _questions(shop: WholeShop) -> None:
    due = str(clock.today() + timedelta(days=9))
    for number in (1, 2):
        asked = {
            "unit_id": shop.ids["unit_id"], "subject": f"合同{number}（虚构）", "words": "请提供合同",
            "owner": "staff@demo.test", "due_on": due,
        }  # fmt: skip
        question = shop.ask("auditor", "POST", "/audit/questions", asked)
    shop.ask("staff", "POST", f"/audit/questions/{question['id']}/reply", {"reply": "已提供"})
    shop.ask("staff", "POST", "/filings", {"month": "2026-10", "unit": shop.ids["unit_id"]})


def _requests(shop: WholeShop) -> None:
    requested = {
        "email": "employee@demo.test", "role": "staff", "scope_kind": "unit", "scope_id": shop.ids["unit_id"],
        "valid_from": str(clock.today()), **_WHY,
    }  # fmt: skip
    shop.ask("admin.second", "POST", "/role-grants", requested)


def _until(shop: WholeShop, done: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, "the worker has not done it"
        time.sleep(0.1)
