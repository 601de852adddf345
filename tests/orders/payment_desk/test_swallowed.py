"""A failed refund of which a dispute took everything since: nobody is owed anything, and nothing waits."""

import pytest
from sqlalchemy import text

from tests.make.caller import refused
from tests.make.identities import identities_hold
from tests.orders.payment_desk.test_desk import Desk, desk

__all__ = ["desk"]
pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("whole", [True, False])
async def test_it_waits_as_long_as_something_can_still_go_back(desk: Desk, whole: bool) -> None:
    order, payment = await desk.paid(desk.who, {desk.shop.skus[0]: 2})
    sandbox = desk.app.state.sandbox
    sandbox.let_refunds_fail(failing=True)
    asked = {"amount_fen": 300, "reason": "坏果"}
    assert (await desk.first.post(f"/api/v1/orders/{order.id}/refunds", json=asked)).status_code == 201
    await desk.work()
    sandbox.let_refunds_fail(failing=False)
    (failed,) = await desk.items(desk.first, "refund")
    dispute = await sandbox.dispute(payment, amount_fen=order.total_fen if whole else order.total_fen - 100)
    await sandbox.end_dispute(dispute, won=False)
    await desk.work()
    waiting = [one["id"] for one in await desk.items(desk.first, "refund")]
    assert waiting == ([] if whole else [failed["id"]])
    if whole:
        refused(await desk.first.post(f"/api/v1/refunds/{failed['id']}/retry"), 409, "nothing_to_decide")
    async with desk.database.reading() as session:
        credited = await session.scalar(text("SELECT sum(amount_fen)::bigint FROM credit_entry"))
    assert credited <= 100
    await identities_hold(desk.database)
