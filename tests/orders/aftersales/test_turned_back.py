"""Refunds that come back, disputes, refunds of the dashboard: the figure follows, on its own day, with one effect."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from orders.aftersales.cancel import cancel
from orders.aftersales.dispute import follow_disputes
from orders.aftersales.give_back import follow
from orders.balance.run import run_balance
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor
from shop.adapters.stripe.gateway import DisputeSeen
from shop.core import clock
from shop.core.database import Database
from tests.make.aftersales import pieces, refund, staff
from tests.make.identities import identities_hold
from tests.make.payment_desk import two_clerks, waits
from tests.make.payments import Till, books, till
from tests.make.shop import SmallShop, buyer, small_shop

pytestmark = pytest.mark.anyio
NET = """
SELECT coalesce(sum(amount_fen), 0)::bigint, coalesce(sum(quantity_milli), 0)::bigint FROM credit_entry
WHERE order_id = :id
"""
ORDER = "SELECT state, payment_state FROM shop_order WHERE id = :id"
ON_HAND = "SELECT on_hand_pieces FROM stock_item WHERE sku_id = :id"
PAYMENT = "SELECT id FROM payment WHERE order_id = :id AND state = 'succeeded'"


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Till]:
    async with till(database) as opened:
        yield opened


@pytest.fixture
async def two_orders(shop: SmallShop, desk: Till) -> tuple[Actor, OrderOut, OrderOut]:
    """One that something happens to, and a stranger's of the same goods that must stay what it is."""
    stranger = await buyer(desk.database)
    other = await desk.paid(stranger, {shop.skus[0]: 3})
    actor = await buyer(desk.database, works_at=shop.branch)
    return actor, await desk.paid(actor, {shop.skus[0]: 4, shop.box: 1}), other


async def test_a_refund_that_succeeds_and_later_fails_is_undone_once(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    _, order, other = two_orders
    before = await books(desk), await desk.one(NET, id=order.id), await desk.one(ON_HAND, id=shop.skus[0])
    clerk = await staff(desk, shop.bank)
    back = await refund(desk, clerk, order.id, **pieces(order, 0, 3))
    await desk.work()
    assert await desk.one(ON_HAND, id=shop.skus[0]) == before[2] + 3
    provider = await desk.one("SELECT provider_refund_id FROM refund WHERE id = :id", id=back.id)
    later = datetime.now(UTC) + timedelta(days=40)
    desk.sandbox.courier.mode = "repeated"
    for _ in range(5):  # refund.updated and refund.failed, three times each
        await desk.sandbox.fail_refund(provider)
        await desk.work(now=later)
    assert (await books(desk), await desk.one(NET, id=order.id)) == before[:2]
    rows = await desk.all(
        "SELECT u.kind, u.amount_fen, u.occurred_on, r.kind, r.cause_id FROM credit_entry u JOIN credit_entry r"
        " ON r.id = u.reverses_id WHERE u.order_id = :id", id=order.id,
    )  # fmt: skip
    assert rows == [("refund_undone", 3_000, clock.business_day(later), "refund", back.id)]
    assert await desk.one("SELECT state, failed_at IS NOT NULL FROM refund") == ("failed", True)
    assert await desk.one("SELECT count(*) FROM transfer WHERE kind = 'undone'") == 1
    assert await desk.one(ON_HAND, id=shop.skus[0]) == before[2], (
        "the order is to be sent: its pieces are its own again"
    )
    await identities_hold(desk.database)
    (task,) = await waits(desk, clerk, "refund")
    assert (task.what, task.amount_fen, task.owner.unit_id) == ("refund_undone", 3_000, shop.branch)
    again = await refund(desk, clerk, order.id, **pieces(order, 0, 4))  # all of it can be given back
    await desk.work()
    assert again.amount_fen == 4_000
    assert await desk.one(NET, id=other.id) == (3_000, 3_000)
    await identities_hold(desk.database)


async def test_pieces_that_somebody_bought_meanwhile_stay_his(shop: SmallShop, desk: Till) -> None:
    actor, quicker = [await buyer(desk.database, works_at=shop.branch) for _ in range(2)]
    order = await desk.paid(actor, {shop.skus[0]: 600})
    clerk = await staff(desk, shop.bank)
    await refund(desk, clerk, order.id, **pieces(order, 0, 500))
    await desk.work()
    await desk.paid(quicker, {shop.skus[0]: 700})  # 200 are left, and the refund had put 500 back
    await desk.sandbox.fail_refund(await desk.one("SELECT provider_refund_id FROM refund"))
    await desk.work()
    assert await desk.one(ON_HAND, id=shop.skus[0]) == 0
    assert await desk.one("SELECT pieces FROM refund_goods") == 300, "so many the order has less"
    await identities_hold(desk.database)
    await refund(desk, clerk, order.id, **pieces(order, 0, 600))  # what it never had does not come back
    await desk.work()
    assert await desk.one(ON_HAND, id=shop.skus[0]) == 300
    await identities_hold(desk.database)


async def test_a_refund_that_fails_before_it_succeeded_leaves_no_entry_and_no_piece_unowned(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    """A line refund is on its way, the order is cancelled meanwhile, the refund fails: everything lies in the barn."""
    actor, order, _ = two_orders
    desk.sandbox.let_refunds_fail(failing=True)
    await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 2))
    desk.sandbox.let_refunds_fail(failing=False)
    await cancel(desk.database, desk.gateway, actor=actor, order_id=order.id, now=datetime.now(UTC))
    await identities_hold(desk.database)
    await desk.work()
    assert await desk.all("SELECT kind, state FROM refund ORDER BY kind") == [
        ("cancel", "succeeded"),
        ("lines", "failed"),
    ]
    assert await desk.one(ON_HAND, id=shop.skus[0]) == 1_000 - 3
    assert await desk.one(NET, id=order.id) == (2_000, 2_000), "the buyer is still owed this"
    await identities_hold(desk.database)
    (task,) = await waits(desk, await staff(desk, shop.bank), "refund")
    assert (task.what, task.amount_fen, task.why) == ("refund_failed", 2_000, "expired_or_canceled_card")


