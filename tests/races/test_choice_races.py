"""A choice at the last second: it stands, or the default does, never something in between."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from orders.bulk.choice.choose import ChoicesClosed, choose
from orders.bulk.choice.freeze_choices import freeze_due
from orders.bulk.choice.leader import link_list
from shop.core import clock
from shop.core.database import Database
from shop.core.keys import Keys
from tests.make.bulk import a_desk
from tests.make.catalogue import rows
from tests.orders.bulk.test_choices import choosing, packages_of

pytestmark = pytest.mark.anyio


async def test_a_choice_at_the_last_second_and_the_cut_off(database: Database, keys: Keys) -> None:
    plan = await choosing(database, await a_desk(database, members=40))
    packages = await packages_of(plan)
    async with database.transaction() as session:
        listed = await link_list(session, actor=plan.desk.clerk, purchase_id=plan.id, keys=keys, now=clock.now())
    until = await rows(database, "SELECT choose_until FROM bulk_purchase")
    last_second, over = until[0][0] - timedelta(milliseconds=1), until[0][0]

    async def last(secret: str) -> bool:
        try:
            async with database.transaction() as session:
                await choose(session, secret=secret, package_id=packages["杂粮套餐"], now=last_second)
        except ChoicesClosed:
            return False
        return True

    tasks = [asyncio.create_task(last(secret)) for _, secret in listed]
    await asyncio.sleep(0.02)
    frozen = await asyncio.gather(*(freeze_due(database, now=over) for _ in range(3)))
    kept = await asyncio.gather(*tasks)
    assert sum(frozen) == 1
    found = dict(await rows(database, "SELECT chosen_by, count(*)::int FROM bulk_member GROUP BY 1"))
    assert found.get("self", 0) == sum(kept)
    assert found.get("default", 0) == len(kept) - sum(kept)
    wrong = """
    SELECT count(*) FROM bulk_member m JOIN bulk_package k ON k.id = m.package_id
    WHERE (m.chosen_by = 'self') <> (k.name = '杂粮套餐')
    """
    assert await rows(database, wrong) == [(0,)]


async def test_a_choice_that_waits_for_the_cut_off_finds_it_closed(database: Database, keys: Keys) -> None:
    plan = await choosing(database)
    packages = await packages_of(plan)
    async with database.transaction() as session:
        (_, secret), *_ = await link_list(
            session, actor=plan.desk.clerk, purchase_id=plan.id, keys=keys, now=clock.now()
        )
    now = clock.now()
    async with database.transaction() as freezing:
        await freezing.execute(
            text("UPDATE bulk_purchase SET choices_frozen_at = :now WHERE id = :id"), {"now": now, "id": plan.id}
        )

        async def late() -> None:
            async with database.transaction() as session:
                await choose(session, secret=secret, package_id=packages["杂粮套餐"], now=now)

        waiting = asyncio.create_task(late())
        await asyncio.sleep(0.1)
        assert not waiting.done()
    with pytest.raises(ChoicesClosed):
        await waiting
    assert await rows(database, "SELECT count(*) FROM bulk_member WHERE package_id IS NOT NULL") == [(0,)]
