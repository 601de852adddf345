"""What a supplier changes of a product on the shelf waits for another person; the old state sells meanwhile."""

import asyncio
from typing import Any

import pytest

from catalog.listing.cache import LIFETIME_S
from shop.app.demo.caller import sign_in
from tests.make.caller import refused
from tests.make.review import IMPORT, Goods, file_of

pytestmark = pytest.mark.anyio


async def seen(shelf: Goods) -> dict[str, Any]:
    """The shelf as strangers read it, and what an order of now costs and freezes."""
    await asyncio.sleep(LIFETIME_S + 0.1)
    card, detail, page = await shelf.card(), await shelf.detail(), await shelf.page()
    buyer = await sign_in(shelf.http, "employee@demo.test")
    order = await buyer.order({str((await shelf.facts())["sku_id"]): 1})
    (line,) = order["lines"]
    return {
        "card": (card["title"], card["price_fen"], card["county"]["code"], card["producer"]["name"]),
        "detail": (detail["title"], detail["certification"], detail["county"]["code"], detail["producer"]["name"]),
        "sku": [(one["spec"], one["net_grams"], one["price_fen"]) for one in detail["skus"]],
        "page": detail["title"] in page,
        "line": (line["title"], line["spec"], line["unit_price_fen"]),
        "frozen": [(one["county"]["code"], one["producer"]["name"], one["grams"]) for one in line["origins"]],
    }


async def test_ten_times_the_price_with_another_title_and_weight_waits_and_the_old_state_sells(shelf: Goods) -> None:
    before, facts = await seen(shelf), await shelf.facts()
    change = {"title": "特级小米（虚构）", "grams": 250, "spec": "250g/袋", "yuan": f"{facts['fen'] // 10}.00"}
    answer = await shelf.brought(shelf.supplier, change)
    assert (answer["saved"], answer["products_waiting"]) == (True, 1)
    (waiting,) = answer["waiting"]
    assert (waiting["code"], waiting["title"]) == (shelf.code, facts["title"])
    assert {one["field"]: (one["before"], one["after"]) for one in waiting["changes"]} == {
        "title": (facts["title"], "特级小米（虚构）"),
        "net_grams": (facts["grams"], 250),
        "spec": (facts["spec"], "250g/袋"),
        "price": (facts["fen"], facts["fen"] // 10 * 100),
    }
    assert await seen(shelf) == before
    assert (await shelf.detail())["note"].endswith("第 1 份"), "what nobody decides about passes at once"

    assert (await shelf.act(shelf.first, waiting["review_id"], "approve")).status_code == 200
    after = await seen(shelf)
    assert after["card"][:2] == ("特级小米（虚构）", facts["fen"] // 10 * 100)
    assert after["sku"] == [("250g/袋", 250, facts["fen"] // 10 * 100)]
    assert after["line"] == ("特级小米（虚构）", "250g/袋", facts["fen"] // 10 * 100)
    assert [one[2] for one in after["frozen"]] == [250]
    (noted,) = await shelf.rows(
        "SELECT before ->> 'title', after ->> 'title', (after ->> 'net_grams')::int FROM audit_event"
        " WHERE action = 'product_review.approve' AND subject = 'product_review:' || :id",
        id=waiting["review_id"],
    )
    assert noted == (facts["title"], "特级小米（虚构）", 250)


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("title", "title", "换个名字（虚构）"),
        ("certification", "certification", "有机产品(虚构)"),
        ("certification", "certification", ""),
        ("origin_county_code", "origin", "620623"),
        ("made_county_code", "made", "620623"),
        ("producer", "producer", "天祝乌鞘岭藜谷农产品专业合作社（虚构）"),
        ("spec", "spec", "5kg/袋"),
        ("net_grams", "grams", 1),
        ("weighed", "weighed", "是"),
    ],
)
async def test_each_of_them_waits(shelf: Goods, field: str, name: str, value: Any) -> None:
    before = await seen(shelf)
    more = {"grams": 500} if name == "weighed" else {}
    answer = await shelf.brought(shelf.supplier, {name: value, **more})
    (waiting,) = answer["waiting"]
    assert field in {one["field"] for one in waiting["changes"]}
    assert await seen(shelf) == before
    assert (await shelf.act(shelf.second, waiting["review_id"], "approve")).status_code == 200
    facts = await shelf.facts()
    assert (facts[name] or "") == value
    assert (await shelf.brought(shelf.supplier, {name: value}))["products_waiting"] == 0, "now it is what it is"


async def test_a_small_move_of_the_price_passes_and_another_fact_of_no_weight_too(shelf: Goods) -> None:
    facts = await shelf.facts()
    dearer = facts["fen"] * 13 // 10
    answer = await shelf.brought(shelf.supplier, {"yuan": f"{dearer / 100:.2f}", "category": facts["category"]})
    assert (answer["products_waiting"], answer["waiting"]) == (0, [])
    assert (await shelf.facts())["fen"] == dearer
    assert await shelf.reviews(shelf.first) == []


async def test_what_is_rejected_never_was_on_the_shelf_and_the_supplier_reads_why(shelf: Goods) -> None:
    before = await seen(shelf)
    (waiting,) = (await shelf.brought(shelf.supplier, {"title": "有机小米（虚构）"}))["waiting"]
    (asked,) = await shelf.reviews(shelf.supplier, state="waiting")
    assert (asked["id"], asked["may_decide"]) == (waiting["review_id"], False)
    refused(await shelf.act(shelf.first, asked["id"], "reject"), 422, "invalid")
    refused(await shelf.act(shelf.first, asked["id"], "reject", reason="  "), 422, "invalid")
    answer = await shelf.act(shelf.first, asked["id"], "reject", reason="没有有机证书")
    assert (answer.status_code, answer.json()["state"]) == (200, "rejected")
    assert await seen(shelf) == before
    (told,) = await shelf.reviews(shelf.supplier, state="rejected")
    assert (told["reason"], told["decided_by_name"], told["asked_by_name"]) == (
        "没有有机证书", "平台辰（虚构）", "供应商癸（虚构）",
    )  # fmt: skip
    assert await shelf.reviews(shelf.supplier, state="waiting") == []
    refused(await shelf.act(shelf.second, asked["id"], "approve"), 409, "review_decided")
    assert await seen(shelf) == before


async def test_an_origin_that_is_no_county_of_today_is_not_even_asked_for(shelf: Goods) -> None:
    before = await shelf.facts()
    for wrong in ("", "620699"):
        row = before | {"origin": wrong}
        answer = await shelf.http.post(IMPORT, files={"file": ("a.csv", file_of(row))}, headers=shelf.supplier.headers)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == "/rows/2/origin_county_code"
    assert await shelf.facts() == before
    assert await shelf.reviews(shelf.first) == []


async def test_a_dry_run_says_what_would_wait_and_asks_for_nothing(shelf: Goods) -> None:
    tried = await shelf.brought(shelf.supplier, {"title": "新名（虚构）"}, dry_run=True)
    assert (tried["saved"], tried["products_waiting"], tried["waiting"][0]["review_id"]) == (False, 1, None)
    assert await shelf.reviews(shelf.first) == []
