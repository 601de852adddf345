"""Twenty at a time reach for one budget, on real connections: it never goes below zero, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest

from orders.budget.encumber import encumber, release, spend
from orders.budget.version import owner
from orders.funds.hold import hold, post_held, void_held
from orders.funds.post import FundsShort, Moved, available_fen, post
from orders.funds.prove import prove
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.postgres import embedded
from tests.make.budget import YEAR, UnionDesk, union_desk
from tests.make.units import unit

pytestmark = pytest.mark.anyio

AT_ONCE, DAY = 20, date(2026, 11, 22)


@pytest.fixture
async def crowd(postgres: Path, database_name: str, schema: str) -> AsyncIterator[Database]:
    opened = await Database.open(
        embedded.url(postgres, database_name, embedded.APP_ROLE), schema=schema, size=AT_ONCE + 2
    )
    yield opened
    await opened.close()


@pytest.fixture
async def desk(crowd: Database) -> UnionDesk:
    return await union_desk(crowd, await unit(crowd, "BANK"), budget_fen=10_000)


async def at_once(attempt: Callable[[int], Awaitable[None]], times: int = AT_ONCE) -> int:
    """How many succeeded; the others found the funds short."""

    async def one(number: int) -> int:
        try:
            await attempt(number)
        except FundsShort:
            return 0
        return 1

    return sum(await asyncio.gather(*(one(number) for number in range(times))))


async def left(crowd: Database, desk: UnionDesk) -> int:
    async with crowd.reading() as session:
        assert (await prove(session)).wrong == ()
    async with crowd.transaction() as session:
        return await available_fen(session, "budget", owner(desk.union, YEAR))


async def test_twenty_purchases_take_from_one_budget(crowd: Database, desk: UnionDesk) -> None:
    async def attempt(_: int) -> None:
        async with crowd.transaction() as session:
            await encumber(
                session,
                union_id=desk.union,
                fiscal_year=YEAR,
                purchase_id=new_id(),
                amount_fen=1_500,
                now=clock.now(),
            )

    assert await at_once(attempt) == 6
    assert await left(crowd, desk) == 1_000


async def test_one_purchase_approved_twenty_times_takes_once(crowd: Database, desk: UnionDesk) -> None:
    purchase, reference = new_id(), new_id()

    async def attempt(number: int) -> None:
        async with crowd.transaction() as session:
            facts = {"union_id": desk.union, "fiscal_year": YEAR}
            await encumber(session, purchase_id=purchase, amount_fen=4_000, now=clock.now(), **facts)
            await spend(session, purchase_id=purchase, amount_fen=900, reference=reference, now=clock.now())
            if number % 5 == 4:
                await release(session, purchase_id=purchase, now=clock.now())

    assert await at_once(attempt) == AT_ONCE
    async with crowd.transaction() as session:
        await release(session, purchase_id=purchase, now=clock.now())
    assert await left(crowd, desk) == 9_100


async def test_holds_and_posts_of_one_budget(crowd: Database, desk: UnionDesk) -> None:
    """Held, then posted or voided by several at once, under the same keys."""
    budget = ("budget", owner(desk.union, YEAR))

    def move(key: str) -> Moved:
        return Moved(key, "allowance_spent", ("union_spent", "x"), budget, 700, new_id(), DAY)

    async def promise(number: int) -> None:
        async with crowd.transaction() as session:
            await hold(session, [move(f"promise:{number % 10}")], now=clock.now())

    assert await at_once(promise) == AT_ONCE
    assert await left(crowd, desk) == 3_000

    async def end(number: int) -> None:
        async with crowd.transaction() as session:
            key = f"promise:{number % 10}"
            if number % 2:
                await post_held(session, [key], day=DAY, now=clock.now())
            else:
                await void_held(session, [key], now=clock.now())

    assert await at_once(end) == AT_ONCE
    assert await left(crowd, desk) == 10_000 - 5 * 700


async def test_transfers_cross_without_a_ring(crowd: Database, desk: UnionDesk) -> None:
    """To and fro between many guarded accounts, several a statement: accounts are locked in one order."""
    names = [("encumbrance", str(n)) for n in range(6)]
    start = [
        Moved(f"s:{n}", "encumbered", name, ("appropriation", "x"), 1_000, new_id(), DAY)
        for n, name in enumerate(names)
    ]
    async with crowd.transaction() as session:
        await post(session, start, now=clock.now())

    async def attempt(number: int) -> None:
        moves = [
            Moved(
                f"m:{number}:{hop}",
                "encumbered",
                names[(number * 5 + hop) % 6],
                names[(number * 5 + hop * 3 + 1) % 6],
                400,
                new_id(),
                DAY,
            )
            for hop in range(4)
            if (number * 5 + hop) % 6 != (number * 5 + hop * 3 + 1) % 6
        ]
        async with crowd.transaction() as session:
            await post(session, moves, now=clock.now())

    assert await at_once(attempt, times=100) > 0
    assert await left(crowd, desk) == 10_000
