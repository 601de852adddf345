"""A batch is granted once, out of the plan's part of the budget, and reversible for what is unspent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.allowance.give_back import give_back, withdraw
from orders.allowance.grant import BatchNumberUsed, MoreThanApproved, NotOfThePlan, PlanNotApproved
from orders.allowance.jobs import give_back_left
from orders.budget.encumber import release
from orders.budget.version import owner
from orders.funds.post import FundsShort, available_fen
from orders.funds.prove import prove
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Invalid, NotFound
from tests.make.allowance import UNTIL, bought, granted, plan
from tests.make.budget import YEAR, UnionDesk, union_desk
from tests.make.shop import SmallShop, buyer, small_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database)


@pytest.fixture
async def desk(database: Database, shop: SmallShop) -> UnionDesk:
    return await union_desk(database, shop.bank, budget_fen=100_000)


@pytest.fixture
async def people(database: Database, shop: SmallShop) -> Sequence[Actor]:
    return [await buyer(database, works_at=shop.branch) for _ in range(3)]


async def one(database: Database, statement: str, **values: Any) -> Any:
    async with database.reading() as session:
        return await session.scalar(text(statement), values)


async def left_of(database: Database, actor: Actor) -> int:
    return await one(
        database,
        "SELECT sum(a.balance_fen - a.held_fen)::bigint FROM allowance w JOIN account a ON a.owner = w.id::text"
        " WHERE w.person_id = :person",
        person=actor.person_id,
    )


async def budget_left(database: Database, desk: UnionDesk) -> int:
    async with database.transaction() as session:
        return await available_fen(session, "budget", owner(desk.union, YEAR))


async def holds(database: Database) -> None:
    async with database.reading() as session:
        assert (await prove(session)).wrong == ()


async def test_everybody_of_the_plan_gets_it_once(
    database: Database, shop: SmallShop, desk: UnionDesk, people: Sequence[Actor]
) -> None:
    plan_id = await plan(database, desk, shop.skus[:2], people, budget_fen=50_000)
    first = await granted(database, desk, plan_id, 5_000)
    assert await granted(database, desk, plan_id, 5_000) == first
    assert [await left_of(database, who) for who in people] == [5_000] * 3
    assert await budget_left(database, desk) == 50_000, "the plan took its budget, the batch is a part of that"
    with pytest.raises(BatchNumberUsed):
        await granted(database, desk, plan_id, 5_001)
    with pytest.raises(FundsShort):
        await granted(database, desk, plan_id, 12_000, number="2026-02")
    assert await one(database, "SELECT count(*) FROM allowance") == 3, "what was refused left nothing"
    await granted(database, desk, plan_id, 30_000, number="2026-03", person_ids=[str(people[1].person_id)])
    assert await left_of(database, people[1]) == 35_000
    async with database.transaction() as session:
        assert await release(session, purchase_id=plan_id, now=clock.now()) == 5_000
    await holds(database)


async def test_nobody_gets_more_than_the_approvers_counted_for_him(
    database: Database, shop: SmallShop, desk: UnionDesk, people: Sequence[Actor]
) -> None:
    """However many batches; the clerk cannot give one of them, or herself, what was approved for all."""
    plan_id = await plan(database, desk, shop.skus[:2], people, budget_fen=50_000, each_fen=10_000)
    favourite = [str(people[1].person_id)]
    with pytest.raises(MoreThanApproved) as refused:
        await granted(database, desk, plan_id, 30_000, person_ids=favourite)
    assert [(one.pointer, one.detail) for one in refused.value.errors] == [("/person_ids/0", "还可以发 ¥100.00")]
    grant_id = await granted(database, desk, plan_id, 6_000)
    with pytest.raises(MoreThanApproved):
        await granted(database, desk, plan_id, 4_001, number="2026-02", person_ids=favourite)
    await granted(database, desk, plan_id, 4_000, number="2026-02", person_ids=favourite)
    async with database.transaction() as session:
        await withdraw(session, actor=desk.clerk, grant_id=grant_id, reason="发错了", now=clock.now())
    await granted(database, desk, plan_id, 6_000, number="2026-03", person_ids=favourite)  # what came back was no gift
    assert await left_of(database, people[1]) == 10_000
    await holds(database)


async def test_only_members_of_an_approved_plan_of_ones_own_union(
    database: Database, shop: SmallShop, desk: UnionDesk, people: Sequence[Actor]
) -> None:
    plan_id = await plan(database, desk, shop.skus[:2], people)
    stranger = await buyer(database, works_at=shop.branch)
    with pytest.raises(NotOfThePlan) as refused:
        await granted(database, desk, plan_id, 5, person_ids=[str(people[0].person_id), str(stranger.person_id)])
    assert [detail.pointer for detail in refused.value.errors] == ["/person_ids/1"]
    with pytest.raises(PlanNotApproved):
        await granted(database, desk, await plan(database, desk, shop.skus, people, state="submitted"), 5)
    with pytest.raises(Invalid):
        await granted(database, desk, plan_id, 5, expires_on=clock.today())
    with pytest.raises(Invalid):
        await granted(database, desk, await plan(database, desk, [], people), 5)
    elsewhere = replace(desk, clerk=replace(desk.clerk, grants=()))
    with pytest.raises(NotFound):
        await granted(database, elsewhere, plan_id, 5)
    assert await one(database, "SELECT count(*) FROM allowance_grant") == 0


async def test_what_is_unspent_can_be_taken_back(
    database: Database, shop: SmallShop, desk: UnionDesk, people: Sequence[Actor]
) -> None:
    plan_id = await plan(database, desk, shop.skus, people, budget_fen=30_000)
    grant_id = await granted(database, desk, plan_id, 10_000)
    await bought(database, people[0], {shop.skus[1]: 1}, 1_500)  # waits for the rest in own money

    async def take_back(reason: str) -> None:
        async with database.transaction() as session:
            await withdraw(session, actor=desk.clerk, grant_id=grant_id, reason=reason, now=clock.now())

    await take_back("计划取消")
    await take_back("又点了一次")
    assert [await left_of(database, who) for who in people] == [0, 0, 0]
    assert await budget_left(database, desk) == 70_000 + 28_500, "what the open order holds is still its own"
    assert await one(database, "SELECT withdrawn_reason FROM allowance_grant") == "计划取消"
    await holds(database)


async def test_it_expires_back_to_the_budget(
    database: Database, shop: SmallShop, desk: UnionDesk, people: Sequence[Actor]
) -> None:
    plan_id = await plan(database, desk, shop.skus, people, budget_fen=30_000)
    await granted(database, desk, plan_id, 10_000)
    await give_back_left(database, now=clock.now())
    assert await left_of(database, people[0]) == 10_000
    async with database.transaction() as session:
        assert await give_back(session, day=UNTIL, now=clock.now()) == 3
        assert await give_back(session, day=UNTIL, now=clock.now()) == 0
    assert await budget_left(database, desk) == 100_000
    await holds(database)


async def test_a_stranger_cannot_take_it_back(
    database: Database, shop: SmallShop, desk: UnionDesk, people: Sequence[Actor]
) -> None:
    grant_id = await granted(database, desk, await plan(database, desk, shop.skus, people), 100)
    for who in (people[0], replace(desk.clerk, grants=())):
        with pytest.raises(NotFound):
            async with database.transaction() as session:
                await withdraw(session, actor=who, grant_id=UUID(str(grant_id)), reason="不该", now=clock.now())
    assert await left_of(database, people[0]) == 100
