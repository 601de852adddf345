"""Quotes and orders through the door: what is answered, what is refused, and that nothing is promised then."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from catalog.price.models import Price
from shop.access.permissions import Role
from shop.core.database import Database
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.shop import SmallShop, buyer, small_shop

pytestmark = pytest.mark.anyio

ADDRESS = {"name": "收货人甲", "phone": "13800138000", "region_code": "310101", "street": "示例路一号"}
WRITTEN = "shop_order", "order_line", "share_component", "stock_hold", "idempotency", "attribution"


def order_of(lines: dict[UUID, int] | None, **more: object) -> dict[str, Any]:
    listed = None if lines is None else [{"sku_id": str(sku), "quantity": n} for sku, n in lines.items()]
    return {"lines": listed, "address": ADDRESS, **more}


async def count(database: Database) -> dict[str, int]:
    async with database.reading() as session:
        found = {t: await session.scalar(text(f"SELECT count(*) FROM {t}")) for t in WRITTEN}
        return found | {"held": await session.scalar(text("SELECT sum(held_pieces)::int FROM stock_item"))}


NOTHING = dict.fromkeys([*WRITTEN, "held"], 0)


async def test_an_order_is_answered_whole_and_replayed_under_its_key(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    requested = order_of({shop.skus[0]: 2, shop.box: 1}, expected_total_fen=2_000 + 4_500 + 1_000)
    async with as_caller(app, await buyer(database, works_at=shop.branch)) as caller:
        first = await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": "k-1"})
        again = await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": "k-1"})
        assert (first.status_code, again.status_code) == (201, 201), first.text
        order = first.json()
        assert again.content == first.content
        assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
        assert order["state"] == "placed"
        assert order["total_fen"] == 7_500
        assert [line["paid_fen"] for line in order["lines"]] == [2_000, 4_500]
        assert [(o["county"]["code"], o["paid_fen"]) for o in order["lines"][1]["origins"]] == [
            (shop.counties[0], 1_800),
            (shop.counties[1], 2_700),
        ]
        other = await caller.post(
            "/api/v1/orders", json=order_of({shop.skus[0]: 1}), headers={"Idempotency-Key": "k-1"}
        )
        refused(other, 422, "idempotency_key_reused")
    written = await count(database)
    assert written["shop_order"] == 1
    assert written["held"] == 2 + 3


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"lines": [{"sku_id": str(uuid4()), "quantity": 1}]}, 422, "unknown_sku"),
        ({"lines": []}, 422, "invalid"),
        ({"lines": None}, 422, "cart_empty"),
        ({"quantity": 0}, 422, "invalid"),
        ({"quantity": -1}, 422, "invalid"),
        ({"quantity": 10**12}, 422, "invalid"),
        ({"quantity": True}, 422, "invalid"),
        ({"quantity": 999}, 409, "out_of_stock"),
        ({"address": ADDRESS | {"region_code": "999999"}}, 422, "region_unknown"),
        ({"address": ADDRESS | {"phone": "1"}}, 422, "invalid"),
        ({"expected_total_fen": 1}, 409, "price_changed"),
        ({"fund_source": "union"}, 422, "own_desk_only"),
        ({"allowance_fen": 100}, 422, "allowance_not_available"),
        ({"surprise": 1}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_ordered_is_refused_and_nothing_is_written(
    app: FastAPI, database: Database, change: dict[str, Any], status: int, code: str
) -> None:
    shop = await small_shop(database, pieces=5)
    requested = order_of({shop.skus[0]: 1})
    if "quantity" in change:
        requested["lines"][0] |= change
    else:
        requested |= change
    async with as_caller(app, await buyer(database, works_at=shop.branch)) as caller:
        answer = await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": "k"})
    problem = refused(answer, status, code)
    if code == "out_of_stock":
        assert problem["left"] == {str(shop.skus[0]): 5}
    if code == "price_changed":
        assert (problem["old_total_fen"], problem["new_total_fen"]) == (1, 1_600)
    assert await count(database) == NOTHING


async def test_money_of_a_union_or_a_kitchen_is_spent_at_its_own_desk_only(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    for role, source in ((Role.UNION_BUYER, "union"), (Role.CANTEEN_BUYER, "canteen"), (Role.STAFF, "party_dues")):
        clerk = await worker(database, role, "unit", shop.bank, works_at=shop.branch)
        async with as_caller(app, clerk) as caller:
            requested = order_of({shop.skus[0]: 1}) | {"fund_source": source}
            answer = await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": source})
        refused(answer, 422, "own_desk_only")
    assert await count(database) == NOTHING


@pytest.mark.parametrize("key", [None, "", "a b", "中文", "x" * 201])
async def test_an_order_needs_a_key_of_visible_characters(app: FastAPI, database: Database, key: str | None) -> None:
    shop = await small_shop(database)
    headers = {} if key is None else {"Idempotency-Key": key.encode()}
    async with as_caller(app, await buyer(database)) as caller:
        answer = await caller.post("/api/v1/orders", json=order_of({shop.skus[0]: 1}), headers=headers)
    refused(answer, 422, "idempotency_key_required")
    assert await count(database) == NOTHING


async def test_a_stranger_is_asked_to_sign_in(app: FastAPI, database: Database, client: Any) -> None:
    for method, path in (("POST", "/orders"), ("POST", "/quotes"), ("GET", "/cart"), ("GET", "/orders")):
        answer = await client.request(method, f"/api/v1{path}", json={} if method == "POST" else None)
        refused(answer, 401, "not_signed_in")


async def test_an_old_price_is_refused_with_both(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    requested = order_of({shop.skus[0]: 1})
    requested["lines"][0]["expected_price_fen"] = 900
    async with as_caller(app, await buyer(database)) as caller:
        answer = await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": "k"})
    problem = refused(answer, 409, "price_changed")
    assert problem["prices"] == [{"sku_id": str(shop.skus[0]), "old_fen": 900, "new_fen": 1_000}]
    assert await count(database) == NOTHING


async def unserve(database: Database, shop: SmallShop) -> None:
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE freight_rate SET served = false WHERE supplier_id = :s"), {"s": shop.suppliers[1]}
        )


async def test_a_quote_says_before_paying_what_cannot_arrive_and_what_it_counts_for(
    app: FastAPI, database: Database
) -> None:
    shop = await small_shop(database, pieces=5)
    await unserve(database, shop)
    requested = order_of({shop.skus[0]: 1, shop.skus[2]: 2, shop.skus[1]: 6})
    async with as_caller(app, await buyer(database, works_at=shop.branch)) as caller:
        quoted = (await caller.post("/api/v1/quotes", json=requested)).json()
        refused(
            await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": "k"}), 409, "cannot_arrive"
        )
        unknown = order_of({uuid4(): 1})
        refused(await caller.post("/api/v1/quotes", json=unknown), 422, "unknown_sku")
        nowhere = requested | {"address": {"region_code": "999999"}}
        refused(await caller.post("/api/v1/quotes", json=nowhere), 422, "region_unknown")
    assert (quoted["arrives"], quoted["can_order"]) == (False, False)
    assert [line["trouble"] and line["trouble"]["code"] for line in quoted["lines"]] == [
        None, "cannot_arrive", "out_of_stock",
    ]  # fmt: skip
    assert quoted["lines"][2]["available"] == 5
    assert quoted["unit"]["id"] == str(shop.branch)
    assert {one["county"]["code"]: one["amount_fen"] for one in quoted["counts_for"]} == {
        shop.counties[0]: 1_000 + 12_000,
        shop.counties[1]: 6_000,
    }
    assert await count(database) == NOTHING


async def test_what_nobody_is_credited_for_is_quoted_as_not_counted(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    async with as_caller(app, await buyer(database)) as caller:
        quoted = (await caller.post("/api/v1/quotes", json=order_of({shop.skus[0]: 1}))).json()
    assert (quoted["unit"], quoted["counts_for"]) == (None, [])
    assert quoted["not_counted"] == [{"reason": "no_credited_unit", "amount_fen": 1_000}]


async def test_an_order_without_lines_buys_the_cart_and_empties_it(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    async with as_caller(app, await buyer(database, introduced_by=shop.bank)) as caller:
        await caller.put(f"/api/v1/cart/lines/{shop.skus[3]}", json={"quantity": 2})
        placed = await caller.post("/api/v1/orders", json=order_of(None), headers={"Idempotency-Key": "k"})
        assert placed.status_code == 201, placed.text
        assert placed.json()["credit_kind"] == "assisted_sale"
        assert (await caller.get("/api/v1/cart")).json()["lines"] == []


async def test_a_price_raised_after_the_quote_is_refused(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    async with as_caller(app, await buyer(database)) as caller:
        quoted = (await caller.post("/api/v1/quotes", json=order_of({shop.skus[0]: 1}))).json()
        now = datetime.now(UTC)
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE price SET valid_to = :now WHERE sku_id = :s"), {"now": now, "s": shop.skus[0]}
            )
            session.add(Price(id=uuid4(), sku_id=shop.skus[0], fen=1_200, valid_from=now))
        requested = order_of({shop.skus[0]: 1}, expected_total_fen=quoted["total_fen"])
        answer = await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": "k"})
        problem = refused(answer, 409, "price_changed")
        assert problem["new_total_fen"] - problem["old_total_fen"] == 200
