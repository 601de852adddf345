"""What goes wrong on the first day: a stable code, words in Chinese, and nothing changed."""

import asyncio
import json
import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import stripe
from sqlalchemy import text

from catalog.price.change_price import NewPrice, change_prices
from shop.app.demo.caller import ADDRESS, Caller, Json, sign_in
from shop.core import clock
from tests.make.caller import refused
from tests.make.story import Story

pytestmark = pytest.mark.anyio

TIBET = ADDRESS | {"region_code": "540102"}


async def goods(who: Caller, **requested: str) -> tuple[str, int]:
    """A SKU on the shelf, and its price in fen."""
    sku = (await who.find(**requested))["skus"][0]
    return str(sku["id"]), int(sku["price_fen"])


def line(sku_id: str, quantity: object = 1, **more: object) -> dict[str, Any]:
    return {"lines": [{"sku_id": sku_id, "quantity": quantity, **more}]}


async def test_an_order_that_cannot_be_changes_nothing(story: Story) -> None:
    employee = await story.employee()
    sku, price = await goods(employee)
    before = await story.everything()
    for number, (body, status, code) in enumerate(
        [
            (line(str(uuid4())), 422, "unknown_sku"),
            (line("sku-1"), 422, "invalid"),
            *((line(sku, quantity), 422, "invalid") for quantity in (0, -1, 10**12, 10**30, 1.5, "2", True, None)),
            ({"lines": []}, 422, "invalid"),
            ({"lines": line(sku)["lines"] * 2}, 422, "invalid"),
            ({}, 422, "cart_empty"),
            (line(sku) | {"colour": "red"}, 422, "invalid"),
            (line(sku) | {"fund_source": "union"}, 422, "own_desk_only"),
            (line(sku) | {"allowance_fen": 100}, 422, "allowance_not_available"),
            (line(sku) | {"address": ADDRESS | {"region_code": "999999"}}, 422, "region_unknown"),
            (line(sku) | {"address": ADDRESS | {"phone": "12"}}, 422, "invalid"),
            (line(sku, expected_price_fen=price - 1), 409, "price_changed"),
            (line(sku) | {"expected_total_fen": 1}, 409, "price_changed"),
            (line(sku, 9_999), 409, "out_of_stock"),
        ]
    ):
        problem = refused(await story.post_order(employee, body, key=f"key-{number}"), status, code)
        assert any("一" <= letter <= "鿿" for letter in problem["detail"]), problem
    anonymous = Caller(story.http)
    refused(await story.post_order(anonymous, line(sku)), 401, "not_signed_in")
    whole = line(sku) | {"address": ADDRESS}
    keyless = await story.http.post("/api/v1/orders", json=whole, headers=dict(employee.headers))
    refused(keyless, 422, "idempotency_key_required")
    garbage = {**employee.headers, "Idempotency-Key": "key", "content-type": "application/json"}
    refused(await story.http.post("/api/v1/orders", content=b"{", headers=garbage), 422, "invalid")
    assert await story.everything() == before


async def test_a_price_that_changed_names_the_old_and_the_new(story: Story) -> None:
    employee = await story.employee()
    sku, old = await goods(employee)
    [(code,)] = await story.rows("SELECT code FROM sku WHERE id = :sku", sku=UUID(sku))
    async with story.database.transaction() as session:
        await change_prices(session, actor=None, prices=[NewPrice(code, old + 130)], now=clock.now())
    before = await story.everything()
    problem = refused(await story.post_order(employee, line(sku, expected_price_fen=old)), 409, "price_changed")
    assert problem["prices"] == [{"sku_id": sku, "old_fen": old, "new_fen": old + 130}]
    assert await story.everything() == before
    answer = await story.post_order(employee, line(sku, expected_price_fen=old + 130))
    assert answer.status_code == 201, answer.text
    assert answer.json()["goods_fen"] == old + 130