async def disputed(desk: Till, order: OrderOut, **more: object) -> str:
    payment: UUID = await desk.one(PAYMENT, id=order.id)
    return await desk.sandbox.dispute(payment, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_fifteen_events_of_a_dispute_have_one_effect(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut], seed: int
) -> None:
    _, order, other = two_orders
    before = await desk.one(NET, id=order.id)
    clerk = await staff(desk, shop.bank)
    desk.sandbox.courier.mode = "delayed"
    dispute = await disputed(desk, order, reason="fraudulent")
    await desk.sandbox.end_dispute(dispute, won=False)
    for _ in range(4):
        await desk.sandbox.end_dispute(dispute, won=False)
    kept = desk.sandbox.courier._kept
    desk.sandbox.courier._kept = random.Random(seed).sample(kept * 3, len(kept * 3))[: max(15, len(kept))]
    await desk.sandbox.courier.release()
    while await desk.work():
        pass
    assert await desk.one("SELECT state, withdrawn_fen FROM dispute") == ("lost", order.total_fen)
    assert await desk.one("SELECT kind, state, amount_fen FROM refund") == ("dispute", "succeeded", order.total_fen)
    assert await desk.one(NET, id=order.id) == (0, 0)
    assert (await desk.one(ORDER, id=order.id))[0] == "cancelled", "nobody sends what nobody pays"
    assert await desk.one(ON_HAND, id=shop.skus[0]) == 1_000 - 3
    assert await waits(desk, clerk, "dispute") == []
    await identities_hold(desk.database)
    desk.sandbox.courier.mode = "repeated"
    for _ in range(2):
        await desk.sandbox.reinstate(dispute)
        await desk.sandbox.end_dispute(dispute, won=True)
        await desk.work()
    assert await desk.one("SELECT state, reinstated FROM dispute") == ("won", True)
    assert await desk.one(NET, id=order.id) == before
    assert await desk.one("SELECT count(*) FROM credit_entry WHERE kind = 'refund_undone'") == 3
    assert await desk.one(NET, id=other.id) == (3_000, 3_000)
    (task,) = await waits(desk, clerk, "refund")
    assert task.what == "refund_undone", "the order was cancelled: its buyer has neither goods nor money"
    await identities_hold(desk.database)


async def test_an_open_dispute_is_seen_and_moves_nothing(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    _, order, _ = two_orders
    before = await books(desk)
    dispute = await disputed(desk, order, amount_fen=700, inquiry=True)
    await desk.work()
    (seen,) = await waits(desk, await staff(desk, shop.bank), "dispute")
    assert (seen.what, seen.amount_fen, seen.why, bool(seen.due_at)) == ("dispute", 700, "product_not_received", True)
    assert await books(desk) == before
    await desk.sandbox.end_dispute(dispute, won=True)
    await desk.work()
    assert await desk.one("SELECT state FROM dispute") == "closed"
    assert await waits(desk, await staff(desk, shop.bank), "dispute") == []
    assert await desk.all("SELECT id FROM refund") == []


async def test_an_older_look_changes_nothing(desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]) -> None:
    """A worker that asked first and commits last must not open again what is lost."""
    _, order, _ = two_orders
    desk.sandbox.courier.mode = "dropped"
    dispute = await disputed(desk, order)
    older: DisputeSeen = await desk.gateway.read_dispute(dispute)
    await desk.sandbox.end_dispute(dispute, won=False)
    newer = await desk.gateway.read_dispute(dispute)
    for seen in (newer, older, older, newer):
        async with desk.database.transaction() as session:
            await follow_disputes(session, [seen], now=datetime.now(UTC))
    assert await desk.one("SELECT state FROM dispute") == "lost"
    assert await desk.one("SELECT count(*) FROM refund") == 1
    await identities_hold(desk.database)


