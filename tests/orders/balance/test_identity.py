"""The identities hold over a history of all that moves money, and each one notices a fen that is out of place."""

from typing import Any

import pytest
from sqlalchemy import text

from orders.balance.identity import Identity, identities
from shop.core.database import Database, WriteSession
from shop.core.settings import Settings
from tests.make.history import a_history
from tests.make.superuser import planted

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
    assert len(found) == 17
    assert all(one.holds for one in found.values())


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
    "UPDATE stock_item SET on_hand_pieces = on_hand_pieces + 1": {"on_hand", "owned"},
    "UPDATE refund_goods SET pieces = pieces + 1": {"owned"},
    "UPDATE shop_order SET state = 'cancelled' WHERE id IN (SELECT order_id FROM payment WHERE state = 'succeeded')": {
        "owned"
    },
    "UPDATE stock_hold SET pieces = pieces + 1 WHERE state = 'held'": {"held"},
    "UPDATE credit_delta SET sale_fen = sale_fen + 1": {"rollup"},
    "UPDATE refund_part SET fen = fen + 1": {"recognised", "given_back"},
    "UPDATE share_component SET refunded_fen = refunded_fen + 1 WHERE refunded_fen < net_fen": {"given_back"},
    "UPDATE refund SET amount_fen = amount_fen + 1 WHERE state = 'succeeded' AND kind <> 'late_payment'": {
        "money",
        "clearing",
        "refunds",
    },
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


async def test_money_of_a_union_that_no_desk_of_its_own_spent_is_noticed(
    database: Database, settings: Settings, schema: str
) -> None:
    await a_history(database, 1)
    owner = settings.database_owner_url or ""
    one = "(SELECT id FROM credit_entry WHERE kind = 'sale' AND fund_source = 'personal' ORDER BY id LIMIT 1)"
    assert await planted(owner, schema, f"UPDATE credit_entry SET fund_source = 'union' WHERE id = {one}") == 1
    found = await proven(database)
    assert {code for code, one in found.items() if not one.holds} == {"own_desk"}
    assert found["own_desk"].left["desk_credited"] > 0
