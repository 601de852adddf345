"""Disputes, refunds of the dashboard and refunds that come back, through the official client against the stand-in."""

from collections.abc import Callable

import pytest

from shop.adapters.stripe.fake.sandbox import Sandbox
from shop.adapters.stripe.fake.state import SandboxRefused
from shop.adapters.stripe.gateway import GatewayRefused, OpenCheckout
from shop.core.ids import new_id
from tests.shop.adapters.door import Door

pytestmark = pytest.mark.anyio
Build = Callable[..., OpenCheckout]


async def paid(sandbox: Sandbox, requested: Build) -> tuple[OpenCheckout, str]:
    asked = requested()
    opened = await sandbox.gateway.open_checkout(asked)
    await sandbox.succeed(asked.payment_id)
    seen = await sandbox.gateway.read_payment(opened.session_id)
    assert seen.provider_payment_id
    return asked, seen.provider_payment_id


async def test_a_dispute_takes_the_money_and_a_win_brings_it_back(
    sandbox: Sandbox, door: Door, requested: Build
) -> None:
    asked, provider_payment_id = await paid(sandbox, requested)
    dispute_id = await sandbox.dispute(asked.payment_id, reason="fraudulent")
    seen = await sandbox.gateway.read_dispute(dispute_id)
    assert (seen.state, seen.provider_state, seen.reason) == ("open", "needs_response", "fraudulent")
    assert (seen.provider_payment_id, seen.amount_fen, seen.withdrawn_fen) == (provider_payment_id, 10_000, 10_000)
    assert seen.evidence_due_at
    with pytest.raises(GatewayRefused) as refused:
        await sandbox.gateway.refund(refund_id=new_id(), provider_payment_id=provider_payment_id, amount_fen=1)
    assert refused.value.code == "charge_disputed"
    await sandbox.end_dispute(dispute_id, won=True)
    won = await sandbox.gateway.read_dispute(dispute_id)
    assert (won.state, won.withdrawn_fen, won.reinstated) == ("won", 0, True)
    assert door.kinds()[-5:] == [
        "charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.updated",
        "charge.dispute.closed", "charge.dispute.funds_reinstated",
    ]  # fmt: skip


async def test_an_inquiry_takes_nothing_until_it_is_lost(sandbox: Sandbox, requested: Build) -> None:
    asked, _ = await paid(sandbox, requested)
    dispute_id = await sandbox.dispute(asked.payment_id, amount_fen=300, inquiry=True)
    assert (await sandbox.gateway.read_dispute(dispute_id)).withdrawn_fen == 0
    await sandbox.end_dispute(dispute_id, won=False)
    lost = await sandbox.gateway.read_dispute(dispute_id)
    assert (lost.state, lost.amount_fen, lost.withdrawn_fen) == ("lost", 300, 300)
    await sandbox.reinstate(dispute_id)
    back = await sandbox.gateway.read_dispute(dispute_id)
    assert (back.state, back.withdrawn_fen, back.reinstated) == ("lost", 0, True)
    with pytest.raises(SandboxRefused):
        await sandbox.dispute(asked.payment_id, amount_fen=10_001)


async def test_a_refund_of_the_dashboard_says_whose_payment_it_is_and_may_come_back(
    sandbox: Sandbox, door: Door, requested: Build
) -> None:
    asked, provider_payment_id = await paid(sandbox, requested)
    other, _ = await paid(sandbox, requested)
    await sandbox.refund_in_dashboard(other.payment_id, amount_fen=5)
    provider_refund_id = await sandbox.refund_in_dashboard(asked.payment_id, amount_fen=400)
    charge = next(event.object_id for event in reversed(door.events) if event.object_kind == "charge")
    (seen,) = await sandbox.gateway.read_refunds_of(charge)
    assert (seen.refund_id, seen.provider_refund_id, seen.provider_payment_id) == (
        None, provider_refund_id, provider_payment_id,
    )  # fmt: skip
    assert (seen.state, seen.amount_fen, seen.currency, seen.made_at) == ("succeeded", 400, "cny", seen.succeeded_at)
    for _ in range(2):
        await sandbox.fail_refund(provider_refund_id)
    again = await sandbox.gateway.read_refund(provider_refund_id)
    assert (again.state, again.failure_reason) == ("failed", "lost_or_stolen_card")
    assert door.kinds()[-4:] == ["refund.updated", "refund.failed"] * 2
