"""The identities hold over a history of all that moves money, and each one notices a fen that is out of place."""

import random
from typing import Any

import pytest
from sqlalchemy import text

from orders.balance.identity import Identity, identities
from orders.checkout.expire import expire
from shop.core import clock
from shop.core.database import Database, WriteSession
from tests.make.aftersales import pieces, refund, staff
from tests.make.payments import till
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio

TWO_MISTAKES = """
WITH two AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM payment WHERE state = 'succeeded' LIMIT 2)
UPDATE payment p SET received_fen = received_fen + CASE n WHEN 1 THEN 5 ELSE -5 END FROM two WHERE two.id = p.id
"""
"""Of opposite sign: every sum is right, and two orders are wrong."""


async def proven(database: Database) -> dict[str, Identity]:
    async with database.snapshot() as session:
        return {one.code: one for one in await identities(session)}


async def test_an_empty_shop_balances(database: Database) -> None:
    found = await proven(database)
    assert len(found) == 7
    assert all(one.holds for one in found.values())


async def a_history(database: Database, seed: int) -> None:
    """Orders paid, refunded by pieces and by amount, paid late, paid wrongly, open and expired."""
    chance = random.Random(seed)
    shop = await small_shop(database, pieces=40)
    async with till(database) as desk:
        clerk = await staff(desk, shop.bank)
        people = [
            await buyer(database, works_at=shop.branch),
            await buyer(database, introduced_by=shop.bank),
            await buyer(database),
        ]
        for turn in range(10):
            who = chance.choice(people)
            goods = dict.fromkeys(chance.sample([*shop.skus, shop.box], chance.randint(1, 3)), chance.randint(1, 3))
            order = await placed(database, who, goods)
            match turn % 4:
                case 1:
                    opened = await desk.open(who, order.id)
                    await desk.sandbox.succeed(opened.payment_id, amount_fen=order.total_fen + 1)
                case 2:
                    opened = await desk.open(who, order.id)
                    async with database.transaction() as session:
                        await expire(session, now=clock.now() + clock.timedelta(hours=1))
                    await desk.sandbox.succeed(opened.payment_id)
                case _:
                    opened = await desk.open(who, order.id)
                    await desk.sandbox.succeed(opened.payment_id)
            await desk.work()
            if turn % 4 in {0, 3} and who is not people[2]:
                line = chance.randrange(len(order.lines))
                await refund(desk, clerk, order.id, **pieces(order, line, 1))
                await refund(desk, clerk, order.id, amount_fen=chance.randint(1, 400), line_id=order.lines[0].id)
                await desk.work()
        await placed(database, people[0], {shop.box: 1})  # waits for its money


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_fen_is_somewhere(database: Database, seed: int) -> None:
    await a_history(database, seed)
    found = await proven(database)
    assert {code: one.apart for code, one in found.items()} == dict.fromkeys(found, 0)
    assert all(one.difference == 0 for one in found.values())
    money = found["money"]
    assert money.left["advances"] > 0, "a payment of another amount waits as an advance"
    assert money.left["goods"] > 0
    assert found["recognised"].right["recognised"] == money.left["goods"]
    assert found["held"].left["held"] > 0


WRONG = {
    "UPDATE payment SET received_fen = received_fen + 1 WHERE state = 'succeeded'": {"money", "clearing"},
    "UPDATE parcel SET freight_fen = freight_fen + 1": {"money", "claims"},
    "UPDATE stock_item SET on_hand_pieces = on_hand_pieces + 1": {"on_hand"},
    "UPDATE stock_hold SET pieces = pieces + 1 WHERE state = 'held'": {"held"},
    "UPDATE credit_delta SET sale_fen = sale_fen + 1": {"rollup"},
    "UPDATE refund_part SET fen = fen + 1": {"recognised"},
    TWO_MISTAKES: {"money", "clearing"},
}


async def test_a_fen_out_of_place_is_noticed(database: Database) -> None:
    await a_history(database, 1)
    for wrong, noticed in WRONG.items():
        async with WriteSession(database.writer) as session:
            changed: Any = await session.execute(text(wrong))
            assert changed.rowcount > 0
            found = await identities(session)
            await session.rollback()
        assert {one.code for one in found if not one.holds} == noticed, wrong
