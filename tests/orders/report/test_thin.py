"""Ticks are thinned by a dated rule: nobody who was told a figure loses it; moments in between find the last one."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from orders.report.bridge import bridge
from orders.report.knowledge import NothingKnownThen, known_at
from orders.report.publish import publish
from orders.report.question import Question
from orders.report.sales import SalesReport, sales
from orders.report.thin import thin_ticks
from orders.report.tick import look
from orders.seal.canonical import canonical
from shop.core import clock
from shop.core.database import Database
from tests.make.credit import Sale, enter
from tests.make.report import KEY
from tests.make.units import unit

pytestmark = pytest.mark.anyio

DAY = clock.today() - timedelta(days=3)
START = datetime(DAY.year, DAY.month, DAY.day, tzinfo=clock.SHANGHAI)
EVERY = timedelta(minutes=20)
WHOLE = Question(date(DAY.year - 1, 1, 1), date(DAY.year + 1, 12, 31), ())


async def at(moment: datetime) -> None:
    clock.set_ahead(moment - clock.wall())


async def ticked(database: Database, bank: UUID, other: UUID) -> list[datetime]:
    """A sale each twenty minutes for six hours, one fen of the first company and ten of the other."""
    moments = []
    for number in range(18):
        await at(START + number * EVERY)
        await look(database)  # until then nothing had changed
        await enter(database, Sale(on=DAY, fen=1, path=[bank]), Sale(on=DAY, fen=10, path=[other]))
        known = await look(database)
        assert known
        moments.append(known.at)
    return moments


async def asked(database: Database, moment: datetime, bank: UUID | None = None) -> SalesReport:
    question = Question(WHOLE.since, WHOLE.until, (), known_at=moment, unit=bank)
    return await sales(database, question, actor=None, now=clock.now())


async def rule(database: Database, every_days: int, hourly_days: int, since: str = "2020-06-01") -> None:
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO tick_rule VALUES (CAST(CAST(:since AS text) AS date), :every, :hourly, '示例（虚构）')"),
            {"since": since, "every": every_days, "hourly": hourly_days},
        )


async def kept(database: Database) -> list[datetime]:
    async with database.reading() as session:
        return list(await session.scalars(text("SELECT at FROM knowledge ORDER BY at")))


async def test_what_was_told_stays_and_the_last_of_each_hour(database: Database) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    ticks = await ticked(database, bank, other)
    quarter_past = ticks[4] + timedelta(minutes=5)
    told = await asked(database, quarter_past, bank)
    document = await publish(database, told, KEY, by=None, now=clock.now())
    ends = Question(WHOLE.since, WHOLE.until, known_at=ticks[6])
    bridged = await bridge(database, ends, until=ticks[7], actor=None, now=clock.now())
    assert (bridged.first["credited_fen"], bridged.second["credited_fen"]) == (77, 88)
    await at(START + timedelta(days=3))
    assert await thin_ticks(database, now=clock.now()) == 0, "for ninety days every tick is kept"
    await rule(database, 1, 30)
    await rule(database, 1, 1, since="2099-01-01")  # not yet
    assert await thin_ticks(database, now=clock.now()) == 8
    assert await thin_ticks(database, now=clock.now()) == 0
    assert await kept(database) == [ticks[number] for number in (0, 2, 4, 5, 6, 7, 8, 11, 14, 17)]
    again = await asked(database, quarter_past, bank)
    assert canonical(again.published(KEY)) == canonical(document), "to the byte"
    assert (await bridge(database, ends, until=ticks[7], actor=None, now=clock.now())) == bridged
    for number, answers in ((1, 0), (3, 2), (9, 8), (10, 8), (12, 11), (17, 17)):
        moment = ticks[number] + timedelta(minutes=1)
        for company, fen in ((bank, 1), (other, 10)):
            found = await asked(database, moment, company)
            assert (found.known.at, found.known.asked) == (ticks[answers], moment)
            assert found.totals.credited_fen == fen * (answers + 1)
    async with database.reading() as session:
        notes = await session.execute(text("SELECT after FROM audit_event WHERE action = 'ticks.thinned'"))
        assert [row.after for row in notes] == [{"ticks": 8}]


async def test_later_the_last_of_each_day_and_a_gap_stays_a_gap(database: Database) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    ticks = await ticked(database, bank, other)
    await at(START + timedelta(hours=30))  # nobody watched since, and something was written
    await enter(database, Sale(on=DAY, fen=1, path=[bank]))
    late = await look(database)
    assert late
    await at(START + timedelta(days=3))
    await rule(database, 1, 1)
    assert await thin_ticks(database, now=clock.now()) == 16
    assert await kept(database) == [ticks[0], ticks[17], late.at]
    assert (await asked(database, ticks[9])).known.at == ticks[0]
    with pytest.raises(NothingKnownThen) as refused:
        await asked(database, START + timedelta(hours=20))
    assert refused.value.extra["nearest"]["after"] == late.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


SECONDS = st.one_of(st.integers(1, 5), st.integers(1, 7_200), st.integers(60_000, 200_000)).map(lambda n: n / 2)
TICKS = st.lists(
    st.tuples(SECONDS, st.one_of(st.none(), st.just(0.0), SECONDS), st.sampled_from([False, False, False, True])),
    min_size=1, max_size=14,
)  # fmt: skip
"""How long after the one before (or after what that one held), how long it holds, and whether somebody was told."""


@hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(ticks=TICKS, asked=st.lists(st.floats(-0.1, 1.1), max_size=8), days=st.integers(1, 3))
@hypothesis.example(ticks=[(1, 10, False), (1, 9, False), (2_380, 10, False), (6_600, 10, False)], asked=[0.2], days=3)
async def test_thinning_refuses_nothing_more_and_answers_nothing_more(
    database: Database, ticks: list[tuple[float, float | None, bool]], asked: list[float], days: int
) -> None:
    """Random ticks and gaps, random moments and every edge: refused before is refused after, and answered stays so."""
    made: list[tuple[datetime, datetime | None, bool]] = []
    for after, holds, told in ticks:
        since = (made[-1][1] or made[-1][0]) + timedelta(seconds=after) if made else START
        made.append((since, since + timedelta(seconds=holds) if holds is not None else None, told))
    edges = {moment for at, until, _ in made for moment in (at, until) if moment is not None}
    moments = edges | {one + way * timedelta(milliseconds=250) for one in edges for way in (-1, 1)}
    moments |= {START + (made[-1][0] - START) * part for part in asked}

    async def begin() -> None:
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM knowledge"))
            await session.execute(
                text("""INSERT INTO knowledge (at, snapshot, holds_until, told)
                    VALUES (:at, pg_current_snapshot(), :until, :told)"""),
                [{"at": at, "until": until, "told": told} for at, until, told in made],
            )

    async def answers() -> dict[datetime, datetime | None]:
        found: dict[datetime, datetime | None] = {}
        for moment in sorted(one for one in moments if one < made[-1][0]):
            try:
                found[moment] = (await known_at(database, moment)).at
            except NothingKnownThen:
                found[moment] = None
        return found

    async with database.transaction() as session:
        await session.execute(text("INSERT INTO tick_rule VALUES ('2020-06-02', 1, 2, '示例') ON CONFLICT DO NOTHING"))
    await begin()
    before = await answers()
    await begin()
    await thin_ticks(database, now=made[-1][0] + timedelta(days=days))
    left = set(await kept(database))
    assert {at for at, _, told in made if told} <= left
    after = await answers()
    for moment, at in before.items():
        assert after[moment] == (at and max(one for one in left if one <= moment)), moment


async def test_the_database_itself_keeps_what_is_named_and_what_was_seen(database: Database) -> None:
    """The application cannot delete a published tick, nor say afterwards that another snapshot was seen."""
    await enter(database, Sale(on=DAY, fen=10))
    report = await sales(database, WHOLE, actor=None, now=clock.now())
    await publish(database, report, KEY, by=None, now=clock.now())
    for statement, error, said in (
        ("DELETE FROM knowledge", IntegrityError, "fk_published_report_known_at"),
        ("UPDATE knowledge SET snapshot = pg_current_snapshot()", DBAPIError, "permission denied"),
        ("UPDATE knowledge SET at = now()", DBAPIError, "permission denied"),
        ("UPDATE knowledge SET seal_number = 7", DBAPIError, "permission denied"),
        ("UPDATE tick_rule SET every_days = 1", DBAPIError, "permission denied"),
    ):
        with pytest.raises(error, match=said):
            async with database.transaction() as session:
                await session.execute(text(statement))
