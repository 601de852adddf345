"""What must be true of the ledger after a history: it says what the paper says, and so does every report."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from random import Random
from typing import Any, Final, TypeVar

from sqlalchemy import text

from orders.credit.check import differences
from orders.credit.models import REFUND_SIDE
from orders.explanation.explain import explain
from orders.report.bridge import bridge
from orders.report.question import Question
from orders.report.sales import sales
from orders.seal.canonical import canonical
from orders.seal.seal import seal_new
from orders.seal.verify import verify
from shop.core import clock
from shop.core.database import Database
from shop.core.money import half_up
from tests.make.ledger_history import published
from tests.make.ledger_paper import NOTHING, Amount, Written, sums, told
from tests.make.ledger_stage import AFTER, FIRST, QUESTIONS, History
from tests.make.report import KEY, again

_ENTRIES = text(f"""
SELECT component_id, period_month, (extract(year FROM sale_on) * 100 + extract(month FROM sale_on))::int AS sale_month,
    kind IN {REFUND_SIDE} AS refund, grade, CASE WHEN NOT counted THEN not_counted_reason
        WHEN grade = 'D' THEN 'unverified' ELSE 'headline' END AS standing,
    county_code, county_name, producer_name, unit_name, unit_path, credit_kind,
    sum(amount_fen)::bigint AS fen, sum(grams)::bigint AS grams, sum(quantity_milli)::bigint AS milli
FROM credit_entry WHERE order_line_id = ANY(CAST(:lines AS uuid[])) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
""")
_ROLLED = text("""
SELECT top_unit_id, period_month, county_code, county_name, credit_kind, standing, sum(sale_fen)::bigint,
    sum(refund_fen)::bigint, sum(quantity_milli)::bigint, sum(grams)::bigint
FROM (SELECT top_unit_id, period_month, county_code, county_name, credit_kind, standing, sale_fen, refund_fen,
        quantity_milli, grams FROM credit_rollup WHERE top_unit_id = ANY(CAST(:units AS uuid[]))
    UNION ALL SELECT top_unit_id, period_month, county_code, county_name, credit_kind, standing, sale_fen, refund_fen,
        quantity_milli, grams FROM credit_delta WHERE top_unit_id = ANY(CAST(:units AS uuid[]))) both_of_them
GROUP BY 1, 2, 3, 4, 5, 6
""")


One = TypeVar("One")
ASKED_AGAIN: Final = 4
"""Of a history's earlier reports and moments so many are asked about; which ones, its own steps decide."""


async def proven(history: History) -> None:
    """Every identity of the ledger, for what this history entered."""
    await _entries_are_the_paper(history)
    await _rollup_is_the_paper(history)
    await _reports_say_it(history)
    await _earlier_reports_come_out_again(history)
    await _moments_say_what_was_written(history)
    await _explained(history)


async def proven_whole(database: Database) -> None:
    """After all histories: rollup and entries agree, and every seal holds."""
    async with database.reading() as session:
        assert await differences(session) == []
    await seal_new(database, KEY, now=clock.now())
    seen = await verify(database, public_keys=[KEY.public_hex])
    assert (seen.differences, seen.unsealed) == ((), 0)


async def _entries_are_the_paper(history: History) -> None:
    lines = list({one.line for one in history.paper.components})
    async with history.database.reading() as session:
        rows = (await session.execute(_ENTRIES, {"lines": lines})).all()
    found: dict[tuple[object, ...], Amount] = {}
    for row in rows:
        amount = Amount(row.fen, row.grams, row.milli)
        if amount:
            found[(*row[:10], tuple(row.unit_path), row.credit_kind)] = amount
    assert found == sums(history.paper.written)
    for one in history.paper.components:
        assert sum((found[key] for key in found if key[0] == one.id), NOTHING) == one.stated


async def _rollup_is_the_paper(history: History) -> None:
    expected: dict[tuple[Any, ...], list[int]] = {}
    for one in history.paper.written:
        facts = one.facts
        key = (facts.path[-1], one.month, facts.county, facts.county_name, facts.kind, facts.standing(one.grade))
        sale, refund, milli, grams = expected.get(key, [0, 0, 0, 0])
        fen = one.amount.fen
        expected[key] = [
            sale + (0 if one.refund else fen),
            refund + (fen if one.refund else 0),
            milli + one.amount.milli,
            grams + one.amount.grams,
        ]
    async with history.database.reading() as session:
        rows = (await session.execute(_ROLLED, {"units": history.units})).all()
    assert {tuple(row[:6]): list(row[6:]) for row in rows} == expected


