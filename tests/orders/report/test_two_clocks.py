"""Two clocks: an earlier report comes out again to the byte, whatever was learned since; and a bridge says what."""

import asyncio
import json
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from orders.credit.record import record
from orders.report.bridge import Bridge, bridge
from orders.report.question import Question
from orders.seal.canonical import canonical
from orders.seal.seal import seal_new
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import derived_id, new_id
from tests.make.credit import CONGJIANG, HUNYUAN, Given, Sale, enter, frozen, recognised
from tests.make.report import KEY, again, published
from tests.make.units import unit

pytestmark = pytest.mark.anyio
CHECKER = Path(__file__).parents[3] / "docs" / "check" / "bangfu_check.py"
YEAR = clock.today().year
MARCH = date(YEAR, 3, 10)
WHOLE = Question(date(YEAR, 1, 1), date(YEAR + 1, 1, 1), ("county", "month"))


async def crossing(database: Database, first: dict[str, Any], second: dict[str, Any]) -> Bridge:
    earlier, later = (datetime.fromisoformat(one["known_at"]) for one in (first, second))
    question = Question(WHOLE.since, WHOLE.until, known_at=earlier)
    return await bridge(database, question, until=later, actor=None, now=max(later, clock.now()))


async def test_a_refund_and_a_late_row_change_no_earlier_report(database: Database) -> None:
    sale = Sale(on=MARCH, fen=1_000)
    await enter(database, sale)
    first = await published(database, WHOLE)
    async with database.transaction() as session:
        given_back = Sale(on=MARCH, fen=1_000, id=sale.id, given=[Given(on=clock.today(), fen=300)])
        await record(session, list(recognised(given_back)), now=clock.now())
    await enter(database, Sale(on=MARCH, fen=50, place=HUNYUAN))
    second = await published(database, WHOLE)
    assert second["totals"]["credited_fen"] == 750
    assert json.loads(await again(database, WHOLE, first))["totals"]["credited_fen"] == 1_000
    assert await again(database, WHOLE, first) == canonical(first)
    found = await crossing(database, first, second)
    assert {cause: of["credited_fen"] for cause, of in found.causes.items()} == {
        "late_rows": 50, "refunds": -300, "refunds_undone": 0, "payments_undone": 0, "corrections": 0,
        "grade_changes": 0,
    }  # fmt: skip
    assert set(found.unexplained.values()) == {0}


async def test_a_writer_that_commits_late_is_not_in_the_report_before_it(database: Database) -> None:
    """It wrote first and committed last: by its stamp it is older than the report, and yet nobody had seen it."""
    late = Sale(on=MARCH, fen=77)
    async with database.transaction() as session:
        session.add(frozen(late))
        await session.flush()
        await record(session, list(recognised(late)), now=clock.now())
        await enter(database, Sale(on=MARCH, fen=10))  # a younger transaction, committed before
        first = await published(database, WHOLE)
    second = await published(database, WHOLE)
    assert (first["totals"]["credited_fen"], second["totals"]["credited_fen"]) == (10, 87)
    assert await again(database, WHOLE, first) == canonical(first)
    found = await crossing(database, first, second)
    assert (found.causes["late_rows"]["credited_fen"], found.entries["late_rows"]) == (77, 1)
    assert found.unexplained["credited_fen"] == 0


async def test_new_names_and_new_parents_change_no_earlier_report(database: Database) -> None:
    bank = await unit(database, "BANK")
    branch = await unit(database, "BRANCH", under=bank)
    await enter(database, Sale(on=MARCH, fen=5, path=[branch, bank], unit_name="旧名支行（虚构）"))
    question = Question(WHOLE.since, WHOLE.until, ("unit", "producer", "supplier"), unit=bank)
    first = await published(database, question)
    async with database.transaction() as session:
        for statement in (
            "UPDATE unit SET name = '新名（虚构）'",
            "UPDATE unit_parent SET valid_to = valid_from + 1",
            "UPDATE county SET name = name || '市'",
        ):
            await session.execute(text(statement))
    assert await again(database, question, first) == canonical(first)
    assert (await published(database, question))["unit"]["name"] == "新名（虚构）"


async def test_names_of_a_union_stay_as_they_were_shown(database: Database) -> None:
    union = new_id()
    await named(database, union, "旧工会（虚构）")
    await enter(database, Sale(on=MARCH, fen=5, union=union))
    question = Question(WHOLE.since, WHOLE.until, ("union",))
    first = await published(database, question)
    async with database.transaction() as session:
        await session.execute(text("UPDATE labour_union SET name = '新工会（虚构）'"))
    second = await published(database, question)
    assert [one["rows"][0]["union"]["name"] for one in (first, second)] == ["旧工会（虚构）", "新工会（虚构）"]
    assert await again(database, question, first) == canonical(first)


