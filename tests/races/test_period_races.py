"""A month is closed while many write into it: what came before the close is in it, what came after is not."""

import asyncio
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.credit.check import differences
from orders.credit.record import record
from orders.month.close import close_month
from orders.month.models import SHOP
from orders.month.reopen import AlreadyDecided, ask_reopening, decide_reopening
from orders.month.shut import SHUT
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.ids import new_id
from tests.make.credit import Sale, enter, first_of, frozen, recognised
from tests.make.evidence import worker
from tests.make.people import somebody
from tests.make.units import unit

pytestmark = pytest.mark.anyio

MONTH = clock.add_months(clock.month_of(clock.today()), -1)
BEFORE: date = first_of(MONTH)
OURS, THEIRS = UUID(int=1), UUID(int=2)


async def in_month(database: Database, top: UUID = OURS) -> int:
    async with database.reading() as session:
        found = await session.scalar(
            text("SELECT count(*) FROM credit_entry WHERE period_month = :month AND :top = ANY(unit_path)"),
            {"month": MONTH, "top": top},
        )
    return int(found or 0)


async def closed(database: Database, who: UUID, top: UUID = OURS) -> None:
    async with database.transaction() as session:
        await close_month(session, actor_id=who, unit_id=top, month=MONTH, was_open={}, now=clock.now())


async def test_nothing_slips_into_a_month_after_it_was_closed(database: Database) -> None:
    """And nobody else's month is touched, however both are written in one transaction."""
    closer = await somebody(database)
    frozen: list[int] = []

    async def write(n: int) -> None:
        for i in range(12):
            ours = Sale(on=BEFORE, fen=100 + n * 12 + i, path=[new_id(), OURS])
            theirs = Sale(on=BEFORE, fen=1, path=[THEIRS])
            await enter(database, *((ours, theirs) if i % 2 else (theirs, ours)))

    async def close() -> None:
        await asyncio.sleep(0.05)
        await closed(database, closer.user_id)
        frozen.append(await in_month(database))

    await asyncio.gather(*(write(n) for n in range(6)), close(), close())
    assert frozen[0] == frozen[1] == await in_month(database), "an entry slipped into a closed month"
    assert await in_month(database, THEIRS) == 72
    async with database.reading() as session:
        assert await differences(session) == []
        rows = (
            await session.execute(
                text("SELECT period_month, late_for FROM credit_entry WHERE :top = ANY(unit_path)"), {"top": OURS}
            )
        ).all()
        shut = text(f"SELECT {SHUT.format('p')} FROM unit_month p WHERE unit_id = :unit AND month = :month")
        assert await session.scalar(shut, {"unit": OURS, "month": MONTH, "today": clock.today()})
    assert len(rows) == 72, "nothing was lost"
    assert {late for month, late in rows if month != MONTH} <= {BEFORE}
    assert all(late is None for month, late in rows if month == MONTH)


async def test_a_writer_that_waits_for_the_close_lands_behind_it(database: Database) -> None:
    """Also where neither of them found a row of the month: the one who comes second waits for the first."""
    closer = await somebody(database)
    async with database.transaction() as session:
        await close_month(session, actor_id=closer.user_id, unit_id=OURS, month=MONTH, was_open={}, now=clock.now())
        writing = asyncio.create_task(enter(database, Sale(on=BEFORE, fen=100, path=[OURS])))
        await enter(database, Sale(on=BEFORE, fen=100, path=[THEIRS]))  # does not wait
        await asyncio.sleep(0.2)
        assert not writing.done(), "it did not wait"
    await writing
    assert (await in_month(database), await in_month(database, THEIRS)) == (0, 1)


async def test_a_close_waits_for_who_writes_into_a_month_without_a_row(database: Database) -> None:
    closer = await somebody(database)
    sale = Sale(on=BEFORE, fen=100, path=[OURS])
    async with database.transaction() as session:
        await enter_in(session, sale)
        closing = asyncio.create_task(closed(database, closer.user_id))
        await asyncio.sleep(0.2)
        assert not closing.done(), "it closed over an entry that was on its way"
    await closing
    assert await in_month(database) == 1


async def enter_in(session: WriteSession, sale: Sale) -> None:
    """In a transaction that is still open."""
    session.add(frozen(sale))
    await session.flush()
    await record(session, list(recognised(sale)), now=clock.now())


async def asked(database: Database, who: Actor, top: UUID) -> UUID:
    async with database.transaction() as session:
        return await ask_reopening(session, actor=who, unit_id=top, month=MONTH, reason="补记", now=clock.now())


async def test_of_two_who_decide_at_once_one_does(database: Database) -> None:
    """And entries that come meanwhile land in the month or behind it, none of them twice."""
    top = await unit(database, "BANK")
    one, two, three = [await worker(database, Role.STAFF, "unit", top) for _ in range(3)]
    await closed(database, one.user_id, top)
    reopening = await asked(database, one, top)

    async def decide(who: Actor) -> bool:
        try:
            async with database.transaction() as session:
                await decide_reopening(
                    session, actor=who, month=MONTH, reopening_id=reopening, state="approved", decision=None,
                    now=clock.now(),
                )  # fmt: skip
        except AlreadyDecided:
            return False
        return True

    sales = [Sale(on=BEFORE, fen=10, path=[top]) for _ in range(10)]
    *_, first, second = await asyncio.gather(*(enter(database, sale) for sale in sales), decide(two), decide(three))
    assert sorted([first, second]) == [False, True]
    async with database.reading() as session:
        assert await differences(session) == []
        assert await session.scalar(text("SELECT count(*) FROM credit_entry")) == 10
        kinds = await session.scalars(text("SELECT kind FROM period_event ORDER BY at"))
        assert kinds.all() == ["closed", "reopened"]
        assert await session.scalar(text("SELECT state FROM unit_month WHERE unit_id = :top AND month = :month"),
            {"top": top, "month": MONTH}) == "open"  # fmt: skip


async def test_asking_closing_and_deciding_at_once_never_ring(database: Database) -> None:
    one, two = [await worker(database, Role.STAFF, "all", "*") for _ in range(2)]
    await closed(database, one.user_id, SHOP)
    for _ in range(8):
        reopening = await asked(database, one, SHOP)

        async def decide(of: UUID) -> None:
            async with database.transaction() as session:
                await decide_reopening(
                    session, actor=two, month=MONTH, reopening_id=of, state="approved", decision=None, now=clock.now()
                )

        results = await asyncio.gather(
            decide(reopening), asked(database, two, SHOP), closed(database, two.user_id, SHOP),
            asked(database, one, SHOP), return_exceptions=True,
        )  # fmt: skip
        assert not [one for one in results if "deadlock" in str(one)], results
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM period_reopening WHERE state = 'requested'"))
        await closed(database, one.user_id, SHOP)
