"""Two people decide one flag at once, scans meet, two close one item: it happens once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from orders.integrity.close_item import AlreadyClosed, close_item
from orders.integrity.decide import AlreadyDecided, Duty, decide
from orders.integrity.review import AlreadyReviewed, review
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from tests.make.credit import Sale, enter
from tests.make.evidence import kept_paper
from tests.make.flag import flags, raised, scanned
from tests.make.joint_order import official
from tests.make.units import unit

pytestmark = pytest.mark.anyio


async def test_a_flag_is_proposed_decided_and_put_right_once(database: Database) -> None:
    bank = await unit(database, "BANK")
    crowd = [await official(database, Role.STAFF, bank) for _ in range(6)]
    flag, now = await raised(database, bank), clock.now()

    async def propose(n: int) -> bool:
        try:
            async with database.transaction() as session:
                await review(session, actor=crowd[n], flag_id=flag, outcome="finding", reason="x", now=now)
        except AlreadyReviewed:
            return False
        return True

    assert sorted(await asyncio.gather(*map(propose, (0, 1)))) == [False, True]
    duty = Duty(crowd[5].user_id, clock.today() + timedelta(days=1), "改")

    async def judge(n: int) -> bool:
        try:
            async with database.transaction() as session:
                await decide(
                    session,
                    actor=crowd[n],
                    flag_id=flag,
                    outcome="finding" if n % 2 else "cleared",
                    reason="x",
                    duty=duty if n % 2 else None,
                    now=now,
                )
        except AlreadyDecided:
            return False
        return True

    assert sorted(await asyncio.gather(*map(judge, (2, 3, 4)))) == [False, False, True]
    async with database.reading() as session:
        outcome = await session.scalar(text("SELECT outcome FROM flag_decision"))
        items = await session.scalar(text("SELECT count(*) FROM rectification"))
        audited = await session.scalar(text("SELECT count(*) FROM audit_event WHERE action = 'flag.decide'"))
    assert (items, audited) == (1 if outcome == "finding" else 0, 1)


async def test_an_item_is_closed_once(database: Database) -> None:
    bank = await unit(database, "BANK")
    crowd = [await official(database, Role.STAFF, bank) for _ in range(4)]
    flag, now = await raised(database, bank), clock.now()
    async with database.transaction() as session:
        await review(session, actor=crowd[0], flag_id=flag, outcome="finding", reason="x", now=now)
        item = await decide(
            session,
            actor=crowd[1],
            flag_id=flag,
            outcome="finding",
            reason="x",
            duty=Duty(crowd[0].user_id, clock.today(), "改"),
            now=now,
        )
        await kept_paper(session, "0" * 64, by=crowd[0].user_id, unit=bank)
    assert item is not None

    async def close(n: int) -> bool:
        try:
            async with database.transaction() as session:
                await close_item(session, actor=crowd[n], item_id=item, closing="x", evidence_sha256="0" * 64, now=now)
        except AlreadyClosed:
            return False
        return True

    assert sorted(await asyncio.gather(*map(close, (1, 2, 3)))) == [False, False, True]


async def test_scans_that_meet_raise_once_and_stop_no_sale(database: Database) -> None:
    bank = await unit(database, "BANK")
    round_ = [Sale(on=clock.today(), fen=100_000, path=[bank], channel="fair") for _ in range(5)]
    await enter(database, *round_)
    found = await asyncio.gather(
        *(scanned(database) for _ in range(3)),
        *(enter(database, Sale(on=clock.today(), fen=100 + n, path=[bank])) for n in range(5)),
    )
    assert sum(one.get("round_numbers", 0) for one in found if one) == 1
    assert [lines for *_, lines in await flags(database)] == [5]