async def test_a_part_of_a_payment_is_lost_and_the_rest_stays(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    _, order, _ = two_orders
    net, milli = await desk.one(NET, id=order.id)
    on_hand = await desk.one(ON_HAND, id=shop.skus[0])
    dispute = await disputed(desk, order, amount_fen=1_234)
    await desk.sandbox.end_dispute(dispute, won=False)
    await desk.work()
    assert await desk.one(NET, id=order.id) == (net - 1_234, milli), "an amount only: pieces and grams stay"
    assert (await desk.one(ORDER, id=order.id))[0] == "confirmed"
    assert await desk.one(ON_HAND, id=shop.skus[0]) == on_hand
    await identities_hold(desk.database)


async def test_a_dispute_lost_while_a_refund_is_on_its_way_takes_the_rest_when_that_fails(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    _, order, _ = two_orders
    desk.sandbox.courier.mode = "delayed"
    desk.sandbox.let_refunds_fail(failing=True)
    await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 2))
    await desk.sandbox.quiet()
    dispute = await disputed(desk, order)
    await desk.sandbox.end_dispute(dispute, won=False)
    seen = await desk.gateway.read_dispute(dispute)
    async with desk.database.transaction() as session:
        await follow_disputes(session, [seen], now=datetime.now(UTC))
    taken = "SELECT coalesce(sum(amount_fen), 0)::bigint FROM refund WHERE kind = 'dispute' AND state = 'succeeded'"
    assert await desk.one(taken) == order.total_fen - 2_000
    await identities_hold(desk.database)
    await desk.sandbox.courier.release()
    await desk.work()
    assert await desk.one(taken) == order.total_fen
    assert await desk.one(NET, id=order.id) == (0, 0)
    await identities_hold(desk.database)


async def test_a_dispute_of_more_than_what_is_left_is_named(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    _, order, _ = two_orders
    await refund(desk, await staff(desk, shop.bank), order.id, amount_fen=3_000)
    await desk.work()
    dispute = await disputed(desk, order)
    await desk.sandbox.end_dispute(dispute, won=False)
    await desk.work()
    (short,) = await waits(desk, await staff(desk, shop.bank), "dispute")
    assert (short.what, short.amount_fen) == ("dispute_short", 3_000)
    await identities_hold(desk.database)


async def test_a_refund_of_the_dashboard_is_kept_once_whoever_finds_it(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    _, order, _ = two_orders
    payment = await desk.one(PAYMENT, id=order.id)
    desk.sandbox.courier.mode = "repeated"
    found = await desk.sandbox.refund_in_dashboard(payment, amount_fen=500)
    await desk.work()
    desk.sandbox.courier.mode = "dropped"  # this one only the night finds
    other = await desk.sandbox.refund_in_dashboard(payment, amount_fen=20)
    for _ in range(2):
        await run_balance(desk.database, desk.gateway, now=datetime.now(UTC))
    rows = await desk.all("SELECT provider_refund_id, amount_fen, state, refund_id FROM provider_refund ORDER BY 2")
    assert rows == [(other, 20, "succeeded", None), (found, 500, "succeeded", None)]
    assert [one.amount_fen for one in await waits(desk, (await two_clerks(desk, shop.bank))[0], "provider_refund")] == [
        500, 20,
    ]  # fmt: skip
    await desk.sandbox.fail_refund(other)
    seen = await desk.gateway.read_refund(other)
    async with desk.database.transaction() as session:
        await follow(session, [seen], now=datetime.now(UTC))
    assert len(await waits(desk, (await two_clerks(desk, shop.bank))[0], "provider_refund")) == 1


async def test_what_came_back_without_a_word_is_found_at_night(
    shop: SmallShop, desk: Till, two_orders: tuple[Actor, OrderOut, OrderOut]
) -> None:
    """Every event was lost: the comparison with the provider sees what happened, and it is followed."""
    actor, order, _ = two_orders
    await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
    await desk.work()
    desk.sandbox.courier.mode = "dropped"
    await desk.sandbox.fail_refund(await desk.one("SELECT provider_refund_id FROM refund"))
    await run_balance(desk.database, desk.gateway, now=datetime.now(UTC))
    assert await desk.one("SELECT state FROM refund") == "failed"
    dispute = await disputed(desk, order)
    for state, days in (("open", 0), ("lost", 50)):  # what is known to be open is asked about, however old
        await run_balance(desk.database, desk.gateway, now=datetime.now(UTC) + timedelta(days=days))
        assert await desk.one("SELECT state FROM dispute") == state
        await desk.sandbox.end_dispute(dispute, won=False)
    assert await desk.one(NET, id=order.id) == (0, 0)
    await identities_hold(desk.database)
    assert actor
