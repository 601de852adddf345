"""From "pay" to "credited": what a buyer, and later an auditor, would notice."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import stripe
from sqlalchemy import text

from orders.checkout.expire import expire
from orders.checkout.open_payment import open_payment
from orders.checkout.payable import AlreadyPaid, OrderOver
from orders.order.schemas import OrderOut
from orders.switchboard import reconcile
from shop.adapters.stripe.gateway import GatewayUnavailable
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound
from tests.make.payment_desk import returned_by_two
from tests.make.payments import SECRET, Till, books, till
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio

ORDER = "SELECT state, payment_state FROM shop_order WHERE id = :id"
PAYMENT = "SELECT state, held_reason FROM payment WHERE id = :id"


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Till]:
    async with till(database) as opened:
        yield opened


async def test_paying_confirms_the_order_and_credits_its_counties(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 2, shop.box: 1})
    opened = await desk.open(actor, order.id)
    assert opened.state == "pending"
    assert opened.redirect_url is not None
    assert str(opened.payment_id) in opened.redirect_url
    assert await desk.one(ORDER, id=order.id) == ("placed", "pending")
    await desk.sandbox.succeed(opened.payment_id, method="alipay")
    assert await desk.work() == 1
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")
    assert (await books(desk))["payments"] == order.total_fen
    method, fen = await desk.one(
        "SELECT provider_method, received_fen FROM payment WHERE id = :id", id=opened.payment_id
    )
    assert (method, fen) == ("alipay", order.total_fen)


async def test_two_clicks_open_one_page(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    first, *others = await asyncio.gather(*(desk.open(actor, order.id) for _ in range(8)))
    assert all(other == first for other in others)
    assert await desk.one("SELECT count(*) FROM payment") == 1


async def test_the_hold_outlives_the_page(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    later = order.placed_at + timedelta(minutes=29)
    opened = await desk.open(actor, order.id, now=later)
    page = await desk.sandbox.look(opened.payment_id)
    assert await desk.one("SELECT expires_at FROM shop_order WHERE id = :id", id=order.id) > page.expires_at
    assert page.amount_fen == order.total_fen
    assert order.number in page.description


async def test_who_may_not_pay(shop: SmallShop, desk: Till) -> None:
    actor, stranger = [await buyer(desk.database, works_at=shop.branch) for _ in range(2)]
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    with pytest.raises(NotFound):
        await desk.open(stranger, order.id)
    with pytest.raises(OrderOver):
        await desk.open(actor, order.id, now=order.expires_at)
    assert await desk.all("SELECT id FROM payment") == []
    paid = await desk.paid(actor, {shop.skus[1]: 1})
    with pytest.raises(AlreadyPaid):
        await desk.open(actor, paid.id)


async def test_a_retry_after_the_provider_was_away_finds_the_same_page(
    shop: SmallShop, desk: Till, database: Database
) -> None:
    actor = await buyer(database, works_at=shop.branch)
    order = await placed(database, actor, {shop.skus[0]: 1})

    class Away:
        """The call arrives; its answer does not."""

        async def open_checkout(self, requested: object) -> None:
            await desk.gateway.open_checkout(requested)
            raise GatewayUnavailable

    with pytest.raises(GatewayUnavailable):
        await open_payment(database, Away(), actor=actor, order_id=order.id, method="stripe", now=datetime.now(UTC))
    payment_id = await desk.one("SELECT id FROM payment WHERE state = 'created'")
    opened = await desk.open(actor, order.id)
    assert opened.payment_id == payment_id
    await desk.sandbox.succeed(payment_id)
    await desk.work()
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")


async def test_a_page_nobody_heard_of_is_given_up_and_the_buyer_may_pay(
    shop: SmallShop, desk: Till, database: Database
) -> None:
    actor = await buyer(database, works_at=shop.branch)
    order = await placed(database, actor, {shop.skus[0]: 1})

    class Dead:
        async def open_checkout(self, requested: object) -> None:
            raise GatewayUnavailable

    with pytest.raises(GatewayUnavailable):
        await open_payment(database, Dead(), actor=actor, order_id=order.id, method="stripe", now=datetime.now(UTC))
    later = datetime.now(UTC) + timedelta(minutes=5)
    await reconcile(database, desk.gateway, now=later)
    assert await desk.one("SELECT state FROM payment") == "failed"
    assert (await desk.open(actor, order.id, now=later)).state == "pending"


async def test_events_ten_times_and_out_of_order_have_one_effect(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    orders = [await placed(desk.database, actor, {shop.skus[0]: 1, shop.skus[3]: 2}) for _ in range(3)]
    payments = [(await desk.open(actor, order.id)).payment_id for order in orders]
    desk.sandbox.courier.mode = "delayed"
    for payment_id in payments:
        for _ in range(10):
            await desk.sandbox.succeed(payment_id)
    await desk.sandbox.courier.release()
    await asyncio.gather(*(desk.work() for _ in range(4)))
    assert [await desk.one(ORDER, id=order.id) for order in orders] == [("confirmed", "paid")] * 3
    assert (await books(desk))["payments"] == sum(order.total_fen for order in orders)
    assert await desk.one("SELECT count(*) FROM credit_entry") == 6
    assert await desk.one("SELECT count(*) FROM webhook_inbox WHERE handled_at IS NULL") == 0


async def test_lost_webhooks_heal_within_five_minutes(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    desk.sandbox.courier.mode = "dropped"
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    opened = await desk.open(actor, order.id)
    start = datetime.now(UTC)
    for minute in range(9):  # the payer takes his time, and pays right after we asked
        await reconcile(desk.database, desk.gateway, now=start + timedelta(minutes=minute))
    await desk.sandbox.succeed(opened.payment_id)
    for minute in range(9, 14):
        await reconcile(desk.database, desk.gateway, now=start + timedelta(minutes=minute))
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")
    assert (await books(desk))["payments"] == order.total_fen


async def test_shop_reconcile_asks_about_everything_at_once(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    desk.sandbox.courier.mode = "dropped"
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    opened = await desk.open(actor, order.id)
    await desk.sandbox.succeed(opened.payment_id)
    assert await reconcile(desk.database, desk.gateway, now=datetime.now(UTC)) == 0  # not due yet
    assert await reconcile(desk.database, desk.gateway, now=datetime.now(UTC), everything=True) == 1
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")


@pytest.mark.parametrize("wrong", [{"amount_fen": 1}, {"currency": "usd"}], ids=["amount", "currency"])
async def test_another_amount_or_currency_waits_for_a_person(
    shop: SmallShop, desk: Till, wrong: dict[str, int | str]
) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    opened = await desk.open(actor, order.id)
    await desk.sandbox.succeed(opened.payment_id, **wrong)
    assert await desk.work() == 1
    assert await desk.one(PAYMENT, id=opened.payment_id) == ("held", "differs")
    assert (await desk.one(ORDER, id=order.id))[0] == "placed"
    assert (await books(desk))["goods"] == 0
    assert await desk.all("SELECT id FROM refund") == []


async def test_paid_too_late_waits_for_two_people_when_the_goods_are_gone(shop: SmallShop, desk: Till) -> None:
    actor, quicker = [await buyer(desk.database, works_at=shop.branch) for _ in range(2)]
    order = await placed(desk.database, actor, {shop.skus[0]: 600})
    opened = await desk.open(actor, order.id)
    over = datetime.now(UTC) + timedelta(hours=1)
    async with desk.database.transaction() as session:
        await expire(session, now=over)
    await placed(desk.database, quicker, {shop.skus[0]: 600}, now=over)
    await desk.sandbox.succeed(opened.payment_id)
    await desk.work()
    assert await desk.one(PAYMENT, id=opened.payment_id) == ("held", "too_late")
    await desk.work()
    assert await desk.all("SELECT id FROM refund") == []
    await returned_by_two(desk, shop.bank, opened.payment_id)
    kind, state, fen = await desk.one("SELECT kind, state, amount_fen FROM refund")
    assert (kind, state, fen) == ("late_payment", "succeeded", order.total_fen)
    assert await books(desk) == {"payments": 0, "goods": 0, "freight": 0, "advances": 0}


async def test_paid_too_late_is_kept_when_the_goods_are_still_there(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 600})
    opened = await desk.open(actor, order.id)
    async with desk.database.transaction() as session:
        await expire(session, now=datetime.now(UTC) + timedelta(hours=1))
    await desk.sandbox.succeed(opened.payment_id)
    await desk.work()
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")
    assert (await books(desk))["payments"] == order.total_fen


async def test_a_failed_payment_leaves_the_order_to_be_paid_again(shop: SmallShop, desk: Till) -> None:
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    first = await desk.open(actor, order.id)
    await desk.sandbox.fail(first.payment_id)
    await desk.work()
    assert await desk.one(PAYMENT, id=first.payment_id) == ("failed", None)
    assert await desk.one(ORDER, id=order.id) == ("placed", "unpaid")
    second = await desk.open(actor, order.id)
    assert second.payment_id != first.payment_id
    await desk.sandbox.succeed(second.payment_id)
    await desk.work()
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")


@pytest.fixture
async def two_pages(shop: SmallShop, desk: Till) -> tuple[OrderOut, UUID, UUID]:
    """The first page closed unpaid, the buyer opened a second; then the wallet paid on the first all the same."""
    actor = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    first = (await desk.open(actor, order.id)).payment_id
    await desk.gateway.expire_checkout((await desk.sandbox.look(first)).session_id)
    await desk.work()
    assert await desk.one(PAYMENT, id=first) == ("cancelled", None)
    second = (await desk.open(actor, order.id)).payment_id
    await desk.sandbox.succeed(first)
    await desk.work()
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")
    return order, first, second


async def test_a_second_page_that_closes_leaves_the_order_paid(
    desk: Till, two_pages: tuple[OrderOut, UUID, UUID]
) -> None:
    order, _, second = two_pages
    await desk.gateway.expire_checkout((await desk.sandbox.look(second)).session_id)
    await desk.work()
    assert await desk.one(PAYMENT, id=second) == ("cancelled", None)
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")


async def test_paid_twice_goes_back_once(shop: SmallShop, desk: Till, two_pages: tuple[OrderOut, UUID, UUID]) -> None:
    order, _, second = two_pages
    await desk.sandbox.succeed(second)
    await desk.work()
    await desk.work()
    assert await desk.one(PAYMENT, id=second) == ("held", "paid_twice")
    await returned_by_two(desk, shop.bank, second)
    back = await desk.one("SELECT payment_id, kind, state, amount_fen FROM refund")
    assert back == (second, "late_payment", "succeeded", order.total_fen)
    assert (await books(desk))["payments"] == order.total_fen


async def test_what_cannot_be_written_waits_alone(shop: SmallShop, desk: Till) -> None:
    """A success time that no month is prepared for breaks its own transaction, and nobody else's."""
    actor = await buyer(desk.database, works_at=shop.branch)
    orders = [await placed(desk.database, actor, {shop.skus[0]: 1}) for _ in range(5)]
    payments = [(await desk.open(actor, order.id)).payment_id for order in orders]
    for index, payment_id in enumerate(payments):
        clock.set_ahead(timedelta(days=3_000 if index == 2 else 0))
        await desk.sandbox.succeed(payment_id)
    clock.set_ahead(timedelta(0))
    assert await desk.work() == 4
    states = [(await desk.one(ORDER, id=order.id))[0] for order in orders]
    assert states == ["confirmed", "confirmed", "placed", "confirmed", "confirmed"]
    waiting = await desk.all("SELECT DISTINCT object_id, attempts FROM webhook_inbox WHERE handled_at IS NULL")
    assert [attempts for _, attempts in waiting] == [1]
    assert (await books(desk))["payments"] == sum(order.total_fen for order in orders) - orders[2].total_fen