async def test_sold_out_says_what_is_left_and_takes_nothing(story: Story) -> None:
    employee = await story.employee()
    sku, _ = await goods(employee)
    other, _ = await goods(employee, county="610825")
    [(left,)] = await story.rows("SELECT on_hand_pieces FROM stock_item WHERE sku_id = :sku", sku=UUID(sku))
    await employee.order({sku: left - 3})
    before = await story.everything()
    both = {"lines": line(other)["lines"] + line(sku, 4)["lines"]}
    problem = refused(await story.post_order(employee, both), 409, "out_of_stock")
    assert problem["left"] == {sku: 3}
    assert [error["pointer"] for error in problem["errors"]] == ["/lines/1"]
    assert await story.everything() == before
    assert (await story.post_order(employee, line(sku, 3))).status_code == 201
    problem = refused(await story.post_order(employee, line(sku), key="another"), 409, "out_of_stock")
    assert problem["left"] == {sku: 0}


async def test_a_region_that_is_not_served(story: Story) -> None:
    employee = await story.employee()
    [(sku, *_), *_] = await story.rows(
        "SELECT s.id FROM freight_rate f JOIN product p USING (supplier_id) JOIN sku s ON s.product_id = p.id"
        " WHERE NOT f.served AND p.state = 'listed' AND p.ship_months = '{}' OR NOT f.served AND p.state = 'listed'"
        " AND cardinality(p.ship_months) = 12 ORDER BY s.code"
    )
    before = await story.everything()
    refused(await story.post_order(employee, line(str(sku)) | {"address": TIBET}), 409, "cannot_arrive")
    assert await story.everything() == before
    assert (await story.post_order(employee, line(str(sku)))).status_code == 201


async def test_a_key_is_used_once(story: Story) -> None:
    employee = await story.employee()
    sku, _ = await goods(employee)
    first = await story.post_order(employee, line(sku))
    before = await story.everything()
    refused(await story.post_order(employee, line(sku, 2)), 422, "idempotency_key_reused")
    again = await story.post_order(employee, line(sku))
    assert (again.status_code, again.content) == (201, first.content)
    assert await story.everything() == before
    friend = await sign_in(story.http, "outside@demo.test")
    assert (await story.post_order(friend, line(sku))).json()["id"] != first.json()["id"], "a key is one buyer's"


async def waiting(story: Story, pieces: int = 1) -> tuple[Caller, Json, str]:
    """An order with its payment page open."""
    employee = await story.employee()
    sku, _ = await goods(employee)
    order = await employee.order({sku: pieces})
    return employee, order, await employee.open_payment(order["id"])


async def test_a_forged_or_stale_word_of_the_provider_is_not_heard(story: Story) -> None:
    await waiting(story)
    secret: str = story.app.state.gateway._webhook_secret
    event = json.dumps({"id": "evt_1", "object": "event", "type": "checkout.session.completed", "data": {}})
    long_ago = int(time.time()) - 3_600
    before = await story.everything()
    for signature in (
        None,
        "",
        "t=1,v1=00",
        stripe.WebhookSignature.generate_signature_header(event, "whsec_another"),
        stripe.WebhookSignature.generate_signature_header(event, secret, timestamp=long_ago),
    ):
        headers = {} if signature is None else {"stripe-signature": signature}
        refused(await story.http.post("/hooks/stripe", content=event, headers=headers), 400, "signature_invalid")
    await story.work()
    assert await story.everything() == before


async def test_events_ten_times_and_out_of_order_have_one_effect(story: Story) -> None:
    employee, order, payment_id = await waiting(story, 3)
    staff = await story.staff()
    courier = story.sandbox.courier
    courier.mode = "delayed"
    for _ in range(10):
        await employee.pay(payment_id)
    await courier.release()
    await story.work()
    body = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}], "reason": "坏果"}
    await staff.ask("POST", f"/api/v1/orders/{order['id']}/refunds", status=201, json=body)
    await employee.pay(payment_id)  # told once more, and brought after the refund's own events
    await story.sandbox.quiet()
    await courier.release()
    courier.mode, courier.repeats = "repeated", 10
    await employee.pay(payment_id)
    await story.work()
    seen = await employee.seen(order["id"])
    assert (seen["state"], seen["paid_fen"]) == ("confirmed", order["total_fen"])
    assert seen["refunded_fen"] * 3 in range(seen["lines"][0]["paid_fen"] - 2, seen["lines"][0]["paid_fen"] + 3)
    kinds = await story.rows("SELECT kind, count(*) FROM credit_entry GROUP BY kind ORDER BY kind")
    assert kinds == [("refund", 1), ("sale", 1)]
    assert await story.rows("SELECT kind, pieces FROM stock_movement WHERE reference LIKE 'order:%'") == [("sold", -3)]
    assert await story.rows("SELECT count(*) FROM webhook_inbox WHERE handled_at IS NULL") == [(0,)]
    money = (await story.proven())["money"]
    assert money.right["payments"] == seen["paid_fen"] - seen["refunded_fen"]


