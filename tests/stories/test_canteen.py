"""A canteen's month: a list, an order by weight, the truck, two people at the scales, the last day to pay, the bank."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from orders.canteen.jobs import mark_overdue
from shop.app.demo.caller import Caller, Json, sign_in
from shop.core import clock
from tests.make.caller import refused
from tests.make.evidence import PDF
from tests.make.story import Story
from tests.make.union_day import UnionDay, union_day

pytestmark = pytest.mark.anyio
API = "/api/v1"
TRUCK = {"driver": "司机乙（虚构）", "plate": "沪A12345", "delivery_note": "SH-001"}
KILO_FEN, TIN_FEN = 1_990, 2_990


class Kitchen:
    """The first branch's canteen: who orders, who receives, and the two goods that it orders."""

    def __init__(self, day: UnionDay, buyer: Caller, receiver: Caller, canteen: str, skus: tuple[str, str]) -> None:
        self.day, self.buyer, self.receiver, self.canteen, self.skus = day, buyer, receiver, canteen, skus

    async def post(self, who: Caller, path: str, body: object, status: int = 201) -> Any:
        answer = await self.day.post(who, path, body, under=API)
        assert answer.status_code == status, answer.text
        return answer.json()

    def lines(self, grams: int, tins: int) -> list[dict[str, Any]]:
        return [{"sku_id": self.skus[0], "grams": grams}, {"sku_id": self.skus[1], "quantity": tins}]

    async def ordered(self, **more: object) -> Json:
        body = {"canteen_id": self.canteen, "deliver_on": str(clock.today()), **more}
        made: Json = await self.post(self.buyer, "/canteen-orders", body)
        return made

    async def seen(self, order: Json) -> Json:
        found: Json = await self.day.get(self.buyer, f"{API}/canteen-orders/{order['order']['id']}")
        return found

    async def accepted(self, order: Json, *amounts: int) -> None:
        lines = [
            {"line_id": line["id"], "accepted": amount} for line, amount in zip(order["lines"], amounts, strict=True)
        ]
        body = {"witness_id": str(self.day.ids["union.receiver@demo.test"]), "lines": lines, "truck": TRUCK}
        path = f"/canteen-orders/{order['order']['id']}/acceptances"
        mine = body | {"witness_id": str(self.day.ids["canteen.receiver@demo.test"])}
        refused(await self.day.post(self.receiver, path, mine, under=API), 409, "duties_not_apart")
        refused(await self.day.post(self.buyer, path, body, under=API), 403, "not_allowed")
        await self.post(self.receiver, path, body)


@pytest.fixture
async def kitchen(story: Story) -> Kitchen:
    day = await union_day(story)
    async with story.database.transaction() as session:
        await session.execute(text("UPDATE sku SET weighed = true WHERE code = 'SP030'"))
    buyer = await sign_in(day.http, "canteen@demo.test")
    receiver = await sign_in(day.http, "canteen.receiver@demo.test")
    (canteen,) = (await day.get(buyer, f"{API}/canteens"))["items"]
    beans, tea = await buyer.find(q="大通蚕豆"), await buyer.find(q="苦荞茶", county="513431")
    return Kitchen(day, buyer, receiver, str(canteen["id"]), (beans["skus"][0]["id"], tea["skus"][0]["id"]))


