"""Twenty purchases on real connections reach for the same caps: did anybody get more than is allowed?"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.spending.proposal import Decision
from orders.spending.release_caps import release_caps
from orders.spending.take_caps import CapExceeded
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.postgres import embedded
from tests.make.spending import decided, gift, new_rule, ordinary, proposal, ruled, taken, union

pytestmark = pytest.mark.anyio

AT_ONCE, CAP, EACH = 20, 200_000, 30_000
YEARLY = new_rule("CAP", "cap", amount_fen=CAP, basis="person", cap_window="year")
_USED = text("SELECT owner_id, cap_key, used_fen FROM spending_counter WHERE used_fen > 0")


@pytest.fixture
async def crowd(postgres: Path, database_name: str, schema: str) -> AsyncIterator[Database]:
    url = embedded.url(postgres, database_name, embedded.APP_ROLE)
    opened = await Database.open(url, schema=schema, size=AT_ONCE)
    yield opened
    await opened.close()


async def all_at_once(database: Database, decisions: list[Decision]) -> list[bool]:
    """Whether each was counted; all of them start at the same moment, on a connection of their own."""
    ready = asyncio.Barrier(len(decisions))

    async def one(decision: Decision) -> bool:
        await ready.wait()
        try:
            await taken(database, decision)
        except CapExceeded:
            return False
        return True

    return await asyncio.gather(*map(one, decisions))


async def used(database: Database) -> dict[tuple[UUID, str], int]:
    async with database.reading() as session:
        return {(row.owner_id, row.cap_key): row.used_fen for row in await session.execute(_USED)}


async def test_twenty_purchases_cannot_cross_the_cap_of_a_person_in_two_unions(crowd: Database) -> None:
    await ruled(crowd, *ordinary(), YEARLY)
    unions, ada = [await union(crowd, "U1"), await union(crowd, "U2")], new_id()
    decisions = [await decided(crowd, proposal(unions[n % 2], [gift(ada, EACH)])) for n in range(AT_ONCE)]
    assert all(one.allowed for one in decisions), "each would fit alone"
    counted = await all_at_once(crowd, decisions)
    assert sum(counted) == CAP // EACH
    assert await used(crowd) == {(ada, "year"): CAP // EACH * EACH}


async def test_one_decision_taken_twenty_times_counts_once(crowd: Database) -> None:
    await ruled(crowd, *ordinary(), YEARLY)
    ada = new_id()
    decision = await decided(crowd, proposal(await union(crowd, "U1"), [gift(ada, EACH)]))
    assert all(await all_at_once(crowd, [decision] * AT_ONCE))
    assert await used(crowd) == {(ada, "year"): EACH}


async def test_an_average_and_a_purse_hold_too(crowd: Database) -> None:
    await ruled(
        crowd,
        *ordinary(),
        new_rule("AVG", "cap", amount_fen=CAP, basis="average", cap_window="year"),
        new_rule("PURSE", "top_up", amount_fen=60_000, lapses_on="12-31"),
    )
    here, ada = await union(crowd, "U1"), new_id()
    decisions = [await decided(crowd, proposal(here, [gift(ada, EACH)])) for _ in range(AT_ONCE)]
    assert sum(await all_at_once(crowd, decisions)) == (CAP + 60_000) // EACH
    assert await used(crowd) == {(ada, "top_up"): 60_000, (here, "average:year@"): CAP // EACH * EACH}


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_stands_is_what_was_taken_and_not_given_back(crowd: Database, seed: int) -> None:
    """Overlapping groups in any order, some given back meanwhile: no deadlock, no fen lost, no cap crossed."""
    chance = random.Random(seed)
    await ruled(crowd, *ordinary(), YEARLY)
    unions, people = [await union(crowd, "U1"), await union(crowd, "U2")], [new_id() for _ in range(12)]
    expected: Counter[UUID] = Counter()

    async def buy() -> None:
        group = chance.sample(people, chance.randint(1, 12))
        portions = [gift(person, chance.randint(1, 60_000)) for person in group]
        gives_back = chance.random() < 0.3
        decision = await decided(crowd, proposal(chance.choice(unions), portions))
        try:
            await taken(crowd, decision)
        except CapExceeded:
            return
        if gives_back:
            async with crowd.transaction() as session:
                await release_caps(session, decision.id, now=clock.now())
            return
        for one in portions:
            expected[one.person_id] += one.fen

    await asyncio.gather(*(buy() for _ in range(80)))
    assert {person: fen for (person, _), fen in (await used(crowd)).items()} == expected
    assert max(expected.values()) <= CAP
    async with crowd.reading() as session:
        deadlocks = await session.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
        assert deadlocks == 0
