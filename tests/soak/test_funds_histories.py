"""Ten thousand histories of money: every balance equals the sum of its transfers, the trial balance is zero."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings

from orders.funds.prove import prove
from shop.core.database import Database
from tests.make.funds import Step, histories, play

pytestmark = [pytest.mark.anyio, pytest.mark.soak]


@pytest.fixture
async def books(database: Database) -> AsyncIterator[Database]:
    yield database
    async with database.reading() as session:
        proof = await prove(session)
    assert proof.wrong == ()
    assert proof.transfers > 10_000


@given(history=histories)
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_balance_is_the_sum_of_its_transfers(books: Database, history: list[Step]) -> None:
    await play(books, history)
