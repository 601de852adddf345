"""The intake desk on real connections: the same file twice at once, two confirmers, two deciders, two claimants."""

import asyncio
from collections import Counter

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Role
from shop.core.database import Database
from tests.make.evidence import worker
from tests.make.intake import BANK, BRANCH, MARKET, PLATFORM, IntakeDesk, Line, intake_desk, ours, refund

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> IntakeDesk:
    return await intake_desk(app, database)


async def count(desk: IntakeDesk, what: str) -> int:
    async with desk.database.reading() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {what}")) or 0)


async def test_the_same_file_at_once_is_one_batch(desk: IntakeDesk) -> None:
    data = ours([Line(number=f"N{n}") for n in range(40)])
    answers = await asyncio.gather(*(desk.upload(data, by=who) for who in (desk.one, desk.two) * 4))
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["id"] for one in answers}) == 1
    assert sum(not one.json()["repeated"] for one in answers) == 1
    assert (await count(desk, "intake_batch"), await count(desk, "intake_row")) == (1, 40)


async def test_of_two_confirmers_at_once_one_does_it(desk: IntakeDesk) -> None:
    three = await worker(desk.database, Role.STAFF, "unit", desk.shop.bank)
    batch = await desk.staged([Line(number=f"N{n}") for n in range(20)])
    answers = await asyncio.gather(*(desk.confirm(batch, by=who) for who in (desk.two, three) * 3))
    assert Counter(one.status_code for one in answers) == {200: 3, 409: 3}
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"already_decided"}
    assert await desk.sums("channel") == [(PLATFORM, 200_000)]


async def test_of_two_decisions_at_once_one_holds(desk: IntakeDesk) -> None:
    three = await worker(desk.database, Role.STAFF, "unit", desk.shop.bank)
    await desk.imported([Line(unit=BRANCH)])
    await desk.imported([Line(unit=BANK)])
    (claim,) = await desk.claims()
    answers = await asyncio.gather(
        desk.decide(claim["id"], "first"),
        desk.decide(claim["id"], "later", by=three),
        desk.decide(claim["id"], "later"),
    )
    assert sorted(one.status_code for one in answers) == [200, 409, 409]
    (decided,) = await desk.claims()
    owner = BANK if decided["state"] == "later" else BRANCH
    assert await desk.sums("unit_name") == [(owner, 10_000)]


async def test_two_units_that_confirm_one_sale_at_once(desk: IntakeDesk) -> None:
    """In one channel, and over two by the invoice: one of them has it, the other one is held."""
    batches = []
    for n in range(6):
        invoice = f"2611200000000000{n:04}"
        batches.append(await desk.staged([Line(f"N{n}", unit=BRANCH, invoice_number=invoice)]))
        batches.append(await desk.staged([Line(f"N{n}", unit=BANK, invoice_number=invoice)]))
        batches.append(await desk.staged([Line(f"M{n}", unit=BANK, invoice_number=invoice)], MARKET))
    answers = await asyncio.gather(*(desk.confirm(batch) for batch in batches))
    assert {one.status_code for one in answers} == {200}
    assert sum(fen for *_, fen in await desk.sums("unit_name")) == 60_000
    assert (await count(desk, "outside_sale"), await count(desk, "intake_claim")) == (6, 12)


async def test_refunds_at_once_never_take_more_than_there_is(desk: IntakeDesk) -> None:
    await desk.imported([Line()])
    batches = [await desk.staged([refund(amount="30.00", of=f"R{n}")]) for n in range(6)]
    answers = await asyncio.gather(*(desk.confirm(batch) for batch in batches))
    assert Counter(one.status_code for one in answers) == {200: 3, 409: 3}
    assert await desk.sums("channel") == [(PLATFORM, 1_000)]
