"""Two at once on real connections: one extension, one acceptance, never more goods than there are."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.canteen.amount import Amount
from orders.canteen.extend import AlreadyExtended, extend
from orders.canteen.place import Wish, place
from orders.checkout.problems import OutOfStock
from shop.core import clock
from shop.core.database import Database
from tests.make.canteen import CREDIT_DAYS, KitchenShop, kitchen_shop
from tests.orders.canteen.test_orders import accepted, counted, ordered, post, rows

pytestmark = pytest.mark.anyio


async def test_of_two_extensions_at_once_one_is_given(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    await accepted(app, made, order, 12_345, 3)

    async def once() -> str:
        try:
            async with database.transaction() as session:
                await extend(session, actor=made.buyer, order_id=order["order"]["id"], reason="同时", now=clock.now())
        except AlreadyExtended:
            return "refused"
        return "given"

    assert sorted(await asyncio.gather(*(once() for _ in range(8)))) == ["given"] + ["refused"] * 7
    due = clock.today() + timedelta(days=CREDIT_DAYS + 15)
    assert await rows(database, "SELECT due_on FROM payer_share") == [(due,)]


async def test_of_many_acceptances_at_once_one_counts(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    order = await ordered(app, made)
    path = f"/canteen-orders/{order['order']['id']}/acceptances"

    async def once(number: int) -> int:
        one, two = made.receivers if number % 2 else made.receivers[::-1]
        return int((await post(app, one, path, counted(order, 12_345, 3, witness_id=str(two.user_id)))).status_code)

    assert sorted(await asyncio.gather(*(once(n) for n in range(8)))) == [201] + [409] * 7
    assert await rows(database, "SELECT count(*), sum(amount_fen)::int FROM credit_entry") == [(2, 30_690)]
    assert await rows(database, "SELECT sum(held_pieces)::int FROM stock_item") == [(0,)]


async def test_kitchens_never_get_more_promised_than_there_is(database: Database) -> None:
    made = await kitchen_shop(database, pieces=20)

    async def once(made: KitchenShop) -> int:
        wish = Wish(clock.today(), [Amount(made.rice, quantity=2), Amount(made.potatoes, grams=1_250)])
        try:
            async with database.transaction() as session:
                await place(
                    session, actor=made.buyer, canteen_id=made.canteen, wish=wish, key=str(uuid4()), now=clock.now()
                )
        except OutOfStock:
            return 0
        return 1

    placed = sum(await asyncio.gather(*(once(made) for _ in range(15))))
    assert placed == 6, "three half kilos are set aside for each: 20 hold six"
    async with database.reading() as session:
        held = dict((await session.execute(text("SELECT sku_id, held_pieces FROM stock_item"))).all())
        deadlocks = await session.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
    assert (held[made.rice], held[made.potatoes]) == (12, 18)
    assert deadlocks == 0