async def _reports_say_it(history: History) -> None:
    for place, question in enumerate(QUESTIONS):
        report = await published(history, place)
        asked = [one for one in history.paper.written if _is_asked(history, one, question)]
        said, totals = told(asked), report["totals"]
        assert totals["direct_purchase_fen"] == said.by_kind["direct_purchase"]
        assert totals["assisted_sale_fen"] == said.by_kind["assisted_sale"]
        assert totals["unverified_fen"] == said.by_standing["unverified"]
        assert totals["refunded_fen"] == said.refunded_fen
        assert (totals["grams"], totals["quantity"]) == (said.grams, half_up(said.milli, 1_000))
        reasons = Counter({one["reason"]: one["amount_fen"] for one in report["not_counted"]})
        assert reasons == Counter(_reasons(said.by_standing))
        assert report["recognised_fen"] == sum(one.amount.fen for one in asked)
        again = sorted(month for top, month in history.paper.reopened if top == history.units[0])
        assert [one["month"] for one in report.get("reopened", [])] == [f"{m // 100}-{m % 100:02}" for m in again]
        for name in ("credited_fen", "unverified_fen", "refunded_fen", "grams"):
            assert sum(row[name] for row in report["rows"]) == totals[name]


def _is_asked(history: History, one: Written, question: Question) -> bool:
    month = one.sale_month if question.view == "sale_day" else one.month
    return history.units[0] in one.facts.path and clock.month_of(FIRST) <= month < clock.month_of(AFTER)


def _reasons(by_standing: Mapping[str, int]) -> dict[str, int]:
    return {name: fen for name, fen in by_standing.items() if name not in {"headline", "unverified"}}


async def _earlier_reports_come_out_again(history: History) -> None:
    """To the byte; and between the first one and the last of the same question nothing is unexplained."""
    for question, report in _some(history, history.reports[:-1]):  # the last one was made just now
        assert await again(history.database, question, report) == canonical(report)
    view = history.reports[0][0].view
    known = [_moment(report) for asked, report in history.reports if asked.view == view]
    asked = replace(history.reports[0][0], known_at=known[0])
    found = await bridge(history.database, asked, until=known[-1], actor=None, now=max(known[-1], clock.now()))
    assert set(found.unexplained.values()) == {0}


async def _moments_say_what_was_written(history: History) -> None:
    """At any moment, asked about for the first time now, the report says what stood on paper then."""
    for number, (moment, lines) in enumerate(_some(history, history.moments)):
        question = replace(QUESTIONS[number % 2], unit=history.units[0], known_at=moment)
        report = await sales(history.database, question, actor=None, now=clock.now())
        said = told(one for one in history.paper.written[:lines] if _is_asked(history, one, question))
        totals = report.totals
        assert totals.credited_fen == sum(said.by_kind.values())
        assert totals.unverified_fen == said.by_standing["unverified"]
        assert (totals.refunded_fen, totals.grams) == (said.refunded_fen, said.grams)
        assert Counter(report.not_counted) == Counter(_reasons(said.by_standing))
        if number == 0:
            again = await sales(history.database, question, actor=None, now=clock.now())
            assert canonical(again.published(KEY)) == canonical(report.published(KEY))


def _some(history: History, of: Sequence[One]) -> list[One]:
    return Random(len(history.paper.written)).sample(of, min(len(of), ASKED_AGAIN))


def _moment(report: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(report["known_at"])


async def _explained(history: History) -> None:
    """Whoever asks why is told the facts that hold, what they took the place of, and what stands in which grade."""
    line = max(history.paper.components, key=lambda one: one.version).line
    async with history.database.reading() as session:
        found = await explain(session, history.stage.first, order_line_id=line, day=date(2026, 1, 1))
    said = {one.component_id: one for one in found.components}
    for one in history.paper.of_line(line):
        told_of = said[one.id]
        facts, holds = one.facts, told_of.attribution
        assert (holds.county_code, holds.county_name) == (facts.county, facts.county_name)
        assert (holds.producer_name, holds.unit_id) == (facts.producer_name, facts.path[0])
        assert (holds.credit_kind, holds.not_counted_reason) == (facts.kind, facts.reason)
        assert len(told_of.corrected) == one.version
        assert told_of.amount_fen == one.stated.fen
        assert told_of.grades == _by_grade(one.remains.items())
        standings = {facts.standing(grade) in {"headline", "unverified"} for grade, _ in one.remains}
        if len(standings) == 1:
            assert told_of.counted == standings.pop()


def _by_grade(remains: Iterable[tuple[tuple[str, date], Amount]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (grade, _), amount in remains:
        found[grade] += amount.fen
    return {grade: fen for grade, fen in sorted(found.items()) if fen}
