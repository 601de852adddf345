"""A buyer changes her mind: unpaid, paid, while paying, and too late."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.aftersales.cancel import CancelTooLate, NotCancellable, cancel
from orders.checkout.expire import expire
from orders.switchboard import reconcile
from shop.access.permissions import Actor
from shop.adapters.stripe.gateway import GatewayUnavailable
from shop.core.database import Database
from shop.core.errors import NotFound
from tests.make.aftersales import off_the_shelf, pieces, refund, staff
from tests.make.payment_desk import returned_by_two
from tests.make.payments import Till, books, till
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio

ORDER = "SELECT state, payment_state FROM shop_order WHERE id = :id"
NOTHING = {"payments": 0, "goods": 0, "freight": 0, "advances": 0}


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Till]:
    async with till(database) as opened:
        yield opened


async def call_off(desk: Till, actor: Actor, order_id: UUID) -> UUID | None:
    return await cancel(desk.database, desk.gateway, actor=actor, order_id=order_id, now=datetime.now(UTC))


async def test_unpaid_gives_the_goods_back(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.box: 5})
    assert await call_off(desk, actor, order.id) is None
    assert await call_off(desk, actor, order.id) is None  # again is success
    assert await desk.one(ORDER, id=order.id) == ("cancelled", "unpaid")
    assert await desk.one("SELECT sum(held_pieces)::int, sum(on_hand_pieces)::int FROM stock_item") == (0, 4_000)
    events = await desk.all("SELECT state FROM order_event WHERE order_id = :id ORDER BY at", id=order.id)
    assert events == [("placed",), ("cancelled",)]


async def test_the_open_page_is_closed(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    opened = await desk.open(actor, order.id)
    await call_off(desk, actor, order.id)
    assert (await desk.sandbox.look(opened.payment_id)).state == "expired"
    assert await desk.one("SELECT state FROM payment") == "cancelled"
    assert await desk.one(ORDER, id=order.id) == ("cancelled", "unpaid")


async def test_paid_in_the_last_moment_is_held_and_goes_back_whole_when_two_people_say_so(
    shop: SmallShop, desk: Till
) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    opened = await desk.open(actor, order.id)
    await desk.sandbox.succeed(opened.payment_id)  # the event waits in the inbox
    await call_off(desk, actor, order.id)
    assert await desk.one(ORDER, id=order.id) == ("cancelled", "pending")
    await desk.work()
    await desk.work()
    assert await desk.all("SELECT id FROM refund") == [], "nobody has decided yet"
    assert (await books(desk))["advances"] == order.total_fen
    await returned_by_two(desk, shop.bank, opened.payment_id)
    assert await desk.one("SELECT kind, state, amount_fen FROM refund") == (
        "late_payment",
        "succeeded",
        order.total_fen,
    )
    assert await books(desk) == NOTHING
    assert (await desk.one(ORDER, id=order.id))[0] == "cancelled"


async def test_with_the_provider_away_the_page_is_looked_at_later(
    shop: SmallShop, desk: Till, database: Database
) -> None:
    actor = await buyer(database, works_at=shop.branch)
    order = await placed(database, actor, {shop.skus[0]: 1})
    opened = await desk.open(actor, order.id)

    class Away:
        async def expire_checkout(self, session_id: str) -> None:
            raise GatewayUnavailable

    await cancel(database, Away(), actor=actor, order_id=order.id, now=datetime.now(UTC))
    assert await desk.one(ORDER, id=order.id) == ("cancelled", "pending")
    desk.sandbox.courier.mode = "dropped"
    await desk.sandbox.succeed(opened.payment_id)
    await reconcile(database, desk.gateway, now=datetime.now(UTC) + timedelta(minutes=2))
    await reconcile(database, desk.gateway, now=datetime.now(UTC) + timedelta(minutes=4), everything=True)
    assert await desk.one("SELECT state, held_reason FROM payment") == ("held", "too_late")
    assert (await books(desk))["advances"] == order.total_fen


async def test_paid_and_not_sent_returns_everything_with_freight(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await desk.paid(actor, {shop.box: 1, shop.skus[3]: 1})
    assert order.freight_fen > 0
    refund_id = await call_off(desk, actor, order.id)
    assert await call_off(desk, actor, order.id) == refund_id
    await desk.work()
    assert await desk.one("SELECT kind, state, amount_fen FROM refund") == ("cancel", "succeeded", order.total_fen)
    assert await books(desk) == NOTHING
    assert await desk.one("SELECT sum(on_hand_pieces)::int, sum(held_pieces)::int FROM stock_item") == (4_000, 0)
    await off_the_shelf(desk)


async def test_after_a_part_came_back_only_the_rest_returns(shop: SmallShop, desk: Till) -> None:
    """One refund has succeeded, one is on its way, an amount was given: nothing comes back twice."""
    actor, by = await buyer(desk.database, works_at=shop.branch), await staff(desk, shop.bank)
    order = await desk.paid(actor, {shop.box: 4, shop.skus[0]: 2})
    await refund(desk, by, order.id, **pieces(order, 0, 1))
    await desk.work()
    desk.sandbox.courier.mode = "delayed"
    await refund(desk, by, order.id, **pieces(order, 0, 1))
    await refund(desk, by, order.id, amount_fen=333)
    await call_off(desk, actor, order.id)
    await desk.sandbox.quiet()
    await desk.sandbox.courier.release()
    await desk.work()
    assert await books(desk) == NOTHING
    assert await desk.one("SELECT sum(on_hand_pieces)::int FROM stock_item") == 4_000
    await off_the_shelf(desk)


async def test_when_all_was_given_back_by_amount_the_goods_still_return(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await desk.paid(actor, {shop.skus[3]: 3})  # 120 yuan: freight is free
    assert order.freight_fen == 0
    await refund(desk, await staff(desk, shop.bank), order.id, amount_fen=12_000)
    assert await call_off(desk, actor, order.id) is None
    await desk.work()
    assert await books(desk) == NOTHING
    assert await desk.one("SELECT sum(on_hand_pieces)::int FROM stock_item") == 4_000


@pytest.mark.parametrize("state", ["partially_shipped", "shipped", "received", "completed"])
async def test_what_was_sent_cannot_be_cancelled(shop: SmallShop, desk: Till, state: str) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await desk.paid(actor, {shop.skus[0]: 1})
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET state = :state"), {"state": state})
    before = await books(desk)
    with pytest.raises(NotCancellable):
        await call_off(desk, actor, order.id)
    assert await desk.one(ORDER, id=order.id) == (state, "paid")
    assert await books(desk) == before


async def test_strangers_find_nothing_and_the_expired_stay_expired(shop: SmallShop, desk: Till) -> None:
    actor, stranger = [await buyer(desk.database, works_at=shop.branch) for _ in range(2)]
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    with pytest.raises(NotFound):
        await call_off(desk, stranger, order.id)
    assert await desk.one(ORDER, id=order.id) == ("placed", "unpaid")
    async with desk.database.transaction() as session:
        await expire(session, now=order.expires_at)
    with pytest.raises(NotCancellable):
        await call_off(desk, actor, order.id)
    assert await desk.one(ORDER, id=order.id) == ("expired", "unpaid")


async def test_a_paid_order_is_cancelled_within_three_days_and_then_a_person_decides(
    shop: SmallShop, desk: Till
) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    first, second = [await desk.paid(actor, {shop.skus[0]: 1}) for _ in range(2)]

    async def after(days: int, order_id: UUID) -> UUID | None:
        now = datetime.now(UTC) + timedelta(days=days)
        return await cancel(desk.database, desk.gateway, actor=actor, order_id=order_id, now=now)

    assert await after(3, first.id) is not None
    before = await books(desk)
    with pytest.raises(CancelTooLate) as late:
        await after(4, second.id)
    assert "帮扶办" in late.value.detail
    assert await desk.one(ORDER, id=second.id) == ("confirmed", "paid")
    assert await books(desk) == before
    async with desk.database.transaction() as session:
        await session.execute(
            text("INSERT INTO cancel_rule (valid_from, days, source) VALUES ('2026-01-01', 7, '单位办法（虚构）')")
        )
    assert await after(7, second.id) is not None
