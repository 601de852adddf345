"""A union's allowance, from its plan to its expiry: spent wholly, with own money, refunded before and after."""

from datetime import timedelta
from typing import Any

import pytest

from orders.allowance.jobs import give_back_left
from shop.app.demo.caller import ADDRESS, Caller, Json
from shop.core import clock
from tests.make.caller import refused
from tests.make.story import Story
from tests.make.union_day import BASE, ROSTER, UnionDay, key, sites, union_day

pytestmark = pytest.mark.anyio
YEAR_FEN, PLAN_FEN, EACH_FEN = 1_000_000, 400_000, 30_000
ENOUGH = 4
"""Boxes that are sent free of freight: no allowance pays for that."""


@pytest.fixture
async def day(story: Story) -> UnionDay:
    made = await union_day(story)
    await made.bring_roster(ROSTER, clock.today())
    await made.budget(YEAR_FEN)
    return made


async def approved_plan(day: UnionDay, goods: list[str]) -> Json:
    """Small enough for one approver, without quotes or notice."""
    body = {
        "title": "年度福利额度（虚构）", "union_id": str(day.union), "unit_id": str(day.unit_ids["DEMO"]),
        "purpose": "allowance", "fiscal_year": clock.today().year, "budget_fen": PLAN_FEN,
        "ship_on": str(clock.today() + timedelta(days=30)), "sites": sites(day.unit_ids),
        "packages": [{"name": "可选商品", "lines": [{"sku_id": sku, "pieces": 1} for sku in goods]}],
    }  # fmt: skip
    plan = await day.done(day.clerk, "", body, status=201)
    path = f"/{plan['id']}"
    sha = (await day.done(day.clerk, f"{path}/submit"))["content_sha256"]
    assert (await day.done(day.approver, f"{path}/approve", {"content_sha256": sha}))["state"] == "approved"
    return plan


async def granted(day: UnionDay, plan: Json, number: str, people: list[str], *, status: int = 201) -> Json:
    body = {
        "batch_number": number, "plan_id": plan["id"], "amount_fen": EACH_FEN, "person_ids": people,
        "expires_on": str(clock.today() + timedelta(days=3)),
    }  # fmt: skip
    answer = await day.post(day.clerk, "/grants", body, under="/api/v1/allowances")
    assert answer.status_code == status, answer.text
    document: Json = answer.json()
    return document


async def mine(who: Caller) -> Json:
    (found,) = (await who.ask("GET", "/api/v1/allowances"))["items"]
    return {name: found[name] for name in ("available_fen", "held_fen", "state")}


async def bought(day: UnionDay, who: Caller, sku: str, allowance_fen: int, *, pieces: int = 1) -> Json:
    body = {"lines": [{"sku_id": sku, "quantity": pieces}], "address": ADDRESS, "allowance_fen": allowance_fen}
    answer = await day.http.post("/api/v1/orders", json=body, headers={**who.headers, **key()})
    assert answer.status_code == 201, answer.text
    document: Json = answer.json()
    return document


async def refund(day: UnionDay, order: Json) -> Json:
    line = {"line_id": order["lines"][0]["id"], "quantity": order["lines"][0]["quantity"]}
    body = {"lines": [line], "reason": "坏果（虚构）"}
    answer = await day.post(day.staff, "", body, under=f"/api/v1/orders/{order['id']}/refunds")
    assert answer.status_code == 201, answer.text
    await day.story.work()
    document: Json = answer.json()
    return document


async def quoted(day: UnionDay, who: Caller, sku: str) -> Any:
    body = {"lines": [{"sku_id": sku, "quantity": ENOUGH}], "address": {"region_code": ADDRESS["region_code"]}}
    return await who.ask("POST", "/api/v1/quotes", json=body)


async def test_granted_spent_refunded_expired_and_back_in_the_budget(day: UnionDay) -> None:
    employee = await day.story.employee()
    box = await employee.find(q="三县年货礼包")
    other = await employee.find(county="610825")
    plan = await approved_plan(day, [box["skus"][0]["id"], other["skus"][0]["id"]])
    budget = {"available_fen": YEAR_FEN - PLAN_FEN, "encumbered_fen": PLAN_FEN, "allowances_fen": 0, "spent_fen": 0}
    assert await day.left_of_budget() == budget
    await granted_once(day, plan)
    budget |= {"encumbered_fen": PLAN_FEN - 3 * EACH_FEN, "allowances_fen": 3 * EACH_FEN}
    assert await day.left_of_budget() == budget
    assert await mine(employee) == {"available_fen": EACH_FEN, "held_fen": 0, "state": "open"}

    whole = await spent_wholly(day, employee, box["skus"][0]["id"])
    dear = other["skus"][0]["price_fen"]
    part = dear // 2
    mixed = await spent_with_own_money(day, employee, other["skus"][0]["id"], part)
    by_source = await day.story.rows(
        "SELECT fund_source, sum(amount_fen)::bigint FROM credit_entry GROUP BY 1 ORDER BY 1"
    )
    assert by_source == [("personal", dear - part), ("union", whole["total_fen"] + part)]
    await refund(day, whole)
    assert (await mine(employee))["available_fen"] == EACH_FEN - part, "before it expires: back to the allowance"
    await day.story.proven()

    # it expires: what is left returns to the union, and what is refunded later too; own money goes back as it came
    await day.days_later(4)
    await give_back_left(day.story.database, now=clock.now())
    assert (await mine(employee)) == {"available_fen": 0, "held_fen": 0, "state": "expired"}
    budget |= {"available_fen": budget["available_fen"] + 3 * EACH_FEN - part, "allowances_fen": 0, "spent_fen": part}
    assert await day.left_of_budget() == budget
    assert await bought_refused(day, employee, box["skus"][0]["id"]) == "allowance_not_available"
    await refund(day, mixed)
    await give_back_left(day.story.database, now=clock.now())
    back = {"available_fen": budget["available_fen"] + part, "spent_fen": 0}
    assert await day.left_of_budget() == budget | back
    assert (await employee.seen(mixed["id"]))["refunded_fen"] == dear
    sums = "SELECT sum(amount_fen - allowance_fen)::bigint, sum(allowance_fen)::bigint FROM refund"
    assert await day.story.rows(f"{sums} WHERE state = 'succeeded'") == [(dear - part, whole["total_fen"] + part)]
    assert await day.story.rows("SELECT sum(amount_fen)::bigint FROM credit_entry") == [(0,)]
    await day.story.proven()