async def test_a_month_from_the_list_to_the_bank(kitchen: Kitchen) -> None:
    day = kitchen.day
    body = {"canteen_id": kitchen.canteen, "name": "每周一", "lines": kitchen.lines(12_345, 3)}
    kept = await kitchen.post(kitchen.buyer, "/canteen-lists", body)
    order = await kitchen.ordered(list_id=kept["id"])
    head, (beans, tins) = order["order"], order["lines"]
    assert (head["state"], head["payment_state"], head["due_on"]) == ("confirmed", "unpaid", None)
    assert (beans["ordered"], beans["paid_fen"]) == (12_345, round(12.345 * KILO_FEN))
    assert (tins["ordered"], tins["paid_fen"]) == (3, 3 * TIN_FEN)
    freight = head["due_fen"] - beans["paid_fen"] - tins["paid_fen"]
    assert freight >= 0
    assert await day.story.rows("SELECT count(*) FROM credit_entry") == [(0,)]
    refused(await day.post(kitchen.buyer, extension(order), {"reason": "早了"}, under=API), 409, "nothing_due")

    # what two people weigh is credited and owed; more than was ordered needs another order
    over = {"witness_id": str(day.ids["union.receiver@demo.test"])} | {
        "lines": [{"line_id": beans["id"], "accepted": 12_346}, {"line_id": tins["id"], "accepted": 3}]
    }
    path = f"/canteen-orders/{head['id']}/acceptances"
    refused(await day.post(kitchen.receiver, path, over, under=API), 409, "over_delivered")
    await kitchen.accepted(order, 12_000, 2)
    now = (await kitchen.seen(order))["order"]
    owed = 12 * KILO_FEN + 2 * TIN_FEN
    assert now["due_fen"] == owed + freight
    assert now["due_on"] == str(clock.today() + timedelta(days=30)), "as the contract says"
    assert (now["truck_plate"], now["delivery_note"]) == (TRUCK["plate"], TRUCK["delivery_note"])
    credited = await day.story.rows(
        "SELECT buyer_kind, fund_source, grade, unit_id, sum(amount_fen)::bigint FROM credit_entry GROUP BY 1, 2, 3, 4"
    )
    assert credited == [("canteen", "canteen", "B", day.unit_ids["DEMO-1"], owed)]
    await day.story.proven()
    answer = await day.http.post(
        f"{API}/evidence", files={"file": ("合格证.pdf", PDF)}, headers=dict(kitchen.receiver.headers)
    )
    paper = {"line_id": beans["id"], "kind": "conformity", "evidence_sha256": answer.json()["sha256"]}
    await kitchen.post(
        kitchen.receiver, f"/canteen-orders/{head['id']}/papers", paper | {"batch_number": "B1", "number": "HG-1"}
    )

    # the last day passes, one extension, and then it is late again
    await day.days_later(31)
    assert await mark_overdue(day.story.database, now=clock.now()) == 1
    assert [one["id"] for one in (await day.get(kitchen.buyer, f"{API}/canteen-overdue"))["items"]] == [head["id"]]
    extended = await kitchen.post(kitchen.buyer, extension(order), {"reason": "月底结账"}, 200)
    assert extended["order"]["payment_state"] == "unpaid"
    refused(await day.post(kitchen.buyer, extension(order), {"reason": "再来"}, under=API), 409, "already_extended")
    await day.days_later(16)
    assert await mark_overdue(day.story.database, now=clock.now()) == 1

    # the bank: half of it leaves it overdue, all of it lifts what was credited from B to A, and moves nothing else
    half = now["due_fen"] // 2 - 100
    name, code = now["payer_name"], now["transfer_code"]
    assert (await day.statement([("C1", half, name, code)]))["matched"] == 1
    assert (await kitchen.seen(order))["order"]["payment_state"] == "overdue"
    assert await grades(day.story) == {"B": owed}
    await day.story.proven()
    await day.statement([("C2", now["due_fen"] - half, name, f"货款{code}")])
    paid = (await kitchen.seen(order))["order"]
    assert (paid["payment_state"], paid["paid_fen"]) == ("paid", now["due_fen"])
    await day.receipts_came()
    assert await grades(day.story) == {"A": owed}
    assert (await day.get(kitchen.buyer, f"{API}/canteen-overdue"))["items"] == []
    found = await day.story.proven()
    assert found["money"].right["payments"] == now["due_fen"]
    refused(await day.post(day.stranger, extension(order), {"reason": "x"}, under=API), 403, "not_allowed")


def extension(order: Json) -> str:
    return f"/canteen-orders/{order['order']['id']}/extension"


async def grades(story: Story) -> dict[str, int]:
    rows = await story.rows(
        "SELECT grade, sum(amount_fen)::bigint FROM credit_entry GROUP BY grade HAVING sum(amount_fen) <> 0"
    )
    return dict(rows)


async def test_a_contractor_pays_before_the_goods_and_the_unit_is_credited(kitchen: Kitchen) -> None:
    day = kitchen.day
    contract = {
        "canteen_id": kitchen.canteen, "payer_kind": "contractor", "payer_name": "餐饮公司（虚构）",
        "invoice_title": "餐饮公司（虚构）", "credit_days": 7, "contact_name": "仓管（虚构）",
        "contact_phone": "13800138014", "region_code": "310101", "street": "示例路一号后门",
        "valid_from": str(clock.today()), "source": "承包合同（虚构）",
    }  # fmt: skip
    await kitchen.post(day.admin, "/canteen-contracts", contract)
    order = await kitchen.ordered(lines=kitchen.lines(10_000, 4))
    head = order["order"]
    assert (head["payer_kind"], head["payer_name"]) == ("contractor", "餐饮公司（虚构）")
    await day.statement([("K1", head["due_fen"], head["payer_name"], head["transfer_code"])])
    await day.receipts_came()
    found = await day.story.proven()
    assert found["money"].left["advances"] == head["due_fen"], "nothing came yet: it is the contractor's money"
    await kitchen.accepted(order, 9_000, 4)
    after = (await kitchen.seen(order))["order"]
    assert head["due_fen"] - after["due_fen"] == KILO_FEN
    assert await grades(day.story) == {"A": 9 * KILO_FEN + 4 * TIN_FEN}, "paid already when it was accepted"
    credited = await day.story.rows("SELECT DISTINCT unit_id, person_id, buyer_kind FROM credit_entry")
    assert credited == [(day.unit_ids["DEMO-1"], None, "contractor")]
    found = await day.story.proven()
    assert found["money"].left["advances"] == KILO_FEN
    [(share,)] = await day.story.rows("SELECT id FROM payer_share")
    back = {
        "amount_fen": KILO_FEN, "bank_reference": "RC0001", "returned_on": str(clock.today()), "reason": "少一公斤",
    }  # fmt: skip
    await kitchen.post(day.staff, f"/payer-shares/{share}/pay-back", back)
    assert (await kitchen.seen(order))["order"]["payment_state"] == "paid"
    found = await day.story.proven()
    assert found["money"].left["advances"] == 0
