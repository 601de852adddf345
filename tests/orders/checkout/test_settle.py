"""Money came: what an auditor would add up afterwards."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from orders.checkout.expire import expire
from orders.checkout.settle import Paid, Settled, settle
from shop.access.permissions import Actor
from shop.core.database import Database
from tests.make.settling import paid, pending_payment
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database, pieces=10)


@pytest.fixture
async def employee(database: Database, shop: SmallShop) -> Actor:
    return await buyer(database, works_at=shop.branch)


async def settled(database: Database, *said: Paid) -> list[str]:
    async with database.transaction() as session:
        done: list[Settled] = await settle(session, said, now=datetime.now(UTC))
    return [one.outcome for one in done]


async def one(database: Database, statement: str) -> object:
    async with database.reading() as session:
        return (await session.execute(text(statement))).scalar_one()


CREDITED = "SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry"
ROLLED = "SELECT coalesce(sum(sale_fen + refund_fen), 0)::bigint FROM credit_delta"
CLAIMED = """SELECT coalesce(sum(t.amount_fen), 0)::bigint FROM transfer t JOIN account a ON a.id = t.credit_account_id
    WHERE a.kind = 'claim'"""
ADVANCED = CLAIMED.replace("claim", "advance")
SOLD = "SELECT coalesce(-sum(pieces), 0)::bigint FROM stock_movement WHERE kind = 'sold'"
HELD = "SELECT sum(held_pieces)::bigint FROM stock_item"


async def test_a_payment_is_credited_once(database: Database, shop: SmallShop, employee: Actor) -> None:
    order = await placed(database, employee, {shop.skus[0]: 1, shop.box: 1})
    said = paid(await pending_payment(database, order), order)
    assert [await settled(database, said) for _ in range(10)] == [["settled"]] + [["already"]] * 9
    assert await one(database, CREDITED) == await one(database, ROLLED) == order.goods_fen - order.discount_fen
    assert await one(database, CLAIMED) == order.total_fen
    assert (await one(database, SOLD), await one(database, HELD)) == (4, 0)
    assert await one(database, "SELECT state || ' ' || payment_state FROM shop_order") == "confirmed paid"


async def test_the_day_is_the_providers_day_in_shanghai(database: Database, shop: SmallShop, employee: Actor) -> None:
    order = await placed(database, employee, {shop.skus[0]: 1})
    at = datetime(2026, 12, 31, 15, 59, tzinfo=UTC)
    await settled(database, paid(await pending_payment(database, order), order, at=at))
    assert (
        await one(database, "SELECT occurred_on::text || ' ' || period_month FROM credit_entry") == "2026-12-31 202612"
    )


async def test_many_at_a_time(database: Database, shop: SmallShop, employee: Actor) -> None:
    orders = [await placed(database, employee, {shop.skus[n % 4]: 1}) for n in range(12)]
    said = [paid(await pending_payment(database, order), order) for order in orders]
    assert await settled(database, *said) == ["settled"] * 12
    assert await one(database, CREDITED) == sum(order.goods_fen for order in orders)
    assert await one(database, SOLD) == 12


@pytest.mark.parametrize("wrong", [{"amount_fen": 1}, {"currency": "usd"}])
async def test_another_amount_or_currency_is_held(
    database: Database, shop: SmallShop, employee: Actor, wrong: dict[str, object]
) -> None:
    order = await placed(database, employee, {shop.skus[0]: 1})
    assert await settled(database, paid(await pending_payment(database, order), order, **wrong)) == ["differs"]
    assert await one(database, CREDITED) == 0
    assert await one(database, "SELECT state || ' ' || held_reason FROM payment") == "held differs"
    assert await one(database, "SELECT state FROM shop_order") == "placed"


async def test_paid_late_while_the_goods_are_there(database: Database, shop: SmallShop, employee: Actor) -> None:
    order = await placed(database, employee, {shop.skus[0]: 3})
    payment = await pending_payment(database, order)
    async with database.transaction() as session:
        assert await expire(session, now=order.expires_at - timedelta(seconds=1)) == []
        assert await expire(session, now=order.expires_at) == [order.id]
    assert await one(database, HELD) == 0
    assert await settled(database, paid(payment, order)) == ["settled"]
    assert (await one(database, SOLD), await one(database, HELD)) == (3, 0)
    assert await one(database, "SELECT state FROM shop_order") == "confirmed"


async def test_paid_late_and_the_goods_are_gone(database: Database, shop: SmallShop, employee: Actor) -> None:
    order = await placed(database, employee, {shop.skus[0]: 3})
    payment = await pending_payment(database, order)
    async with database.transaction() as session:
        await expire(session, now=order.expires_at)
    await placed(database, employee, {shop.skus[0]: 8})
    assert await settled(database, paid(payment, order)) == ["too_late"]
    assert (await one(database, CREDITED), await one(database, ADVANCED)) == (0, order.total_fen)
    assert (await one(database, SOLD), await one(database, HELD)) == (0, 8)


async def test_nothing_is_credited_when_the_transaction_fails(
    database: Database, shop: SmallShop, employee: Actor
) -> None:
    order = await placed(database, employee, {shop.skus[0]: 1})
    payment = await pending_payment(database, order)
    with pytest.raises(RuntimeError, match="power cut"):
        async with database.transaction() as session:
            await settle(session, [paid(payment, order)], now=datetime.now(UTC))
            raise RuntimeError("power cut")
    assert [await one(database, q) for q in (CREDITED, ROLLED, CLAIMED, SOLD)] == [0, 0, 0, 0]
    assert await settled(database, paid(payment, order)) == ["settled"]