@pytest.mark.parametrize("other", [{"amount_fen": 1}, {"amount_fen": 99_999_999}, {"currency": "usd"}])
async def test_a_payment_that_differs_is_held_and_credits_nothing(story: Story, other: dict[str, Any]) -> None:
    employee, order, payment_id = await waiting(story)
    await employee.ask("POST", f"/sandbox/payments/{payment_id}/succeed", json=other)
    await story.work()
    assert await story.rows("SELECT state, held_reason FROM payment") == [("held", "differs")]
    seen = await employee.seen(order["id"])
    assert (seen["state"], seen["paid_fen"]) == ("placed", 0)
    assert await story.rows("SELECT id FROM credit_entry") == []
    assert await story.rows("SELECT DISTINCT kind FROM stock_movement") == [("received",)]
    assert await story.rows("SELECT id FROM refund") == [], "a person decides"
    money = (await story.proven())["money"]
    assert money.left["advances"] == money.right["payments"] == other.get("amount_fen", 0)


async def test_refunds_never_exceed_what_is_left(story: Story) -> None:
    employee = await story.employee()
    staff = await story.staff()
    sku, _ = await goods(employee)
    order = await story.bought(employee, {sku: 7})
    path, bought = f"/api/v1/orders/{order['id']}/refunds", order["lines"][0]
    before = await story.everything()
    piece = {"lines": [{"line_id": bought["id"], "quantity": 1}], "reason": "坏果"}
    eight = {"lines": [{"line_id": bought["id"], "quantity": 8}], "reason": "坏果"}
    problem = refused(await story.http.post(path, json=eight, headers=dict(staff.headers)), 409, "refund_exceeds")
    assert problem["left"] == {bought["id"]: 7}
    too_much = {"amount_fen": bought["paid_fen"] + 1, "reason": "坏果"}
    problem = refused(await story.http.post(path, json=too_much, headers=dict(staff.headers)), 409, "refund_exceeds")
    assert problem["left_fen"] == bought["paid_fen"], "freight is not part of the goods"
    for denied, code in ((employee, "not_allowed"), (await sign_in(story.http, "auditor@demo.test"), "not_allowed")):
        refused(await story.http.post(path, json=piece, headers=dict(denied.headers)), 403, code)
    assert await story.everything() == before
    answers = await asyncio.gather(*(story.http.post(path, json=piece, headers=dict(staff.headers)) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] * 7 + [409] * 13
    for answer in answers:
        if answer.status_code == httpx.codes.CONFLICT:
            refused(answer, 409, "refund_exceeds")
    await story.work()
    seen = await employee.seen(order["id"])
    assert seen["refunded_fen"] == bought["paid_fen"]
    assert await story.rows("SELECT sum(amount_fen)::bigint FROM credit_entry") == [(0,)]
    await story.proven()


async def test_what_cannot_say_where_it_was_grown_is_not_listed(story: Story) -> None:
    admin = await sign_in(story.http, "admin@demo.test")
    [(product_id,)] = await story.rows("SELECT id FROM product WHERE code = 'SP001'")
    path, headers = f"/api/v1/products/{product_id}", dict(admin.headers)
    assert (await story.http.post(f"{path}/withdraw", json={"reason": "产地存疑"}, headers=headers)).status_code == 204
    async with story.database.transaction() as session:
        await session.execute(text("UPDATE product SET origin_county_code = NULL WHERE id = :id"), {"id": product_id})
    await story.work()
    before = await story.everything()
    refused(await story.http.post(f"{path}/list", headers=headers), 422, "origin_county_required")
    assert await story.everything() == before
    refused(await story.http.get(path), 404, "product_not_found")
