"""The one door of an order's states: every move of the table is possible, no other is, and each state is noted once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from orders.order.models import ORDER_STATES, PAYMENT_STATES
from orders.order.move_on import await_payment, move_on, move_payment
from orders.order.states import MOVES, PAYMENT_MOVES
from shop.core import clock
from shop.core.database import Database
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio


def test_the_tables_say_every_state() -> None:
    assert set(MOVES) == set(ORDER_STATES)
    assert set(PAYMENT_MOVES) == set(PAYMENT_STATES)
    assert {there for moves in MOVES.values() for there in moves} <= set(ORDER_STATES)


async def test_an_order_moves_where_the_table_says_and_nowhere_else(database: Database) -> None:
    shop = await small_shop(database)
    order = await placed(database, await buyer(database), {shop.skus[0]: 1})
    other = await placed(database, await buyer(database), {shop.skus[0]: 1})
    for here in ORDER_STATES:
        for there in ORDER_STATES:
            async with database.transaction() as session:
                put = text("UPDATE shop_order SET state = :here WHERE id = :id")
                await session.execute(put, {"here": here, "id": order.id})
                moved = await move_on(session, order_ids=[order.id], to=there, now=clock.now())
                state = await session.scalar(text("SELECT state FROM shop_order WHERE id = :id"), {"id": order.id})
            assert moved == ([order.id] if there in MOVES[here] else []), (here, there)
            assert state == (there if moved else here)
    async with database.reading() as session:
        noted = list(
            await session.scalars(text("SELECT state FROM order_event WHERE order_id = :id"), {"id": order.id})
        )
        stays = await session.scalar(text("SELECT state FROM shop_order WHERE id = :id"), {"id": other.id})
    assert sorted(noted) == sorted({"placed", *(there for moves in MOVES.values() for there in moves)})
    assert stays == "placed"


async def test_of_two_who_move_an_order_at_once_one_does(database: Database) -> None:
    shop = await small_shop(database)
    order = await placed(database, await buyer(database), {shop.skus[0]: 1})

    async def move(to: str) -> int:
        async with database.transaction() as session:
            return len(await move_on(session, order_ids=[order.id], to=to, now=clock.now()))

    assert sum(await asyncio.gather(move("cancelled"), move("expired"), move("cancelled"), move("expired"))) == 1


async def test_a_payment_state_that_is_no_neighbour_is_the_callers_mistake(database: Database) -> None:
    shop = await small_shop(database)
    order = await placed(database, await buyer(database), {shop.skus[0]: 1})
    now = clock.now()
    async with database.transaction() as session:
        with pytest.raises(AssertionError):
            await move_payment(session, order_ids=[order.id], leaving="paid", to="overdue")
        assert await move_payment(session, order_ids=[order.id], leaving="paid", to="unpaid") == []
        assert await await_payment(session, order_id=order.id, until=now + timedelta(hours=1), now=now)
        assert await move_payment(session, order_ids=[order.id], leaving="pending", to="unpaid") == [order.id]
        late = order.expires_at + timedelta(hours=1)
        assert not await await_payment(session, order_id=order.id, until=late, now=late)
