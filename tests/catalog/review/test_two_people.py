"""Who wanted a change does not decide it, strangers know nothing of it, and of one product never two wait."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from shop.core.ids import new_id
from tests.make.caller import refused
from tests.make.review import REVIEWS, Goods

pytestmark = pytest.mark.anyio
WHY = {"reason": "资料不全"}
STATES = "SELECT state FROM product_review ORDER BY id"


def fields(review: dict[str, Any]) -> dict[str, Any]:
    return {one["field"]: one["after"] for one in review["changes"]}


async def review(shelf: Goods, **change: Any) -> dict[str, Any]:
    (found,) = (await shelf.brought(shelf.supplier, change or {"title": "新名（虚构）"}))["waiting"]
    return dict(found)


async def test_another_supplier_and_another_company_know_of_nothing(shelf: Goods) -> None:
    before = await shelf.facts()
    waiting = (await review(shelf))["review_id"]
    for who in (shelf.stranger, shelf.staff):
        assert await shelf.reviews(who) == []
        for verb, body in (("approve", {}), ("reject", WHY), ("renew", {})):
            refused(await shelf.act(who, waiting, verb, **body), 404, "not_found")
    assert (await httpx_get(shelf, {})).status_code == 401
    buyer = await shelf.http.post(
        "/api/v1/auth/token", data={"username": "employee@demo.test", "password": "demo-password-2026"}
    )
    bearer = {"authorization": f"Bearer {buyer.json()['access_token']}"}
    assert (await httpx_get(shelf, bearer)).status_code == 403
    assert (await shelf.http.post(f"{REVIEWS}/{waiting}/approve", headers=bearer)).status_code == 403
    refused(await shelf.act(shelf.first, str(new_id()), "approve"), 404, "not_found")
    assert await shelf.rows(STATES) == [("waiting",)]
    assert await shelf.facts() | {"note": ""} == before | {"note": ""}


async def httpx_get(shelf: Goods, headers: dict[str, str]) -> httpx.Response:
    return await shelf.http.get(REVIEWS, headers=headers)


async def test_nobody_asks_for_changes_of_anothers_goods(shelf: Goods) -> None:
    facts = await shelf.facts()
    (other,) = await shelf.rows(
        "SELECT name FROM supplier WHERE id <> :own ORDER BY id LIMIT 1", own=facts["supplier_id"]
    )
    for supplier, status, code in (
        (facts["supplier"], 403, "not_your_supplier"),
        (other[0], 409, "product_code_taken"),
    ):
        problem = await shelf.brought(shelf.stranger, {"title": "抢名（虚构）", "supplier": supplier}, status=status)
        assert problem["code"] == code
    assert await shelf.rows(STATES) == []


async def test_a_supplier_does_not_approve_its_own(shelf: Goods) -> None:
    waiting = (await review(shelf))["review_id"]
    refused(await shelf.act(shelf.supplier, waiting, "approve"), 403, "not_allowed")
    assert await shelf.rows(STATES) == [("waiting",)]


async def test_staff_of_the_platform_waits_like_everybody(shelf: Goods) -> None:
    facts = await shelf.facts()
    answer = await shelf.brought(shelf.first, {"title": "平台改名（虚构）", "yuan": f"{facts['fen'] / 50:.2f}"})
    (waiting,) = answer["waiting"]
    assert (await shelf.facts())["title"] == facts["title"]
    assert [one["may_decide"] for one in await shelf.reviews(shelf.first)] == [False]
    assert [one["may_decide"] for one in await shelf.reviews(shelf.second)] == [True]
    refused(await shelf.act(shelf.first, waiting["review_id"], "approve"), 409, "second_person_needed")
    assert (await shelf.facts())["title"] == facts["title"]
    assert (await shelf.act(shelf.second, waiting["review_id"], "approve")).status_code == 200
    assert (await shelf.act(shelf.second, waiting["review_id"], "approve")).status_code == 200, "done is done"
    refused(await shelf.act(shelf.first, waiting["review_id"], "approve"), 409, "review_decided")
    now = await shelf.facts()
    assert (now["title"], now["fen"]) == ("平台改名（虚构）", facts["fen"] * 2)


async def test_the_database_itself_refuses_an_author_and_another_content(shelf: Goods) -> None:
    waiting = (await review(shelf))["review_id"]
    for statement in (
        "UPDATE product_review SET state = 'approved', decided_by = asked_by, decided_at = now() WHERE id = :id",
        "UPDATE product_review SET state = 'approved', decided_at = now() WHERE id = :id",
        "UPDATE product_review SET items = '[]' WHERE id = :id",
        "DELETE FROM product_review WHERE id = :id",
    ):
        with pytest.raises((IntegrityError, DBAPIError)):
            async with shelf.database.transaction() as session:
                await session.execute(text(statement), {"id": waiting})
    assert await shelf.rows(STATES) == [("waiting",)]


async def test_the_next_word_replaces_what_waits_and_history_is_kept(shelf: Goods) -> None:
    first = await review(shelf, title="一（虚构）", certification="有机产品(虚构)")
    second = await review(shelf, title="二（虚构）", certification="有机产品(虚构)")
    assert fields(second) == {"title": "二（虚构）", "certification": "有机产品(虚构)"}
    assert second["review_id"] != first["review_id"]
    assert await shelf.rows(STATES) == [("replaced",), ("waiting",)]
    assert [one["replaces"] for one in await shelf.reviews(shelf.supplier, state="waiting")] == [first["review_id"]]
    problem = refused(await shelf.act(shelf.first, first["review_id"], "approve"), 409, "review_stale")
    assert problem["waiting_review_id"] == second["review_id"]
    assert (await shelf.facts())["title"] not in ("一（虚构）", "二（虚构）")

    same = await review(shelf, title="二（虚构）", certification="有机产品(虚构)")
    assert same["review_id"] == second["review_id"], "nothing new was said: who reads it may go on"
    back = await shelf.brought(shelf.supplier, {})
    assert back["products_waiting"] == 0
    assert await shelf.rows(STATES) == [("replaced",), ("withdrawn",)], "said as it is, nothing is left to decide"


async def test_whoever_had_a_hand_in_it_does_not_decide(shelf: Goods) -> None:
    """The supplier wants a price, one of the platform adds a title: only the third one may."""
    facts = await shelf.facts()
    priced = f"规格编号,单价（元）\n{shelf.code},{facts['fen'] / 10:.2f}\n".encode()
    await shelf.prices(priced, shelf.supplier)
    (waiting,) = (await shelf.brought(shelf.first, {"title": "平台改名（虚构）", "yuan": f"{facts['fen'] / 10:.2f}"}))[
        "waiting"
    ]
    assert fields(waiting) == {"title": "平台改名（虚构）", "price": facts["fen"] * 10}
    refused(await shelf.act(shelf.first, waiting["review_id"], "approve"), 409, "second_person_needed")
    assert (await shelf.act(shelf.second, waiting["review_id"], "approve")).status_code == 200


async def test_what_one_file_says_nothing_of_goes_on_waiting(shelf: Goods) -> None:
    facts = await shelf.facts()
    await review(shelf, title="新名（虚构）")
    await shelf.prices(f"规格编号,单价（元）\n{shelf.code},{facts['fen'] / 10:.2f}\n".encode(), shelf.supplier)
    (waiting,) = await shelf.reviews(shelf.first, state="waiting")
    assert fields(waiting) == {"title": "新名（虚构）", "price": facts["fen"] * 10}
    small = f"规格编号,单价（元）\n{shelf.code},{(facts['fen'] + 100) / 100:.2f}\n".encode()
    await shelf.prices(small, shelf.supplier)
    (waiting,) = await shelf.reviews(shelf.first, state="waiting")
    assert fields(waiting) == {"title": "新名（虚构）"}, "the last word about the price passed at once"
    assert (await shelf.facts())["fen"] == facts["fen"] + 100


async def test_a_supplier_takes_back_and_asks_again(shelf: Goods) -> None:
    facts = await shelf.facts()
    waiting = (await review(shelf))["review_id"]
    taken = await shelf.act(shelf.supplier, waiting, "reject", reason="写错了")
    assert (taken.status_code, taken.json()["state"], taken.json()["reason"]) == (200, "withdrawn", "写错了")
    refused(await shelf.act(shelf.first, waiting, "approve"), 409, "review_decided")
    again = await shelf.act(shelf.supplier, waiting, "renew")
    assert (again.json()["state"], again.json()["replaces"], fields(again.json())) == (
        "waiting", waiting, {"title": "新名（虚构）"},
    )  # fmt: skip
    sent_back = await shelf.act(shelf.first, again.json()["id"], "reject", **WHY)
    assert sent_back.json()["state"] == "rejected"
    third = (await shelf.act(shelf.first, again.json()["id"], "renew")).json()
    refused(await shelf.act(shelf.first, third["id"], "approve"), 409, "second_person_needed")
    assert (await shelf.facts())["title"] == facts["title"]
    assert (await shelf.act(shelf.second, third["id"], "approve")).status_code == 200
    assert (await shelf.facts())["title"] == "新名（虚构）"
    refused(await shelf.act(shelf.supplier, waiting, "renew"), 409, "review_decided")
    noted = await shelf.rows(
        "SELECT action, reason FROM audit_event WHERE action LIKE 'product_review.%' ORDER BY at, id"
    )
    assert noted == [
        ("product_review.ask", None), ("product_review.withdrawn", "写错了"), ("product_review.ask", None),
        ("product_review.rejected", "资料不全"), ("product_review.ask", None), ("product_review.approve", None),
    ]  # fmt: skip


async def test_a_product_that_changed_meanwhile_is_looked_at_again(shelf: Goods) -> None:
    facts = await shelf.facts()
    waiting = (await review(shelf, origin="620623"))["review_id"]
    async with shelf.database.transaction() as session:  # as the hourly job does when a code is replaced
        await session.execute(
            text("UPDATE product SET origin_county_code = '610630' WHERE id = :id"), {"id": facts["product_id"]}
        )
    refused(await shelf.act(shelf.first, waiting, "approve"), 409, "review_stale")
    assert (await shelf.facts())["origin"] == "610630"
    assert await shelf.rows(STATES) == [("waiting",)]
    again = (await shelf.act(shelf.supplier, waiting, "renew")).json()
    assert [(one["before"], one["after"]) for one in again["changes"]] == [("610630", "620623")]
    assert (await shelf.act(shelf.first, again["id"], "approve")).status_code == 200
    assert (await shelf.facts())["origin"] == "620623"


async def test_the_list_is_read_page_by_page(shelf: Goods) -> None:
    for number in range(3):
        await review(shelf, title=f"{number}（虚构）")
    seen, cursor = [], None
    while True:
        asked = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await shelf.http.get(REVIEWS, params=asked, headers=shelf.supplier.headers)).json()
        seen += [one["changes"][0]["after"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["2（虚构）", "1（虚构）", "0（虚构）"]
    answer = await shelf.http.get(REVIEWS, params={"cursor": "x"}, headers=shelf.supplier.headers)
    refused(answer, 422, "invalid")
