"""Money goes back: never more than came, each fen once, credited negative on its own day."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.aftersales.give_back import follow
from orders.aftersales.refund import (
    NotPaid,
    RefundExceeds,
    UnknownLine,
    request_refund,
)
from orders.aftersales.schemas import RefundIn, RefundOut
from orders.switchboard import reconcile
from shop.adapters.stripe.gateway import RefundSeen
from shop.core.clock import business_day
from shop.core.database import Database
from shop.core.errors import NotFound
from shop.core.idempotency import IdempotencyKeyReused
from shop.core.ids import new_id
from tests.make.aftersales import off_the_shelf, pieces, refund, staff, supplier
from tests.make.payments import Till, books, till
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Till]:
    async with till(database) as opened:
        yield opened


async def test_pieces_go_back_with_their_credit_and_their_stock(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.box: 3, shop.skus[3]: 1})
    before = await books(desk)
    back = await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
    assert (back.kind, back.amount_fen, back.state) == ("lines", 4_500, "submitted")
    assert await books(desk) == before  # nothing counts before the provider says so
    await desk.work()
    assert (await books(desk))["goods"] == before["goods"] - 4_500
    entries = await desk.all(
        "SELECT amount_fen, quantity_milli, grams, grade, occurred_on, sale_on FROM credit_entry"
        " WHERE kind = 'refund' AND cause_id = :id ORDER BY amount_fen",
        id=back.id,
    )
    today = business_day(datetime.now(UTC))
    # a box holds 2 × 10.00 and 1 × 30.00 by allocation, sold at 45.00
    assert entries == [(-2_700, -1_000, -500, "A", today, today), (-1_800, -2_000, -1_000, "A", today, today)]
    assert await desk.all("SELECT pieces FROM stock_movement WHERE kind = 'returned' ORDER BY pieces") == [(1,), (2,)]
    await off_the_shelf(desk)


async def test_an_amount_is_spread_and_moves_no_pieces(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 1, shop.skus[2]: 1})
    by = await staff(desk, shop.bank)
    whole = await refund(desk, by, order.id, amount_fen=1_001)
    line = await refund(desk, by, order.id, amount_fen=50, line_id=str(order.lines[0].id))
    await desk.work()
    taken = "SELECT sum(fen)::int FROM refund_part WHERE refund_id = :id GROUP BY component_id ORDER BY 1"
    assert await desk.all(taken, id=whole.id) == [(250,), (751,)]  # of 10.00 and 30.00
    assert await desk.all(taken, id=line.id) == [(50,)]
    assert await desk.one("SELECT sum(grams)::int, sum(quantity_milli)::int FROM refund_part") == (0, 0)
    assert await desk.all("SELECT id FROM stock_movement WHERE kind = 'returned'") == []
    await books(desk)


async def test_above_what_is_left_is_refused_and_says_what_is_left(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 3, shop.skus[3]: 1})
    by = await staff(desk, shop.bank)
    await refund(desk, by, order.id, **pieces(order, 0, 2))
    reserved = await desk.all("SELECT refunded_fen FROM share_component ORDER BY id")
    with pytest.raises(RefundExceeds) as by_pieces:
        await refund(desk, by, order.id, **pieces(order, 0, 2))
    assert by_pieces.value.extra == {"left": {str(order.lines[0].id): 1}}
    with pytest.raises(RefundExceeds) as by_amount:
        await refund(desk, by, order.id, amount_fen=5_001)
    assert by_amount.value.extra == {"left_fen": 5_000}
    with pytest.raises(RefundExceeds):
        await refund(desk, by, order.id, amount_fen=1_001, line_id=str(order.lines[0].id))
    with pytest.raises(UnknownLine):
        await refund(desk, by, order.id, lines=[{"line_id": str(new_id()), "quantity": 1}])
    with pytest.raises(UnknownLine):
        await refund(desk, by, order.id, amount_fen=1, line_id=str(new_id()))
    assert await desk.all("SELECT refunded_fen FROM share_component ORDER BY id") == reserved
    assert await desk.one("SELECT count(*) FROM refund") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"amount_fen": 0}, {"amount_fen": -1}, {"amount_fen": 10**12}, {"amount_fen": True},
        {"lines": []}, {"lines": [{"line_id": str(UUID(int=1)), "quantity": 0}]},
        {"lines": [{"line_id": str(UUID(int=1)), "quantity": 10**12}]},
        {"lines": [{"line_id": str(UUID(int=1)), "quantity": 1}] * 2},
        {"lines": [{"line_id": str(UUID(int=1)), "quantity": 1}], "amount_fen": 1},
        {"amount_fen": 1, "reason": " "}, {"amount_fen": 1, "reason": "一" * 201}, {"amount_fen": 1, "more": 1},
    ],
)  # fmt: skip
def test_a_request_of_the_wrong_shape(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        RefundIn.model_validate({"reason": "示例", **wrong})


async def test_who_may_refund(shop: SmallShop, desk: Till) -> None:
    outside = await buyer(desk.database, introduced_by=shop.branch)
    order = await desk.paid(outside, {shop.skus[0]: 2, shop.skus[2]: 2})
    own_line = {"amount_fen": 1, "line_id": str(order.lines[0].id)}
    elsewhere = await staff(desk, new_id())
    other_supplier = await supplier(desk, new_id())
    for stranger in (outside, elsewhere, other_supplier):
        with pytest.raises(NotFound):
            await refund(desk, stranger, order.id, **own_line)
    first = await supplier(desk, shop.suppliers[0])
    with pytest.raises(UnknownLine):
        await refund(desk, first, order.id, **pieces(order, 1, 1))  # the other supplier's line
    with pytest.raises(RefundExceeds) as beyond:
        await refund(desk, first, order.id, amount_fen=2_001)
    assert beyond.value.extra == {"left_fen": 2_000}  # only his own lines
    assert await desk.all("SELECT id FROM refund") == []
    for allowed in (first, await staff(desk, shop.branch), await staff(desk, shop.bank)):
        await refund(desk, allowed, order.id, **own_line)
    await desk.work()
    await books(desk)


async def test_unpaid_orders_have_nothing_to_give_back(shop: SmallShop, desk: Till) -> None:
    order = await placed(desk.database, await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 1})
    with pytest.raises(NotPaid):
        await refund(desk, await staff(desk, shop.bank), order.id, amount_fen=1)


async def test_the_same_key_asks_once(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 3})
    by = await staff(desk, shop.bank)
    answers = await asyncio.gather(*(refund(desk, by, order.id, "key", **pieces(order, 0, 1)) for _ in range(5)))
    assert {answer.id for answer in answers} == {answers[0].id}
    assert await desk.one("SELECT count(*) FROM refund") == 1
    with pytest.raises(IdempotencyKeyReused):
        await refund(desk, by, order.id, "key", **pieces(order, 0, 2))


async def test_twenty_at_once_never_exceed(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 7, shop.box: 1})
    by = await staff(desk, shop.bank)
    asked = [pieces(order, 0, 1) if n % 2 else {"amount_fen": 900} for n in range(20)]
    answers = await asyncio.gather(*(refund(desk, by, order.id, **one) for one in asked), return_exceptions=True)
    granted = [answer for answer in answers if isinstance(answer, RefundOut)]
    assert all(isinstance(answer, RefundOut | RefundExceeds) for answer in answers)
    goods = order.goods_fen - order.discount_fen
    assert sum(one.amount_fen for one in granted) <= goods
    assert goods - sum(one.amount_fen for one in granted) < 900 + 1_000  # and nobody was turned away for nothing
    assert await desk.one("SELECT sum(refunded_fen)::int FROM share_component") == sum(
        one.amount_fen for one in granted
    )
    await desk.work()
    assert (await books(desk))["goods"] == goods - sum(one.amount_fen for one in granted)


async def test_a_refund_that_fails_is_refundable_again(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.box: 1})
    before, by = await books(desk), await staff(desk, shop.bank)
    desk.sandbox.let_refunds_fail(failing=True)
    failing = await refund(desk, by, order.id, **pieces(order, 0, 1))
    await desk.work()
    assert await desk.one("SELECT state, failure FROM refund WHERE id = :id", id=failing.id) == (
        "failed",
        "expired_or_canceled_card",
    )
    assert await books(desk) == before
    assert await desk.one("SELECT sum(refunded_fen + refunded_grams + refunded_milli)::int FROM share_component") == 0
    desk.sandbox.let_refunds_fail(failing=False)
    again = await refund(desk, by, order.id, **pieces(order, 0, 1))
    await desk.work()
    assert again.amount_fen == failing.amount_fen
    assert (await books(desk))["goods"] == 0
    await off_the_shelf(desk)


async def test_what_failed_stays_failed(shop: SmallShop, desk: Till) -> None:
    """An old word of success that comes after the failure must not take the money twice."""
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 1})
    before = await books(desk)
    desk.sandbox.let_refunds_fail(failing=True)
    back = await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
    await desk.work()
    old = RefundSeen(back.id, "re_old", "succeeded", back.amount_fen, datetime.now(UTC), None)
    async with desk.database.transaction() as session:
        await follow(session, [old], now=datetime.now(UTC))
    assert await desk.one("SELECT state FROM refund") == "failed"
    assert await books(desk) == before


async def test_refunds_whose_webhooks_are_lost_heal(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 2})
    desk.sandbox.courier.mode = "dropped"
    await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
    await desk.sandbox.quiet()
    start = datetime.now(UTC)
    for minute in range(1, 6):
        await reconcile(desk.database, desk.gateway, now=start + timedelta(minutes=minute))
    assert await desk.one("SELECT state FROM refund") == "succeeded"
    assert (await books(desk))["goods"] == 1_000


async def test_a_refund_that_was_never_sent_is_sent_later(shop: SmallShop, desk: Till) -> None:
    """The process died between the request and the call to the provider."""
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 2})
    async with desk.database.transaction() as session:
        await request_refund(
            session,
            actor=await staff(desk, shop.bank),
            order_id=order.id,
            requested=RefundIn(amount_fen=700, reason="示例"),
            now=datetime.now(UTC),
        )
    await reconcile(desk.database, desk.gateway, now=datetime.now(UTC) + timedelta(minutes=2))
    await desk.work()
    assert await desk.one("SELECT state FROM refund") == "succeeded"
    assert (await books(desk))["goods"] == 1_300


async def test_ten_words_of_one_refund_have_one_effect(shop: SmallShop, desk: Till) -> None:
    order = await desk.paid(await buyer(desk.database, works_at=shop.branch), {shop.skus[0]: 2})
    desk.sandbox.courier.mode, desk.sandbox.courier.repeats = "repeated", 10
    await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
    await asyncio.gather(*(desk.work() for _ in range(3)))
    for _ in range(3):
        await reconcile(desk.database, desk.gateway, now=datetime.now(UTC), everything=True)
    assert await desk.one("SELECT count(*) FROM credit_entry WHERE kind = 'refund'") == 1
    assert (await books(desk))["goods"] == 1_000
    await off_the_shelf(desk)


steps = st.lists(
    st.one_of(st.tuples(st.just("lines"), st.integers(0, 2), st.integers(1, 4)),
              st.tuples(st.just("amount"), st.integers(1, 9_000), st.integers(-1, 2))),
    max_size=8,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quantities=st.tuples(*[st.integers(1, 5)] * 3), history=steps)
async def test_any_history_ends_at_exactly_nothing(
    shop: SmallShop, desk: Till, quantities: tuple[int, int, int], history: list[tuple[str, int, int]]
) -> None:
    """Through the database: whatever was refunded in whatever order, the rest is what is left, and then it is 0."""
    order = await desk.paid(
        await buyer(desk.database, works_at=shop.branch),
        dict(zip((shop.skus[0], shop.box, shop.skus[3]), quantities, strict=True)),
    )
    by = await staff(desk, shop.bank)
    sums = "SELECT sum(net_fen - refunded_fen)::int FROM share_component WHERE order_id = :id"
    for kind, one, other in history:
        left = await desk.one(sums, id=order.id)
        if kind == "lines":
            requested = pieces(order, one, other)
        else:
            requested = {"amount_fen": one} | ({"line_id": str(order.lines[other].id)} if other >= 0 else {})
        try:
            back = await refund(desk, by, order.id, **requested)
        except RefundExceeds:
            assert await desk.one(sums, id=order.id) == left
        else:
            assert await desk.one(sums, id=order.id) == left - back.amount_fen
    if left := await desk.one(sums, id=order.id):
        await refund(desk, by, order.id, amount_fen=left)
    await desk.work()
    await books(desk)
    assert (
        await desk.one("SELECT coalesce(sum(amount_fen), 0)::int FROM credit_entry WHERE order_id = :id", id=order.id)
        == 0
    )
