"""Money whose return fails stays kept; pieces that an allowance paid in part are adopted by amount only."""

import pytest

from orders.checkout.open_payment import open_payment
from shop.core import clock
from tests.make.allowance import bought, granted, plan
from tests.make.budget import union_desk
from tests.make.caller import refused
from tests.make.identities import identities_hold
from tests.orders.payment_desk.test_desk import WHY, Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.anyio


async def test_a_kept_advance_whose_return_failed_is_kept_again_and_can_be_returned(desk: Desk) -> None:
    payment = await desk.late(desk.who)
    at, sandbox = f"/api/v1/payments/{payment}", desk.app.state.sandbox
    received = (await desk.items(desk.first))[0]["amount_fen"]
    sandbox.let_refunds_fail(failing=True)
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"{at}/keep", json=WHY)).status_code in {200, 202}
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"{at}/return", json=WHY)).status_code in {200, 202}
    await desk.work()
    assert await desk.one("SELECT count(*), max(state) FROM refund") == (1, "failed")
    (kept,) = await desk.items(desk.first, "advance")
    assert (kept["amount_fen"], await desk.items(desk.stranger, "advance")) == (received, [])
    await identities_hold(desk.database)
    sandbox.let_refunds_fail(failing=False)
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"{at}/return", json=WHY)).status_code in {200, 202}
    await desk.work()
    assert await desk.items(desk.first, "advance") == []
    assert await desk.one("SELECT amount_fen FROM refund WHERE state = 'succeeded'") == received
    await identities_hold(desk.database)


async def test_of_an_order_that_an_allowance_pays_in_part_no_pieces_are_adopted(desk: Desk) -> None:
    union = await union_desk(desk.database, desk.shop.branch, budget_fen=500_000)
    sku = desk.shop.skus[0]
    plan_id = await plan(desk.database, union, [sku], [desk.who])
    await granted(desk.database, union, plan_id, 1_000)
    order = await bought(desk.database, desk.who, {sku: 4}, 1_000)
    opened = await open_payment(
        desk.database, desk.app.state.gateway, actor=desk.who, order_id=order.id, method="stripe", now=clock.now()
    )
    sandbox = desk.app.state.sandbox
    await sandbox.succeed(opened.payment_id)
    await desk.work()
    foreign = await sandbox.refund_in_dashboard(opened.payment_id, amount_fen=1_000)  # one piece costs just that
    await desk.work()
    at = f"/api/v1/provider-refunds/{foreign}/adopt"
    pieces = {"lines": [{"line_id": str(order.lines[0].id), "quantity": 1}], "reason": "退了一袋"}
    told = refused(await desk.first.post(at, json=pieces), 409, "not_that_way")
    assert "福利额度" in told["detail"]
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(at, json=WHY)).status_code in {200, 202}
    assert await desk.one("SELECT state, amount_fen FROM refund") == ("succeeded", 1_000)
    free = "SELECT sum(balance_fen - held_fen)::bigint FROM account WHERE kind = 'allowance'"
    assert await desk.one(free) == 0, "nothing of it came from the allowance"
    await identities_hold(desk.database)
