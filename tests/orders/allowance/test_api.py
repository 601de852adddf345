"""Allowances through the door: granted, seen, spent at checkout, taken back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.switchboard import handle_inbox
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.allowance import UNTIL, plan
from tests.make.browser import browser_of
from tests.make.budget import UnionDesk, union_desk
from tests.make.caller import as_caller, refused
from tests.make.shop import ADDRESS, SmallShop, buyer, small_shop

pytestmark = pytest.mark.anyio


@dataclass
class Scene:
    shop: SmallShop
    desk: UnionDesk
    members: Sequence[Actor]
    plan: str


@pytest.fixture
async def scene(database: Database) -> Scene:
    shop = await small_shop(database)
    desk = await union_desk(database, shop.bank, budget_fen=100_000)
    members = [await buyer(database, works_at=shop.branch) for _ in range(2)]
    return Scene(shop, desk, members, str(await plan(database, desk, shop.skus[:2], members)))


async def call(app: FastAPI, actor: Actor, method: str, path: str, body: Any = None) -> Any:
    async with as_caller(app, actor) as caller:
        return await caller.request(method, f"/api/v1{path}", json=body, headers={"Idempotency-Key": str(new_id())})


def batch(scene: Scene, **more: Any) -> dict[str, Any]:
    named = {"batch_number": "2026-国庆", "plan_id": scene.plan, "amount_fen": 3_000, "expires_on": str(UNTIL)}
    return named | more


async def scalar(database: Database, statement: str) -> Any:
    async with database.reading() as session:
        return await session.scalar(text(statement))


async def test_a_batch_is_granted_seen_and_taken_back(app: FastAPI, scene: Scene) -> None:
    ada, bob = scene.members
    assert (await call(app, ada, "GET", "/me")).json()["allowance"] is None
    made = await call(app, scene.desk.clerk, "POST", "/allowances/grants", batch(scene))
    assert made.status_code == 201, made.text
    assert (made.json()["members"], made.json()["granted_fen"], made.json()["left_fen"]) == (2, 6_000, 6_000)
    again = await call(app, scene.desk.clerk, "POST", "/allowances/grants", batch(scene))
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    other = await call(app, scene.desk.clerk, "POST", "/allowances/grants", batch(scene, amount_fen=1))
    assert refused(other, 409, "batch_number_used")
    mine = (await call(app, ada, "GET", "/allowances")).json()["items"]
    assert [(one["available_fen"], one["state"], one["batch_number"]) for one in mine] == [(3_000, "open", "2026-国庆")]
    assert sorted(mine[0]["sku_ids"]) == sorted(str(sku) for sku in scene.shop.skus[:2])
    me = (await call(app, bob, "GET", "/me")).json()
    assert me["allowance"] == {"available_fen": 3_000, "expires_on": str(UNTIL)}

    path = f"/allowances/grants/{made.json()['id']}/withdraw"
    taken = await call(app, scene.desk.clerk, "POST", path, {"reason": "计划取消（虚构）"})
    assert (taken.json()["state"], taken.json()["left_fen"]) == ("withdrawn", 0)
    assert (await call(app, ada, "GET", "/me")).json()["allowance"] is None
    listed = (await call(app, scene.desk.clerk, "GET", "/allowances/grants")).json()["items"]
    assert [one["state"] for one in listed] == ["withdrawn"]


async def test_strangers_members_and_half_a_request(app: FastAPI, database: Database, scene: Scene) -> None:
    stranger = replace(await buyer(database), grants=(Grant(Role.UNION_BUYER, "unit", str(new_id())),))
    assert refused(await call(app, stranger, "POST", "/allowances/grants", batch(scene)), 404, "not_found")
    assert refused(await call(app, scene.members[0], "POST", "/allowances/grants", batch(scene)), 403, "not_allowed")
    for wrong in ({"amount_fen": 0}, {"batch_number": " "}, {"person_ids": []}, {"cash": True}):
        answer = await call(app, scene.desk.clerk, "POST", "/allowances/grants", batch(scene, **wrong))
        assert refused(answer, 422, "invalid")
    assert await scalar(database, "SELECT count(*) FROM allowance_grant") == 0
    assert (await call(app, stranger, "GET", "/allowances/grants")).json()["items"] == []


async def test_an_order_with_an_allowance_and_one_that_asks_too_much(app: FastAPI, scene: Scene) -> None:
    ada = scene.members[0]
    await call(app, scene.desk.clerk, "POST", "/allowances/grants", batch(scene))
    lines = [{"sku_id": str(scene.shop.skus[0]), "quantity": 2}]
    quoted = await call(app, ada, "POST", "/quotes", {"lines": lines, "address": {"region_code": ADDRESS.region_code}})
    assert quoted.json()["allowance_fen"] == 2_000
    requested = {"lines": lines, "address": ADDRESS.model_dump()}
    much = await call(app, ada, "POST", "/orders", requested | {"allowance_fen": 2_001})
    assert refused(much, 422, "allowance_not_available")
    assert much.json()["available_fen"] == 2_000
    not_hers = await call(
        app, ada, "POST", "/orders", requested | {"allowance_fen": 5, "fund_source": "administration"}
    )
    assert refused(not_hers, 422, "allowance_not_available")
    order = await call(app, ada, "POST", "/orders", requested | {"allowance_fen": 2_000})
    assert order.status_code == 201, order.text
    paid = await call(app, ada, "POST", f"/orders/{order.json()['id']}/pay", {"method": "stripe"})
    assert paid.json()["state"] == "pending"
    mine = (await call(app, ada, "GET", "/allowances")).json()["items"]
    assert [(one["available_fen"], one["held_fen"]) for one in mine] == [(1_000, 2_000)]


async def test_the_checkout_page_offers_it(app: FastAPI, database: Database, scene: Scene) -> None:
    ada = scene.members[0]
    await call(app, scene.desk.clerk, "POST", "/allowances/grants", batch(scene))
    await call(app, ada, "PUT", f"/cart/lines/{scene.shop.skus[0]}", {"quantity": 2})
    browser = await browser_of(app, database, ada)
    typed = {"name": "收货人乙", "phone": "13900139000", "region_q": "上海黄浦", "street": "示例路二号"}
    await browser.open("/checkout")
    page = await browser.send("/checkout", do="place", **typed)
    assert "使用工会福利额度 ¥20.00" in page.words
    assert "使用后，自己支付 ¥6.00" in page.words
    assert "提交订单" in page.buttons
    page = await browser.send("/checkout", do="place")
    assert browser.path.startswith("/sandbox/pay/"), page.words
    assert "¥6.00" in page.words
    await browser.send(browser.path, choice="wechat_pay")
    await app.state.sandbox.quiet()
    assert await handle_inbox(database, app.state.gateway, now=clock.now()) == 1
    page = await browser.open(f"/orders/{await scalar(database, 'SELECT id FROM shop_order')}")
    assert "其中工会福利额度 ¥20.00" in page.words
    assert "¥26.00" in page.words
    await browser.close()


async def test_covered_wholly_the_page_asks_for_nothing_more(app: FastAPI, database: Database, scene: Scene) -> None:
    ada = scene.members[0]
    async with database.transaction() as session:
        await session.execute(text("UPDATE freight_rate SET first_fen = 0, step_fen = 0"))
    await call(app, scene.desk.clerk, "POST", "/allowances/grants", batch(scene))
    await call(app, ada, "PUT", f"/cart/lines/{scene.shop.skus[0]}", {"quantity": 2})
    browser = await browser_of(app, database, ada)
    typed = {"name": "收货人乙", "phone": "13900139000", "region_q": "上海黄浦", "street": "示例路二号"}
    await browser.open("/checkout")
    page = await browser.send("/checkout", do="place", **typed)
    assert "全部由福利额度支付，不用再付款。" in page.words
    page = await browser.send("/checkout", do="place")
    assert browser.path.startswith("/orders/")
    assert "收据" in page.words
    assert await scalar(database, "SELECT count(*) FROM credit_entry") == 1
    await browser.close()
