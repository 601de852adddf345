"""Long histories: after hundreds of orders, refunds, late and wrong payments, every fen is still somewhere."""

import pytest
from fastapi import FastAPI

from orders.balance.identity import identities
from shop.core.database import Database
from tests.make.bank_desk import bank_desk
from tests.make.bank_history import a_bank_history
from tests.make.history import a_history
from tests.make.identities import identities_hold

pytestmark = [pytest.mark.anyio, pytest.mark.soak]


@pytest.mark.parametrize("seed", range(100, 150))
async def test_every_fen_is_somewhere(database: Database, seed: int) -> None:
    await a_history(database, seed, turns=120)
    async with database.snapshot() as session:
        found = await identities(session)
    assert {one.code: one.apart for one in found} == {one.code: 0 for one in found}
    assert all(one.difference == 0 for one in found)


@pytest.mark.parametrize("seed", range(200, 220))
async def test_no_month_of_the_bank_desk_is_below_zero(app: FastAPI, database: Database, seed: int) -> None:
    desk = await bank_desk(app, database)
    await a_bank_history(desk, seed, turns=80)
    await identities_hold(database)