async def named(database: Database, union: UUID, name: str) -> None:
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO labour_union (id, code, name, created_at) VALUES (:id, 'U', :name, now())"),
            {"id": union, "name": name},
        )


async def test_the_clock_set_back_loses_no_knowledge(database: Database) -> None:
    await enter(database, Sale(on=MARCH, fen=10))
    clock.set_ahead(clock.timedelta(days=40))
    first = await published(database, WHOLE)
    clock.set_ahead(clock.timedelta(0))
    await enter(database, Sale(on=MARCH, fen=1))
    second = await published(database, WHOLE)
    assert second["known_at"] > first["known_at"]
    assert (first["totals"]["credited_fen"], second["totals"]["credited_fen"]) == (10, 11)


async def test_reports_asked_at_once_are_each_reproducible(database: Database) -> None:
    await enter(database, Sale(on=MARCH, fen=10))

    async def buys() -> None:
        for fen in range(1, 8):
            await enter(database, Sale(on=MARCH, fen=fen))

    *reports, _ = await asyncio.gather(*(published_once(database) for _ in range(6)), buys())
    assert len({report["known_at"] for report in reports}) <= len(reports)
    for report in reports:
        assert await again(database, WHOLE, report) == canonical(report)


async def published_once(database: Database) -> dict[str, Any]:
    from orders.report.sales import sales  # noqa: PLC0415

    return (await sales(database, WHOLE, actor=None, now=clock.now())).published(KEY)


async def test_a_stranger_checks_a_report_and_finds_a_changed_digit(database: Database, tmp_path: Path) -> None:
    await enter(database, Sale(on=MARCH, fen=123_456))
    await seal_new(database, KEY, now=clock.now())
    report = await published(database, WHOLE)
    assert report["seal"]["number"] == 1
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report, ensure_ascii=False, indent=2))  # laid out anew: the same report
    assert stranger(file).returncode == 0
    assert "1,234.56" in stranger(file).stdout
    for old, new in (("123456", "123457"), ('"number": 1', '"number": 2'), (report["signature"][:8], "00000000")):
        file.write_text(json.dumps(report, ensure_ascii=False).replace(old, new))
        assert stranger(file).returncode == 1, old


def stranger(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", CHECKER, "report", file, "--public-key", KEY.public_hex]
    return subprocess.run(command, capture_output=True, text=True, check=False)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), st.integers(1, 10_000), st.sampled_from("ABCD"), st.sampled_from([None, "donated"])),
        st.tuples(st.just("refund"), st.integers(0, 20), st.integers(1, 100)),
        st.tuples(st.just("report")),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, where=st.sampled_from([CONGJIANG, HUNYUAN]))
async def test_every_report_of_a_history_comes_out_again(database: Database, steps: list[Any], where: Any) -> None:
    async with database.transaction() as session:  # one database for all examples: each in a year of its own
        taken = await session.scalar(text("SELECT count(DISTINCT order_id) FROM credit_entry"))
    await enter(database, Sale(on=MARCH, fen=1, place=where))
    reports = [await published(database, WHOLE)]
    sold: list[Sale] = []
    for number, (what, *facts) in enumerate(steps):
        if what == "sale":
            fen, grade, reason = facts
            sold.append(Sale(on=MARCH, fen=fen, grade=grade, reason=reason, place=where))
            await enter(database, sold[-1])
        elif what == "refund" and sold:
            which, percent = facts
            sale = sold[which % len(sold)]
            fen = sale.fen * percent // 100 // (len(steps) + 1)
            back = Given(on=clock.today(), fen=fen, id=derived_id("refund", taken, number))
            async with database.transaction() as session:
                rows = [one for one in recognised(replace_given(sale, back)) if one.kind == "refund"]
                await record(session, rows, now=clock.now())
        else:
            reports.append(await published(database, WHOLE))
    reports.append(await published(database, WHOLE))
    for report in reports:
        assert await again(database, WHOLE, report) == canonical(report)
    found = await crossing(database, reports[0], reports[-1])
    assert set(found.unexplained.values()) == {0}


def replace_given(sale: Sale, back: Given) -> Sale:
    from dataclasses import replace  # noqa: PLC0415

    return replace(sale, given=[back])