async def granted_once(day: UnionDay, plan: Json) -> None:
    """However often it is sent; never by strangers, never to somebody who is not of the plan, never beyond it."""
    members = (await day.get(day.clerk, f"{BASE}/{plan['id']}/choices"))["items"]
    people = {one["staff_number"]: one["person_id"] for one in members}
    batch = [people["A0001"], people["A0007"], people["A0013"]]
    grant = await granted(day, plan, "2026-春节-1", batch)
    assert (grant["members"], grant["granted_fen"]) == (3, 3 * EACH_FEN)
    again = await granted(day, plan, "2026-春节-1", batch, status=200)
    assert again["id"] == grant["id"]
    tomorrow = str(clock.today() + timedelta(days=1))
    body = {"batch_number": "x", "plan_id": plan["id"], "amount_fen": 1, "expires_on": tomorrow}
    grants = "/api/v1/allowances"
    refused(await day.post(day.stranger, "/grants", body, under=grants), 404, "not_found")
    nobody = body | {"person_ids": [str(day.union)]}
    refused(await day.post(day.clerk, "/grants", nobody, under=grants), 422, "not_of_the_plan")
    much = body | {"amount_fen": PLAN_FEN, "person_ids": batch}
    refused(await day.post(day.clerk, "/grants", much, under=grants), 422, "more_than_approved")


async def spent_wholly(day: UnionDay, employee: Caller, sku: str) -> Json:
    """No payment provider is asked: the order is confirmed at once, and credited."""
    price = await quoted(day, employee, sku)
    assert price["freight_fen"] == 0
    order = await bought(day, employee, sku, price["total_fen"], pieces=ENOUGH)
    assert (order["state"], order["payment_state"], order["total_fen"]) == ("confirmed", "paid", price["total_fen"])
    assert (await mine(employee))["available_fen"] == EACH_FEN - order["total_fen"]
    assert await day.story.rows("SELECT method, received_fen FROM payment") == [("allowance", 0)]
    await day.story.proven()
    return order


async def spent_with_own_money(day: UnionDay, employee: Caller, sku: str, part: int) -> Json:
    """The provider is asked for the rest only."""
    before = (await mine(employee))["available_fen"]
    order = await bought(day, employee, sku, part)
    now = await mine(employee)
    assert (order["state"], now["held_fen"], now["available_fen"]) == ("placed", part, before - part)
    await employee.pay(await employee.open_payment(order["id"]))
    await day.story.work()
    assert (await employee.seen(order["id"]))["payment_state"] == "paid"
    [(asked,)] = await day.story.rows("SELECT received_fen FROM payment WHERE method <> 'allowance'")
    assert asked == order["total_fen"] - part
    await day.story.proven()
    return order


async def bought_refused(day: UnionDay, who: Caller, sku: str) -> str:
    body = {"lines": [{"sku_id": sku, "quantity": 1}], "address": ADDRESS, "allowance_fen": 100}
    answer = await day.http.post("/api/v1/orders", json=body, headers={**who.headers, **key()})
    return str(refused(answer, 422, answer.json()["code"])["code"])


async def test_what_nobody_spent_is_taken_back(day: UnionDay) -> None:
    employee = await day.story.employee()
    box = await employee.find(q="三县年货礼包")
    plan = await approved_plan(day, [box["skus"][0]["id"]])
    members = (await day.get(day.clerk, f"{BASE}/{plan['id']}/choices"))["items"]
    grant = await granted(day, plan, "2026-1", [one["person_id"] for one in members])
    await bought(day, employee, box["skus"][0]["id"], 5_000)  # waits for own money: what it holds stays
    path = f"/grants/{grant['id']}/withdraw"
    refused(await day.post(day.stranger, path, {"reason": "x"}, under="/api/v1/allowances"), 404, "not_found")
    for _ in range(2):
        answer = await day.post(day.clerk, path, {"reason": "发错批次（虚构）"}, under="/api/v1/allowances")
        assert (answer.json()["state"], answer.json()["left_fen"]) == ("withdrawn", 5_000), answer.text
    found = await day.left_of_budget()
    assert found["available_fen"] == YEAR_FEN - PLAN_FEN + 12 * EACH_FEN + EACH_FEN - 5_000
    await day.story.proven()