def signed(body: str, *, secret: str = SECRET, age_s: int = 0) -> str:
    at = int(clock.wall().timestamp()) - age_s
    return stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=at)


@pytest.mark.parametrize("trouble", ["forged", "stale", "missing", "changed", "rubbish", "too long"])
async def test_a_webhook_that_cannot_be_believed_leaves_nothing(desk: Till, trouble: str) -> None:
    event = {"id": "evt_1", "object": "event", "type": "checkout.session.completed", "created": 1_800_000_000,
             "data": {"object": {"id": "cs_1", "object": "checkout.session"}}}  # fmt: skip
    body = json.dumps(event)
    signature = {
        "forged": signed(body, secret="whsec_other"),
        "stale": signed(body, age_s=600),
        "missing": "",
        "changed": signed(body),
        "rubbish": "t=,v1=\xe9",
        "too long": signed(body),
    }[trouble]
    if trouble == "changed":
        body = body.replace("cs_1", "cs_2")
    if trouble == "too long":
        body += " " * 600_000
    answer = await desk.door.post(
        "/hooks/stripe", content=body, headers={"stripe-signature": signature.encode("latin-1")}
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "signature_invalid"
    assert await desk.all("SELECT event_id FROM webhook_inbox") == []


async def test_a_bad_event_waits_alone(shop: SmallShop, desk: Till) -> None:
    """An event about an object that cannot be read must neither block the others nor be forgotten."""
    actor = await buyer(desk.database, works_at=shop.branch)
    body = json.dumps(
        {"id": "evt_bad", "object": "event", "type": "checkout.session.completed", "created": 1_800_000_000,
         "data": {"object": {"id": "cs_nowhere", "object": "checkout.session"}}}
    )  # fmt: skip
    sent = await desk.door.post("/hooks/stripe", content=body, headers={"stripe-signature": signed(body)})
    assert sent.status_code == 200
    order = await placed(desk.database, actor, {shop.skus[0]: 1})
    opened = await desk.open(actor, order.id)
    await desk.sandbox.succeed(opened.payment_id)
    start = datetime.now(UTC)
    assert await desk.work() == 1
    assert await desk.one(ORDER, id=order.id) == ("confirmed", "paid")
    look = "SELECT attempts, last_error, try_at FROM webhook_inbox WHERE handled_at IS NULL"
    attempts, error, again_at = await desk.one(look)
    assert (attempts, error) == (1, "GatewayRefused")
    assert await desk.work() == 0  # it waits its turn
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE webhook_inbox SET try_at = now()"))
    again = datetime.now(UTC)
    await desk.work()
    attempts, _, later = await desk.one(look)
    assert attempts == 2
    assert later - again > again_at - start


async def test_an_event_that_means_nothing_is_handled_as_nothing(desk: Till) -> None:
    body = json.dumps(
        {"id": "evt_x", "object": "event", "type": "charge.refunded", "created": 1_800_000_000,
         "data": {"object": {"id": "ch_1", "object": "charge"}}}
    )  # fmt: skip
    await desk.door.post("/hooks/stripe", content=body, headers={"stripe-signature": signed(body)})
    assert await desk.work() == 1
    assert await desk.one("SELECT handled_at IS NOT NULL FROM webhook_inbox")
