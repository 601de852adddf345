"""A refund of the dashboard is of money that was kept and pays orders since: the credit goes back with it."""

from typing import Any

import pytest

from orders.balance.run import run_balance
from orders.order.schemas import OrderOut
from shop.core import clock
from tests.make.caller import refused
from tests.make.identities import identities_hold
from tests.make.shop import placed
from tests.orders.payment_desk.test_desk import WHY, Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.anyio
CREDITED = "SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry WHERE order_id = :id"


async def by_two(desk: Desk, address: str, body: dict[str, Any]) -> None:
    for clerk in (desk.first, desk.second):
        answer = await clerk.post(f"/api/v1{address}", json=body)
        assert answer.status_code in {200, 202}, answer.text


async def kept_in(desk: Desk, *goods: int) -> tuple[Any, list[OrderOut]]:
    """A late payment, kept, that pays an order of so many pieces each."""
    payment = await desk.late(desk.who)
    await by_two(desk, f"/payments/{payment}/keep", WHY)
    orders = []
    for pieces in goods:
        orders.append(await placed(desk.database, desk.who, {desk.shop.skus[0]: pieces}))
        at = f"/api/v1/payments/{payment}/match"
        assert (await desk.first.post(at, json={"order_id": str(orders[-1].id)})).status_code == 200
    return payment, orders


async def night(desk: Desk) -> tuple[bool, int]:
    await run_balance(desk.database, desk.app.state.gateway, now=clock.now())
    last = "SELECT holds, open_items FROM balance_run ORDER BY balanced_at DESC LIMIT 1"
    found: tuple[bool, int] = await desk.one(last)
    return found


async def test_all_of_it_leaves_what_is_kept_and_every_order_that_it_paid(desk: Desk) -> None:
    payment, (one, two) = await kept_in(desk, 2, 3)
    assert await desk.one(CREDITED, id=one.id) == one.goods_fen
    sandbox = desk.app.state.sandbox
    foreign = await sandbox.refund_in_dashboard(payment)
    await desk.work()
    at = f"/provider-refunds/{foreign}/adopt"
    lines = {"lines": [{"line_id": str(one.lines[0].id), "quantity": 1}], "reason": "退一袋"}
    refused(await desk.first.post(f"/api/v1{at}", json=lines), 409, "not_that_way")
    refused(await desk.stranger.post(f"/api/v1{at}", json=WHY), 404, "not_found")
    await by_two(desk, at, WHY)
    for order in (one, two):
        assert await desk.one(CREDITED, id=order.id) == 0, "the buyer has all his money back"
    assert await desk.items(desk.first, "advance") == []
    assert await desk.items(desk.first, "provider_refund") == []
    assert await desk.one("SELECT count(*), count(DISTINCT provider_refund_id), min(state) FROM refund") == (
        3, 1, "succeeded",
    )  # fmt: skip
    await identities_hold(desk.database)
    assert await night(desk) == (True, 0)
    # It fails after all: everything is where it was, and can be sent again.
    await sandbox.fail_refund(foreign)
    await desk.work()
    for order in (one, two):
        assert await desk.one(CREDITED, id=order.id) == order.goods_fen
    (advance,) = await desk.items(desk.first, "advance")
    waiting = await desk.items(desk.first, "refund")
    assert {item["amount_fen"] for item in waiting} == {one.total_fen, two.total_fen}
    assert advance["amount_fen"] > 0
    await identities_hold(desk.database)


async def test_where_nothing_is_kept_any_more_it_comes_out_of_the_order(desk: Desk) -> None:
    payment, (order,) = await kept_in(desk, 2)
    await by_two(desk, f"/payments/{payment}/return", WHY)
    await desk.work()
    foreign = await desk.app.state.sandbox.refund_in_dashboard(payment, amount_fen=order.total_fen - 100)
    await desk.work()
    otherwise = f"/api/v1/provider-refunds/{foreign}/settle-otherwise"
    refused(await desk.first.post(otherwise, json=WHY), 409, "not_that_way")
    await by_two(desk, f"/provider-refunds/{foreign}/adopt", WHY)
    goods = await desk.one("SELECT sum(fen)::bigint FROM refund_part")
    assert await desk.one(CREDITED, id=order.id) == order.goods_fen - goods
    assert await desk.one("SELECT order_id, amount_fen FROM refund WHERE kind = 'adopted'") == (
        order.id, order.total_fen - 100,
    )  # fmt: skip
    assert await night(desk) == (True, 0)
    await identities_hold(desk.database)
