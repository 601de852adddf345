"""Placing an order: what is promised, frozen and refused."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from orders.checkout.settle import Paid, settle
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio


async def test_smoke(database: Database) -> None:
    shop = await small_shop(database)
    actor = await buyer(database, works_at=shop.branch)
    order = await placed(database, actor, {shop.skus[0]: 2, shop.skus[2]: 1, shop.box: 1})
    print(order)
    payment = new_id()
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO payment (id, order_id, method, amount_fen, currency, state, created_at, expires_at, check_at)"
                " VALUES (:id, :o, 'stripe', :fen, 'cny', 'pending', now(), now(), now())"
            ),
            {"id": payment, "o": order.id, "fen": order.total_fen},
        )
    for _ in range(2):
        async with database.transaction() as session:
            print(
                await settle(
                    session,
                    [Paid(payment, "pi_1", order.total_fen, "cny", "card", datetime.now(UTC))],
                    now=datetime.now(UTC),
                )
            )
    async with database.reading() as session:
        for table in ("credit_entry", "credit_delta", "transfer", "stock_item", "stock_movement", "shop_order"):
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).mappings().all()
            for row in rows:
                print(table, dict(row))
