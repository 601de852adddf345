"""A kitchen's order through the door: by weight and list, delivered by truck, counted by two, paid later."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.canteen.jobs import mark_overdue
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import as_caller, refused
from tests.make.canteen import CREDIT_DAYS, KitchenShop, days_later, kitchen_shop, signed, worker_of
from tests.make.joint_order import paid_by_transfer

pytestmark = pytest.mark.anyio
TRUCK = {"driver": "司机（虚构）", "plate": "贵A00000", "delivery_note": "SH-1"}


async def rows(database: Database, statement: str, **facts: Any) -> list[tuple[Any, ...]]:
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(text(statement), facts)]


async def post(app: FastAPI, actor: Actor, path: str, body: dict[str, Any], key: str | None = None) -> Any:
    async with as_caller(app, actor) as caller:
        return await caller.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": key or str(uuid4())})


async def ordered(app: FastAPI, made: KitchenShop, *, grams: int = 12_345, bags: int = 3, **more: Any) -> Any:
    requested = {
        "canteen_id": str(made.canteen),
        "deliver_on": str(clock.today()),
        "lines": [{"sku_id": str(made.potatoes), "grams": grams}, {"sku_id": str(made.rice), "quantity": bags}],
    }
    answer = await post(app, made.buyer, "/canteen-orders", requested | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def counted(order: Any, *accepted: int, **more: Any) -> dict[str, Any]:
    lines = [{"line_id": line["id"], "accepted": n} for line, n in zip(order["lines"], accepted, strict=True)]
    return {"lines": lines, "truck": TRUCK, **more}


async def accepted(app: FastAPI, made: KitchenShop, order: Any, *amounts: int, **more: Any) -> Any:
    body = counted(order, *amounts, witness_id=str(made.receivers[1].user_id)) | more
    return await post(app, made.receivers[0], f"/canteen-orders/{order['order']['id']}/acceptances", body)


async def seen(app: FastAPI, actor: Actor, order: Any) -> Any:
    async with as_caller(app, actor) as caller:
        answer = await caller.get(f"/api/v1/canteen-orders/{order['order']['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_order_by_weight_is_confirmed_unpaid_and_held(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    head, (potatoes, rice) = order["order"], order["lines"]
    assert (head["state"], head["payment_state"], head["due_on"]) == ("confirmed", "unpaid", None)
    assert (potatoes["ordered"], potatoes["weighed"], potatoes["paid_fen"]) == (12_345, True, 24_690)
    assert (rice["ordered"], rice["weighed"], rice["paid_fen"]) == (3, False, 6_000)
    assert head["due_fen"] == 24_690 + 6_000  # no freight from 99 yuan on
    held = await rows(database, "SELECT sku_id, held_pieces FROM stock_item WHERE held_pieces > 0")
    assert dict(held) == {made.potatoes: 25, made.rice: 3}, "24.69 half kilos set aside 25"
    assert await rows(database, "SELECT count(*) FROM credit_entry") == [(0,)], "nothing came yet"
    [(fund, person, unit, kind)] = await rows(
        database, "SELECT DISTINCT fund_source, person_id, unit_id, credit_kind FROM attribution"
    )
    assert (fund, person, unit, kind) == ("canteen", None, made.shop.branch, "direct_purchase")


async def test_what_two_people_weigh_is_credited_owed_and_due(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    answer = await accepted(app, made, order, 11_111, 2)
    assert answer.status_code == 201, answer.text
    after = await seen(app, made.buyer, order)
    potatoes, rice = after["lines"]
    assert (potatoes["accepted"], potatoes["short"]) == (11_111, 1_234)
    assert (rice["accepted"], rice["short"]) == (2, 1)
    head = after["order"]
    assert head["due_fen"] == 22_222 + 4_000
    assert head["due_on"] == str(clock.today() + timedelta(days=CREDIT_DAYS))
    assert (head["truck_driver"], head["truck_plate"], head["delivery_note"]) == tuple(TRUCK.values())
    entries = await rows(
        database,
        "SELECT grade, counted, person_id, sum(amount_fen)::int, sum(grams)::int FROM credit_entry GROUP BY 1, 2, 3",
    )
    assert entries == [("B", True, None, 26_222, 11_111 + 1_000)]
    stock = await rows(database, "SELECT held_pieces, on_hand_pieces FROM stock_item WHERE sku_id = :s", s=made.rice)
    assert stock == [(0, 997)]
    owed = await rows(
        database,
        "SELECT d.kind, c.kind, sum(t.amount_fen)::int FROM transfer t JOIN account d ON d.id = t.debit_account_id"
        " JOIN account c ON c.id = t.credit_account_id GROUP BY 1, 2",
    )
    assert owed == [("receivable", "claim", 26_222)]


async def test_who_ordered_never_accepts_and_nobody_accepts_alone(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    path = f"/canteen-orders/{order['order']['id']}/acceptances"
    one, two = made.receivers
    refused(
        await post(app, one, path, counted(order, 1, 1, witness_id=str(made.buyer.user_id))), 422, "witness_unknown"
    )
    refused(await post(app, one, path, counted(order, 1, 1, witness_id=str(one.user_id))), 409, "duties_not_apart")
    refused(await post(app, made.buyer, path, counted(order, 1, 1, witness_id=str(two.user_id))), 403, "not_allowed")
    assert await rows(database, "SELECT count(*) FROM acceptance") == [(0,)]


async def test_more_than_ordered_needs_another_order(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    problem = refused(await accepted(app, made, order, 12_346, 3), 409, "over_delivered")
    assert "补单" in problem["detail"]
    assert await rows(database, "SELECT count(*) FROM credit_entry") == [(0,)]
    more = await ordered(app, made, grams=500, bags=1, supplements_id=order["order"]["id"])
    assert more["order"]["supplements_id"] == order["order"]["id"]
    assert (await accepted(app, made, order, 12_345, 3)).status_code == 201


async def test_a_second_acceptance_is_refused_and_the_same_one_answered_again(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    body = counted(order, 12_345, 3, witness_id=str(made.receivers[1].user_id))
    path = f"/canteen-orders/{order['order']['id']}/acceptances"
    first = await post(app, made.receivers[0], path, body, "k1")
    again = await post(app, made.receivers[0], path, body, "k1")
    assert (first.status_code, again.content) == (201, first.content)
    refused(await post(app, made.receivers[0], path, body, "k2"), 409, "already_accepted")
    assert await rows(database, "SELECT count(*) FROM acceptance") == [(1,)]


async def test_a_contractor_pays_and_the_unit_is_credited(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    await signed(
        database, made.canteen, payer_kind="contractor", payer_name="承包商（虚构）",
        invoice_title="承包商公司（虚构）", tax_number="91110000000000000B", credit_days=7, valid_from=clock.today(),
    )  # fmt: skip
    order = await ordered(app, made)
    assert (await accepted(app, made, order, 12_345, 3)).status_code == 201
    head = (await seen(app, made.buyer, order))["order"]
    assert (head["payer_kind"], head["invoice_title"]) == ("contractor", "承包商公司（虚构）")
    assert head["due_on"] == str(clock.today() + timedelta(days=7))
    entries = await rows(database, "SELECT DISTINCT unit_id, person_id, buyer_kind, fund_source FROM credit_entry")
    assert entries == [(made.shop.branch, None, "contractor", "canteen")]


async def test_one_extension_and_then_overdue(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    path = f"/canteen-orders/{order['order']['id']}/extension"
    reason = {"reason": "月底结账"}
    refused(await post(app, made.buyer, path, reason), 409, "nothing_due")
    await accepted(app, made, order, 12_345, 3)
    extended = await post(app, made.buyer, path, reason)
    last_day = clock.today() + timedelta(days=CREDIT_DAYS + 15)
    assert extended.json()["order"]["due_on"] == str(last_day)
    refused(await post(app, made.buyer, path, reason), 409, "already_extended")
    await days_later(database, CREDIT_DAYS + 15)
    assert await mark_overdue(database, now=clock.now()) == 0, "the last day to pay is not over"
    await days_later(database, CREDIT_DAYS + 16)
    assert await mark_overdue(database, now=clock.now()) == 1
    assert await mark_overdue(database, now=clock.now()) == 0
    assert await rows(database, "SELECT payment_state FROM shop_order") == [("overdue",)]
    async with as_caller(app, made.buyer) as caller:
        listed = (await caller.get("/api/v1/canteen-overdue")).json()["items"]
    assert [(one["id"], one["due_on"]) for one in listed] == [(order["order"]["id"], str(last_day))]


async def test_an_overdue_share_is_on_time_again_once_extended(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    await accepted(app, made, order, 12_345, 3)
    await days_later(database, CREDIT_DAYS + 1)
    await mark_overdue(database, now=clock.now())
    answer = await post(app, made.buyer, f"/canteen-orders/{order['order']['id']}/extension", {"reason": "月底结账"})
    assert answer.json()["order"]["payment_state"] == "unpaid"
    assert await rows(database, "SELECT payment_state FROM shop_order") == [("unpaid",)]


async def test_a_list_is_kept_changed_and_ordered_from_again(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    lines = [{"sku_id": str(made.potatoes), "grams": 2_500}, {"sku_id": str(made.rice), "quantity": 4}]
    body = {"canteen_id": str(made.canteen), "name": "周一", "lines": lines}
    made_list = (await post(app, made.buyer, "/canteen-lists", body)).json()["id"]
    refused(await post(app, made.buyer, "/canteen-lists", body), 409, "canteen_list_name_taken")
    async with as_caller(app, made.buyer) as caller:
        change = {"version": 1, "name": "周一", "lines": [{**lines[0], "grams": 3_000}, lines[1]]}
        assert (await caller.put(f"/api/v1/canteen-lists/{made_list}", json=change)).json() == {"version": 2}
        refused(await caller.put(f"/api/v1/canteen-lists/{made_list}", json=change), 409, "canteen_list_changed")
        [kept] = (await caller.get("/api/v1/canteen-lists")).json()["items"]
    assert [(one["grams"], one["quantity"]) for one in kept["lines"]] == [(3_000, None), (None, 4)]
    order = await ordered(app, made, lines=[], list_id=made_list)
    assert [line["ordered"] for line in order["lines"]] == [3_000, 4]
    again = await ordered(app, made, lines=[], repeat_order_id=order["order"]["id"])
    assert [line["ordered"] for line in again["lines"]] == [3_000, 4]
    edited = await ordered(app, made, grams=1_250, bags=9, list_id=made_list)
    assert [line["ordered"] for line in edited["lines"]] == [1_250, 9]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"sku": "rice", "grams": 500}, "不是称重商品"),
        ({"sku": "potatoes"}, "请填件数或重量"),
        ({"sku": "potatoes", "quantity": 1, "grams": 500}, "二选一"),
    ],
)
async def test_wrong_amounts_are_named_and_nothing_is_ordered(
    app: FastAPI, database: Database, line: dict[str, Any], said: str
) -> None:
    made = await kitchen_shop(database)
    requested = {"sku_id": str(getattr(made, line.pop("sku"))), **line}
    body = {"canteen_id": str(made.canteen), "deliver_on": str(clock.today()), "lines": [requested]}
    problem = refused(await post(app, made.buyer, "/canteen-orders", body), 422, "amount_wrong")
    assert said in problem["errors"][0]["detail"]
    assert await rows(database, "SELECT count(*) FROM shop_order") == [(0,)]


async def test_what_cannot_be_ordered_is_refused_whole(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database, pieces=10)
    body = {
        "canteen_id": str(made.canteen),
        "deliver_on": str(clock.today()),
        "lines": [{"sku_id": str(made.rice), "quantity": 1}, {"sku_id": str(made.potatoes), "grams": 5_001}],
    }
    refused(await post(app, made.buyer, "/canteen-orders", body), 409, "out_of_stock")
    yesterday = body | {"deliver_on": str(clock.today() - timedelta(days=1))}
    refused(await post(app, made.buyer, "/canteen-orders", yesterday), 422, "deliver_on_passed")
    async with database.transaction() as session:
        await session.execute(text("UPDATE canteen_contract SET valid_to = :d"), {"d": date(2021, 1, 1)})
    refused(await post(app, made.buyer, "/canteen-orders", body), 409, "canteen_contract_missing")
    assert await rows(database, "SELECT sum(held_pieces)::int FROM stock_item") == [(0,)]
    assert await rows(database, "SELECT count(*) FROM shop_order") == [(0,)]


async def test_strangers_learn_nothing(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    elsewhere = UUID(int=7)
    stranger = await worker_of(database, Role.CANTEEN_BUYER, elsewhere, "别处采购（虚构）")
    receiver = await worker_of(database, Role.UNION_RECEIVER, elsewhere, "别处验收（虚构）")
    body = {"canteen_id": str(made.canteen), "deliver_on": str(clock.today()), "list_id": str(uuid4())}
    refused(await post(app, stranger, "/canteen-orders", body), 404, "canteen_not_found")
    path = f"/canteen-orders/{order['order']['id']}"
    refused(await post(app, stranger, f"{path}/extension", {"reason": "不"}), 404, "canteen_order_not_found")
    count = counted(order, 1, 1, witness_id=str(made.receivers[1].user_id))
    refused(await post(app, receiver, f"{path}/acceptances", count), 404, "canteen_order_not_found")
    async with as_caller(app, stranger) as caller:
        refused(await caller.get(f"/api/v1{path}"), 404, "canteen_order_not_found")
        assert (await caller.get("/api/v1/canteen-orders")).json()["items"] == []
    assert await rows(database, "SELECT count(*) FROM acceptance") == [(0,)]


async def test_what_is_not_wanted_is_cancelled_before_it_comes_and_can_be_sold_again(
    app: FastAPI, database: Database
) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    path = f"/canteen-orders/{order['order']['id']}/cancel"
    shopper = await post(app, made.buyer, f"/orders/{order['order']['id']}/cancel", {})
    refused(shopper, 409, "not_cancellable")
    for _ in range(2):
        answer = await post(app, made.buyer, path, {})
        assert (answer.json()["order"]["state"], answer.json()["order"]["due_fen"]) == ("cancelled", 0)
    stock = await rows(database, "SELECT DISTINCT held_pieces, on_hand_pieces FROM stock_item")
    assert stock == [(0, 1_000)]
    refused(await accepted(app, made, order, 12_345, 3), 409, "not_to_be_accepted")
    other = await ordered(app, made)
    await accepted(app, made, other, 12_345, 3)
    refused(await post(app, made.buyer, f"/canteen-orders/{other['order']['id']}/cancel", {}), 409, "not_cancellable")


async def test_paying_later_lifts_the_grade_and_nothing_else(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    await accepted(app, made, order, 12_345, 3)
    before = await rows(database, "SELECT sum(amount_fen)::int, min(occurred_on), max(occurred_on) FROM credit_entry")
    await paid_by_transfer(database)
    after = await rows(database, "SELECT sum(amount_fen)::int, min(occurred_on), max(occurred_on) FROM credit_entry")
    assert after == before
    grades = await rows(
        database, "SELECT grade, sum(amount_fen)::int FROM credit_entry GROUP BY grade HAVING sum(amount_fen) <> 0"
    )
    assert grades == [("A", 24_690 + 6_000)]
    assert await rows(database, "SELECT payment_state FROM payer_share") == [("paid",)]
    assert await rows(database, "SELECT payment_state FROM shop_order") == [("paid",)]
