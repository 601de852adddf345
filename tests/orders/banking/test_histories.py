"""Whatever happens at the bank desk, on whichever day: every fen is somewhere, and no month gives back what it had not
got.
"""

import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.bank_desk import bank_desk
from tests.make.bank_history import a_bank_history
from tests.make.identities import identities_hold

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("seed", range(4))
async def test_no_month_is_below_zero(app: FastAPI, database: Database, seed: int) -> None:
    desk = await bank_desk(app, database)
    for part in range(3):
        await a_bank_history(desk, 10 * seed + part, turns=12)
        await identities_hold(database)
