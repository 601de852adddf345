"""A union's budget: versions, carry-over, and what purchases take of it."""

from uuid import UUID

import pytest
from sqlalchemy import text

from orders.budget.encumber import NotEncumbered, encumber, release, spend
from orders.budget.version import BudgetAdopted, NothingToCarry, adjust, adopt, carry_over, owner
from orders.funds.post import FundsShort, available_fen
from orders.funds.prove import prove
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound
from shop.core.ids import new_id
from tests.make.budget import PAPER, YEAR, UnionDesk, adopted, union_desk
from tests.make.units import unit

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(database: Database) -> UnionDesk:
    return await union_desk(database, await unit(database, "BANK"), budget_fen=100_000)


async def left(database: Database, kind: str, name: str) -> int:
    async with database.transaction() as session:
        return await available_fen(session, kind, name)


async def budget_left(database: Database, desk: UnionDesk, year: int = YEAR) -> int:
    return await left(database, "budget", owner(desk.union, year))


async def holds(database: Database) -> None:
    async with database.reading() as session:
        assert (await prove(session)).wrong == ()


async def test_a_budget_is_adopted_once_and_every_change_is_a_version(database: Database, desk: UnionDesk) -> None:
    with pytest.raises(BudgetAdopted):
        await adopted(database, desk.approver, desk.union, 5)
    facts = {"actor": desk.approver, "union_id": desk.union, "fiscal_year": YEAR, "paper": PAPER, "now": clock.now()}
    async with database.transaction() as session:
        assert await adjust(session, change_fen=20_000, **facts) == 2
        assert await adjust(session, change_fen=-50_000, **facts) == 3
    assert await budget_left(database, desk) == 70_000
    with pytest.raises(FundsShort):
        async with database.transaction() as session:
            await adjust(session, change_fen=-70_001, **facts)
    with pytest.raises(NotFound):
        async with database.transaction() as session:
            await adjust(session, change_fen=1, **facts | {"fiscal_year": YEAR + 5})
    async with database.reading() as session:
        versions = (
            await session.execute(
                text(
                    "SELECT version, kind, change_fen, reason, document_sha256, actor_id FROM budget_version ORDER BY 1"
                )
            )
        ).all()
        audited = await session.scalar(
            text("SELECT count(*) FROM audit_event WHERE subject = 'union:' || :u"), {"u": str(desk.union)}
        )
    words = (PAPER.reason, PAPER.document_sha256, desk.approver.user_id)
    assert versions == [
        (1, "adopted", 100_000, *words),
        (2, "adjusted", 20_000, *words),
        (3, "adjusted", -50_000, *words),
    ]
    assert audited == 3
    await holds(database)


async def test_what_is_left_is_carried_over_and_follows_later(database: Database, desk: UnionDesk) -> None:
    purchase = new_id()
    facts = {"actor": desk.approver, "union_id": desk.union, "fiscal_year": YEAR, "paper": PAPER, "now": clock.now()}
    async with database.transaction() as session:
        await encumber(
            session, union_id=desk.union, fiscal_year=YEAR, purchase_id=purchase, amount_fen=30_000, now=clock.now()
        )
        assert await carry_over(session, **facts) == 70_000
    with pytest.raises(NothingToCarry):
        async with database.transaction() as session:
            await carry_over(session, **facts)
    async with database.transaction() as session:
        assert await release(session, purchase_id=purchase, now=clock.now()) == 30_000
        assert await carry_over(session, **facts) == 30_000
        await adopt(session, amount_fen=1_000, **facts | {"fiscal_year": YEAR + 1})
    assert await budget_left(database, desk) == 0
    assert await budget_left(database, desk, YEAR + 1) == 101_000
    await holds(database)


async def test_a_purchase_takes_spends_and_gives_back(database: Database, desk: UnionDesk) -> None:
    purchase, reference, now = new_id(), new_id(), clock.now()

    async def take(amount_fen: int, year: int = YEAR) -> None:
        async with database.transaction() as session:
            await encumber(
                session, union_id=desk.union, fiscal_year=year, purchase_id=purchase, amount_fen=amount_fen, now=now
            )

    async def pay(amount_fen: int, under: UUID) -> None:
        async with database.transaction() as session:
            await spend(session, purchase_id=purchase, amount_fen=amount_fen, reference=under, now=now)

    with pytest.raises(NotEncumbered):
        await pay(1, reference)
    await take(60_000)
    await take(60_000)
    assert await budget_left(database, desk) == 40_000
    with pytest.raises(FundsShort):
        await take(100_001)
    with pytest.raises(NotEncumbered):
        await take(1, YEAR + 1)
    await take(80_000)
    await pay(50_000, reference)
    await pay(50_000, reference)
    assert await left(database, "encumbrance", str(purchase)) == 30_000
    with pytest.raises(FundsShort):
        await pay(30_001, new_id())
    async with database.transaction() as session:
        assert await release(session, purchase_id=purchase, now=now) == 30_000
        assert await release(session, purchase_id=purchase, now=now) == 0
    assert await budget_left(database, desk) == 50_000
    await take(55_000)
    assert await budget_left(database, desk) == 45_000
    await holds(database)


async def test_a_union_without_a_budget_takes_nothing(database: Database) -> None:
    poor = await union_desk(database, await unit(database, "POOR"))
    with pytest.raises(FundsShort):
        async with database.transaction() as session:
            await encumber(
                session, union_id=poor.union, fiscal_year=YEAR, purchase_id=new_id(), amount_fen=1, now=clock.now()
            )
