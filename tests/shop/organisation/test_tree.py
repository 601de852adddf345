"""Who stands under whom on a day, and what nobody may do to the tree."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import anyio
import pytest
from sqlalchemy import text

from shop.access.permissions import Actor, Grant, Permission, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.queries import top_unit_ids, unit_path, visible_unit_ids
from shop.organisation.units import NoSuchUnit, TreeWouldClose, UnitCodeTaken, move_unit
from tests.make.evidence import worker
from tests.make.mandate import mandate
from tests.make.units import unit

MOVED = date(2026, 7, 1)
BEFORE = MOVED - timedelta(days=1)
SEEN = Permission.REPORT_READ


def actor(*grants: Grant) -> Actor:
    return Actor(new_id(), new_id(), new_id(), grants)


def staff(unit_id: UUID) -> Grant:
    return Grant(Role.STAFF, "unit", str(unit_id))


async def move(database: Database, unit_id: UUID, parent_id: UUID | None, day: date) -> None:
    async with database.transaction() as session:
        await move_unit(session, actor=None, unit_id=unit_id, parent_id=parent_id, day=day, now=clock.now())


async def path(database: Database, unit_id: UUID, day: date) -> list[UUID]:
    async with database.reading() as session:
        return await unit_path(session, unit_id, day)


async def seen(database: Database, who: Actor, day: date) -> frozenset[UUID] | None:
    async with database.reading() as session:
        return await visible_unit_ids(session, who, SEEN, day)


@pytest.mark.anyio
async def test_a_move_changes_its_day_and_later_ones_only(database: Database) -> None:
    east, west = await unit(database, "EAST"), await unit(database, "WEST")
    branch = await unit(database, "BRANCH", under=east)
    desk = await unit(database, "DESK", under=branch)
    await move(database, branch, west, MOVED)
    assert await path(database, desk, BEFORE) == [desk, branch, east]
    assert await path(database, desk, MOVED) == [desk, branch, west]
    assert await path(database, desk, date(2020, 12, 31)) == [desk], "the branch did not stand anywhere yet"
    assert await path(database, new_id(), MOVED) == []
    for day, over, beside in ((BEFORE, east, west), (MOVED, west, east)):
        assert await seen(database, actor(staff(over)), day) == {over, branch, desk}
        assert await seen(database, actor(staff(beside)), day) == {beside}
    assert await seen(database, actor(staff(branch)), MOVED) == {branch, desk}, "never upwards"


@pytest.mark.anyio
async def test_what_an_actor_sees_is_what_the_permissions_grants_cover(database: Database) -> None:
    bank = await unit(database, "BANK")
    branch = await unit(database, "BRANCH", under=bank)
    day = clock.today()
    assert await seen(database, actor(Grant(Role.STAFF, "all", "*")), day) is None
    assert await seen(database, actor(Grant(Role.EMPLOYEE, "unit", str(bank)), staff(branch)), day) == {branch}
    assert await seen(database, actor(Grant(Role.SUPPLIER, "supplier", str(new_id()))), day) == frozenset()
    async with database.reading() as session:
        assert await top_unit_ids(session, actor(staff(branch), staff(bank)), day) == [bank]
        assert await top_unit_ids(session, actor(staff(branch)), day) == [branch]
        assert await top_unit_ids(session, actor(Grant(Role.STAFF, "all", "*")), day) == [bank]
        assert await top_unit_ids(session, actor(), day) == []


@pytest.mark.anyio
async def test_an_auditor_sees_what_his_mandates_name_as_far_as_his_role_reaches(database: Database) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    branch, desk = await unit(database, "BRANCH", under=bank), await unit(database, "DESK", under=bank)
    day = clock.today()
    everywhere = await worker(database, Role.AUDITOR, "all", "*")
    of_bank = await worker(database, Role.AUDITOR, "unit", bank)
    for auditor in (everywhere, of_bank):
        assert await seen(database, auditor, day) == frozenset(), "no mandate, nothing"
    await mandate(database, everywhere.user_id, branch, other)
    await mandate(database, of_bank.user_id, branch, other)
    assert await seen(database, everywhere, day) == {branch, other}
    assert await seen(database, of_bank, day) == {branch}
    assert await seen(database, of_bank, day + timedelta(days=40)) == frozenset(), "the mandate is over"
    also_staff = replace(of_bank, grants=(*of_bank.grants, staff(desk)))
    assert await seen(database, also_staff, day) == {branch, desk}


@pytest.mark.anyio
async def test_moving_to_the_top_and_back_leaves_a_gap(database: Database) -> None:
    bank = await unit(database, "BANK")
    branch = await unit(database, "BRANCH", under=bank)
    await move(database, branch, None, date(2023, 1, 1))
    await move(database, branch, bank, date(2024, 1, 1))
    assert [len(await path(database, branch, date(year, 6, 1))) for year in (2022, 2023, 2024)] == [2, 1, 2]


@pytest.mark.anyio
async def test_a_move_before_a_planned_one_holds_until_it(database: Database) -> None:
    one, two, three = [await unit(database, code) for code in ("ONE", "TWO", "THREE")]
    branch = await unit(database, "BRANCH", under=one)
    await move(database, branch, three, date(2025, 1, 1))
    await move(database, branch, two, date(2024, 1, 1))
    assert [(await path(database, branch, date(year, 6, 1)))[1] for year in (2023, 2024, 2025)] == [one, two, three]
    await move(database, branch, three, date(2024, 1, 1))
    assert (await path(database, branch, date(2024, 6, 1)))[1] == three, "the same day again is a correction"


@pytest.mark.anyio
async def test_nothing_stands_above_itself_on_any_day(database: Database) -> None:
    top = await unit(database, "TOP")
    middle = await unit(database, "MIDDLE", under=top)
    low = await unit(database, "LOW", under=middle)
    for parent in (low, middle, top):
        with pytest.raises(TreeWouldClose):
            await move(database, top, parent, MOVED)
    await move(database, middle, None, date(2022, 1, 1))
    await move(database, middle, top, date(2023, 1, 1))
    with pytest.raises(TreeWouldClose):  # fine in 2022, a ring from 2023 on
        await move(database, top, low, date(2022, 1, 1))
    assert await path(database, low, date(2022, 6, 1)) == [low, middle]


@pytest.mark.anyio
async def test_two_moves_at_once_cannot_close_a_ring(database: Database) -> None:
    left, right = await unit(database, "LEFT"), await unit(database, "RIGHT")
    refused = []

    async def under(unit_id: UUID, parent_id: UUID) -> None:
        try:
            await move(database, unit_id, parent_id, MOVED)
        except TreeWouldClose:
            refused.append(unit_id)

    async with anyio.create_task_group() as both:
        both.start_soon(under, left, right)
        both.start_soon(under, right, left)
    assert len(refused) == 1
    assert {len(await path(database, one, MOVED)) for one in (left, right)} == {1, 2}


@pytest.mark.anyio
async def test_codes_are_unique_and_parents_exist(database: Database) -> None:
    bank = await unit(database, "BANK")
    with pytest.raises(UnitCodeTaken):
        await unit(database, "BANK")
    for child, parent in ((bank, new_id()), (new_id(), bank)):
        with pytest.raises(NoSuchUnit):
            await move(database, child, parent, MOVED)
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM unit_parent")) == 0
        assert await session.scalar(text("SELECT count(*) FROM audit_event")) == 1
