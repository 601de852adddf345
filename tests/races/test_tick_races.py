"""Random moments against the order of commits: what a report says was known is what had committed, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.credit.record import record
from orders.report.knowledge import NothingKnownThen
from orders.report.question import Question
from orders.report.sales import sales
from orders.report.tick import EVERY_SECONDS, look, tick
from orders.seal.canonical import canonical
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.credit import Sale, frozen, recognised
from tests.make.report import KEY
from tests.make.units import unit

pytestmark = pytest.mark.anyio

DAY = clock.today()
WHOLE = Question(DAY.replace(month=1, day=1), DAY.replace(year=DAY.year + 1, month=1, day=1))
WRITERS, EACH, MOMENTS = 8, 6, 40
A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Committed:
    """fen: a power of two, so that a sum says which. It was committed after `before` and by `after`."""

    fen: int
    before: datetime
    after: datetime


@dataclass(frozen=True)
class Looked:
    began: datetime
    ended: datetime
    at: datetime | None


async def writing(database: Database, chance: Random, path: Sequence[UUID], numbers: Sequence[int]) -> list[Committed]:
    """Transactions that take their time between writing and committing, in random order."""
    done = []
    for number in numbers:
        await asyncio.sleep(chance.uniform(0, 0.3))
        sale = Sale(on=DAY, fen=1 << number, path=path)
        async with database.transaction() as session:
            session.add(frozen(sale))
            await session.flush()
            await record(session, list(recognised(sale)), now=clock.now())
            await asyncio.sleep(chance.choice((0, 0, 0.05, 0.6)))
            before = clock.now()
        done.append(Committed(sale.fen, before, clock.now()))
    return done


async def ticking(database: Database, stop: asyncio.Event, every: float = EVERY_SECONDS) -> list[Looked]:
    """As a worker does."""
    done = []
    while not stop.is_set():
        began = clock.now()
        known = await tick(database)
        done.append(Looked(began, clock.now(), known.at if known else None))
        await asyncio.sleep(max(0.0, every - (done[-1].ended - began).total_seconds()))
    return done


@pytest.fixture
async def others(settings: Settings) -> AsyncIterator[list[Database]]:
    """Two other processes."""
    opened = [await Database.open(str(settings.database_url), schema=settings.database_schema) for _ in range(2)]
    yield opened
    for one in opened:
        await one.close()


@pytest.mark.parametrize("seed", range(2))
async def test_random_moments_against_the_order_of_commits(
    database: Database, others: list[Database], seed: int
) -> None:
    """Two companies write from two processes, reports of now are asked among them, and two workers tick."""
    chance, stop = Random(seed), asyncio.Event()
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    workers = [asyncio.create_task(ticking(one, stop)) for one in others]
    numbers = list(range(WRITERS * EACH))
    chance.shuffle(numbers)

    async def reports() -> None:
        for _ in range(6):
            await asyncio.sleep(chance.uniform(0, 0.4))
            await sales(database, WHOLE, actor=None, now=clock.now())

    await sales(database, WHOLE, actor=None, now=clock.now())  # ticks have begun
    began = clock.now()
    *written, _ = await asyncio.gather(
        *(
            writing(others[n % 2], chance, [bank if n % 4 else other], numbers[n * EACH : (n + 1) * EACH])
            for n in range(WRITERS)
        ),
        reports(),
    )
    stop.set()
    looks = [one for done in await asyncio.gather(*workers) for one in done]
    commits = [one for done in written for one in done]
    theirs = sum(one.fen for one in [*written[0], *written[4]])
    span = (clock.now() - began) / A_SECOND
    moments = [began + timedelta(seconds=chance.uniform(0, span)) for _ in range(MOMENTS)]
    ages, answered = [], []
    for moment in moments:
        try:
            ages.append(await age(database, moment, commits, looks, began))
            answered.append(moment)
        except NothingKnownThen as refused:  # a machine so busy that nobody looked for a second says so
            nearest = refused.extra["nearest"]
            before, after = (datetime.fromisoformat(nearest[name]) for name in ("before", "after"))
            assert before < moment < after
            assert after - before > A_SECOND
    assert len(ages) > MOMENTS // 2
    assert sorted(ages)[len(ages) // 2] <= A_SECOND
    for moment in answered[:5]:
        for company, fen in ((bank, ~theirs), (other, theirs)):
            asked = replace(WHOLE, known_at=moment, unit=company)
            part = await sales(database, asked, actor=None, now=clock.now())
            whole = await sales(database, replace(asked, unit=None), actor=None, now=clock.now())
            assert part.totals.credited_fen == whole.totals.credited_fen & fen
            assert part.known.at == whole.known.at


async def age(
    database: Database, moment: datetime, commits: list[Committed], looks: list[Looked], began: datetime
) -> timedelta:
    """The report at a moment is checked; returns how long before it the last look had begun."""
    report = await sales(database, replace(WHOLE, known_at=moment), actor=None, now=clock.now())
    again = await sales(database, replace(WHOLE, known_at=moment), actor=None, now=clock.now())
    assert canonical(report.published(KEY)) == canonical(again.published(KEY))
    tick_at, shown = report.known.at, report.totals.credited_fen
    assert tick_at <= moment
    inside = [one for one in commits if shown & one.fen]
    missing = [one for one in commits if not shown & one.fen]
    assert shown == sum(one.fen for one in inside)
    assert all(one.before < tick_at for one in inside), "nothing is known before it was committed"
    looked = next((one.began for one in looks if one.at == tick_at), None)
    if looked:  # by a worker: whatever had committed when it began to look is in it
        assert all(one.after > looked for one in missing)
    last = max((one.before for one in inside), default=datetime.min.replace(tzinfo=UTC))
    assert all(one.after >= last for one in missing), "in the order of commits"
    seen = max((one.began for one in looks if one.at and one.ended <= moment), default=began)
    assert all(one.after > seen for one in missing), "the last look before the moment is what answers"
    return moment - seen


async def test_several_workers_and_reports_make_one_line_of_ticks(database: Database, others: list[Database]) -> None:
    """However many look at once: each tick shows all that the one before it shows, and its moment is later."""
    stop = asyncio.Event()
    workers = [asyncio.create_task(ticking(one, stop, 0.01)) for one in (*others, database)]

    async def reports() -> None:
        for _ in range(10):
            await sales(database, WHOLE, actor=None, now=clock.now())

    chance = Random(1)
    await asyncio.gather(
        reports(), reports(), *(writing(others[n % 2], chance, [], range(n * 5, n * 5 + 5)) for n in range(4))
    )
    stop.set()
    looks = [one for done in await asyncio.gather(*workers) for one in done]
    await look(database)
    assert any(one.at is None for one in looks), "who finds another one looking goes on"
    async with database.reading() as session:
        rows = (
            await session.execute(
                text("""SELECT k.at, lag(coalesce(k.holds_until, k.at)) OVER (ORDER BY k.at) AS held,
                    (SELECT count(*) FROM credit_entry e WHERE pg_visible_in_snapshot(e.xid, k.snapshot)) AS shown,
                    (SELECT array_agg(e.id) FROM credit_entry e WHERE pg_visible_in_snapshot(e.xid, k.snapshot))
                        @> coalesce(lag((SELECT array_agg(e.id) FROM credit_entry e
                            WHERE pg_visible_in_snapshot(e.xid, k.snapshot))) OVER (ORDER BY k.at), '{}') AS grows
                FROM knowledge k ORDER BY k.at""")
            )
        ).all()
    assert rows[-1].shown == 20
    assert len(rows) <= 20 + 20 + 1, "not one for each look"
    for row in rows[1:]:
        assert row.held < row.at
        assert row.grows or row.shown == 0
