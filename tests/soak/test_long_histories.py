"""Long histories: after hundreds of orders, refunds, late and wrong payments, every fen is still somewhere."""

import pytest

from orders.balance.identity import identities
from shop.core.database import Database
from tests.make.history import a_history

pytestmark = [pytest.mark.anyio, pytest.mark.soak]


@pytest.mark.parametrize("seed", range(100, 150))
async def test_every_fen_is_somewhere(database: Database, seed: int) -> None:
    await a_history(database, seed, turns=120)
    async with database.snapshot() as session:
        found = await identities(session)
    assert {one.code: one.apart for one in found} == {one.code: 0 for one in found}
    assert all(one.difference == 0 for one in found)
