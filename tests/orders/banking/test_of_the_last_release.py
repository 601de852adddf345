"""A payer's share that release 7d50459 wrote, for a canteen: what nobody has said of its proof is nothing."""

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.core.database import Database
from tests.make.bank_desk import bank_desk, money
from tests.make.identities import identities_hold

pytestmark = pytest.mark.anyio


async def test_money_reaches_it_and_leaves_it(app: FastAPI, database: Database) -> None:
    desk = await bank_desk(app, database)
    _, order, code = await desk.ordered()
    async with database.transaction() as session:
        await session.execute(text("UPDATE payer_share SET unproven_fen = NULL"))
    await desk.bring(money("S1", order.total_fen, code))
    assert await desk.order_now(order) == ("confirmed", "paid")
    await desk.bring(money("S1", -order.total_fen, code))
    await identities_hold(database)
