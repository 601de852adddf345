"""The nightly proof notices whatever does not add up, keeps its answer, and is written once a day."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from orders.funds.hold import hold, post_held
from orders.funds.jobs import prove_nightly
from orders.funds.post import Moved, post
from orders.funds.prove import Proof, prove
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.postgres import embedded

pytestmark = pytest.mark.anyio

WRONG = {
    "UPDATE account SET balance_fen = balance_fen + 1 WHERE kind = 'budget'": "stores 101, its transfers say 100",
    "UPDATE account SET held_fen = held_fen + 1 WHERE kind = 'budget'": "stores 31 held, its open holds say 30",
    "UPDATE transfer SET amount_fen = amount_fen + 1 WHERE kind = 'encumbered'": "there or another one",
    "DELETE FROM transfer WHERE kind = 'encumbered'": "missing",
}


def moved(key: str, kind: str, debit: str, credit: str, fen: int) -> Moved:
    return Moved(key, kind, (debit, "u"), (credit, "u"), fen, new_id(), date(2026, 11, 22))


@pytest.fixture
async def money(database: Database) -> None:
    """A budget of 100 fen with 30 promised, and 20 that were promised and posted."""
    now = clock.now()
    async with database.transaction() as session:
        await post(session, [moved("a", "budget_adopted", "budget", "appropriation", 120)], now=now)
        await hold(session, [moved("b", "encumbered", "encumbrance", "budget", 20)], now=now)
        await hold(session, [moved("c", "allowance_spent", "union_spent", "budget", 30)], now=now)
        await post_held(session, ["b"], day=date(2026, 11, 22), now=now)


async def proof_of(database: Database) -> Proof:
    async with database.reading() as session:
        return await prove(session)


@pytest.mark.usefixtures("money")
@pytest.mark.parametrize(("spoilt", "said"), WRONG.items())
async def test_a_fen_out_of_place_is_noticed(
    database: Database, postgres: Path, database_name: str, schema: str, spoilt: str, said: str
) -> None:
    assert (await proof_of(database)).holds
    owner = create_async_engine(  # the shop's own role may not do this
        embedded.url(postgres, database_name, embedded.OWNER_ROLE),
        connect_args={"server_settings": {"search_path": f'"{schema}"'}},
    )
    async with owner.begin() as connection:
        await connection.execute(text(spoilt))
    await owner.dispose()
    proof = await proof_of(database)
    assert any(said in one for one in proof.wrong), proof.wrong


@pytest.mark.usefixtures("money")
async def test_the_answer_of_each_night_is_kept(database: Database) -> None:
    for hour in (16, 17, 18):  # the business day begins at 16:00 UTC
        await prove_nightly(database, now=datetime(2026, 11, 21, hour, 5, tzinfo=UTC))
    await prove_nightly(database, now=datetime(2026, 11, 22, 16, 5, tzinfo=UTC))
    async with database.reading() as session:
        kept = (
            await session.execute(text("SELECT day, accounts, transfers, wrong FROM funds_proof ORDER BY day"))
        ).all()
    assert [tuple(row) for row in kept] == [(date(2026, 11, 22), 4, 2, []), (date(2026, 11, 23), 4, 2, [])]


async def test_the_database_itself_refuses_to_go_below_zero(database: Database) -> None:
    now = clock.now()
    async with database.transaction() as session:
        await post(session, [moved("x", "budget_adopted", "budget", "appropriation", 5)], now=now)
    for spoilt in ("balance_fen = -1", "held_fen = 6", "held_fen = -1", "balance_fen = NULL"):
        with pytest.raises(Exception, match="ck_account_"):
            async with database.transaction() as session:
                await session.execute(text(f"UPDATE account SET {spoilt} WHERE kind = 'budget'"))
