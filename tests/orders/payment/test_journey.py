"""The same over HTTP, as a script and as a newcomer with a browser would do it."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.switchboard import handle_inbox
from shop.access.permissions import Actor, Grant, Role
from shop.app.main import create_app
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.settings import Settings
from shop.organisation.models import Membership
from shop.ui.filters import yuan
from tests.make.people import SINCE, bearer, somebody
from tests.make.production import SAFE
from tests.make.shop import SmallShop, placed, small_shop

pytestmark = pytest.mark.anyio


@dataclass
class Journey:
    """One caller signed in as an employee, and as staff of the employee's unit."""

    http: httpx.AsyncClient
    app: FastAPI
    database: Database
    shop: SmallShop
    buyer: Actor
    employee: dict[str, str]
    staff: dict[str, str]

    async def work(self) -> None:
        for _ in range(2):
            await self.app.state.sandbox.quiet()
            await handle_inbox(self.database, self.app.state.gateway, now=clock.now())

    async def order(self, lines: dict[UUID, int]) -> dict[str, Any]:
        made: dict[str, Any] = msgspec.to_builtins(await placed(self.database, self.buyer, lines))
        return made

    async def pay(self, order_id: str, **body: str) -> httpx.Response:
        return await self.http.post(
            f"/api/v1/orders/{order_id}/pay", headers=self.employee, json={"method": "stripe"} | body
        )

    async def paid(self, lines: dict[UUID, int]) -> dict[str, Any]:
        order = await self.order(lines)
        opened = (await self.pay(order["id"])).json()
        answer = await self.http.post(f"/sandbox/payments/{opened['payment_id']}/succeed")
        assert answer.json() == {"payment_id": opened["payment_id"], "state": "paid"}
        await self.work()
        return order

    async def refund(self, order_id: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.http.post(f"/api/v1/orders/{order_id}/refunds", headers=self.staff | headers, json=body)

    async def all(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.database.reading() as session:
            return [tuple(row) for row in await session.execute(text(statement))]


@pytest.fixture
async def journey(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Journey:
    shop = await small_shop(database)
    someone = await somebody(database, "employee@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    await somebody(database, "staff@example.com", Grant(Role.STAFF, "unit", str(shop.bank)))
    async with database.transaction() as session:
        session.add(Membership(id=new_id(), person_id=someone.person_id, unit_id=shop.branch, valid_from=SINCE))
    buyer = Actor(someone.user_id, someone.person_id, new_id(), (Grant(Role.EMPLOYEE, "all", "*"),))
    tokens = [await bearer(client, f"{who}@example.com") for who in ("employee", "staff")]
    return Journey(client, app, database, shop, buyer, *tokens)


async def test_buy_pay_refund_cancel(journey: Journey) -> None:
    order = await journey.order({journey.shop.box: 2, journey.shop.skus[3]: 1})
    opened = await journey.pay(order["id"])
    assert opened.status_code == 200
    assert opened.json()["state"] == "pending"
    assert opened.json() == (await journey.pay(order["id"])).json()
    refused = await journey.pay(order["id"], method="bank_transfer")
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_page_open")
    await journey.http.post(f"/sandbox/payments/{opened.json()['payment_id']}/succeed")
    await journey.work()
    assert await journey.all("SELECT state, payment_state FROM shop_order") == [("confirmed", "paid")]
    body = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}], "reason": "坏果"}
    first = await journey.refund(order["id"], body, **{"idempotency-key": "one"})
    assert first.status_code == 201
    assert (first.json()["amount_fen"], first.json()["state"]) == (4_500, "submitted")
    await journey.work()  # it has succeeded, but the first answer stays the first answer
    again = await journey.refund(order["id"], body, **{"idempotency-key": "one"})
    assert (again.status_code, again.content) == (201, first.content)
    other = await journey.refund(order["id"], body | {"reason": "别的"}, **{"idempotency-key": "one"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    beyond = await journey.refund(order["id"], {"amount_fen": 10**6, "reason": "坏果"})
    assert (beyond.status_code, beyond.json()["code"], beyond.json()["left_fen"]) == (409, "refund_exceeds", 8_500)
    cancelled = await journey.http.post(f"/api/v1/orders/{order['id']}/cancel", headers=journey.employee)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    await journey.work()
    assert await journey.all("SELECT kind, state FROM refund ORDER BY requested_at") == [
        ("lines", "succeeded"),
        ("cancel", "succeeded"),
    ]
    assert await journey.all("SELECT sum(amount_fen)::int FROM credit_entry") == [(0,)]


async def test_a_wrong_refund_is_422_and_changes_nothing(journey: Journey) -> None:
    order = await journey.paid({journey.shop.skus[0]: 1})
    nowhere = str(UUID(int=1))
    wrong: list[dict[str, Any]] = [
        *({"amount_fen": fen} for fen in (0, -1, 10**12, "5", None)),
        *({"lines": [{"line_id": order["lines"][0]["id"], "quantity": n}]} for n in (0, -1, 10**12)),
        {"lines": [{"line_id": nowhere, "quantity": 1}]},
        {"amount_fen": 1, "line_id": nowhere},
    ]
    for body in wrong:
        answer = await journey.refund(order["id"], {"reason": "坏果", **body})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), body
    assert await journey.all("SELECT id FROM refund") == []


async def test_the_denied_change_nothing(journey: Journey) -> None:
    order = await journey.paid({journey.shop.skus[0]: 1})
    path, body = f"/api/v1/orders/{order['id']}", {"amount_fen": 1, "reason": "坏果"}
    answers = [
        (await journey.http.post(f"{path}/refunds", json=body)).status_code,
        (await journey.http.post(f"{path}/refunds", json=body, headers=journey.employee)).status_code,
        (await journey.http.post(f"{path}/cancel")).status_code,
        (await journey.http.post(f"{path}/cancel", headers=journey.staff)).status_code,
        (await journey.http.post(f"{path}/pay", json={"method": "stripe"}, headers=journey.staff)).status_code,
        (await journey.refund(str(new_id()), body)).status_code,
    ]
    assert answers == [401, 403, 401, 404, 404, 404]
    assert await journey.all("SELECT id FROM refund") == []
    assert await journey.all("SELECT state FROM shop_order") == [("confirmed",)]


async def test_a_newcomer_pays_by_clicking(journey: Journey) -> None:
    order = await journey.order({journey.shop.box: 1})
    opened = (await journey.pay(order["id"])).json()
    path = httpx.URL(opened["redirect_url"]).path
    page = (await journey.http.get(path)).text
    for words in (order["number"], yuan(order["total_fen"]), "示例礼盒", "微信支付", "支付宝", "银行卡", "付款失败"):
        assert words in page
    token = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert token is not None
    clicked = await journey.http.post(path, data={"choice": "alipay", "csrf_token": token[1]})
    assert (clicked.status_code, clicked.headers["location"]) == (303, f"/orders/{order['id']}")
    await journey.work()
    assert await journey.all("SELECT state, provider_method FROM payment") == [("succeeded", "alipay")]
    assert "已经付清" in (await journey.http.get(path)).text
    late = await journey.http.post(f"/sandbox/payments/{opened['payment_id']}/fail")
    assert (late.status_code, late.json()["code"]) == (409, "payment_ended")


async def test_clicking_failed_leads_back_to_pay_again(journey: Journey) -> None:
    order = await journey.order({journey.shop.skus[0]: 1})
    opened = (await journey.pay(order["id"])).json()
    answer = await journey.http.post(f"/sandbox/pay/{opened['payment_id']}", data={"choice": "fail"})
    assert answer.status_code == 303
    await journey.work()
    assert await journey.all("SELECT state, payment_state FROM shop_order") == [("placed", "unpaid")]
    assert (await journey.pay(order["id"])).json()["payment_id"] != opened["payment_id"]


async def test_an_unknown_sandbox_payment(journey: Journey) -> None:
    for path in ("/sandbox/payments/{}/succeed", "/sandbox/payments/{}/fail"):
        answer = await journey.http.post(path.format(new_id()))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await journey.http.get(f"/sandbox/pay/{new_id()}")).status_code == 404


def test_production_has_no_sandbox() -> None:
    settings = Settings(_env_file=None, **SAFE)
    assert "/sandbox" not in str([getattr(route, "path", "") for route in create_app(settings).routes])
