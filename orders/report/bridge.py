"""Why two reports of one question differ: what was learned between two moments, by kind, with nothing left over."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, cast, func, select

from orders.report.figures import entered
from orders.report.knowledge import known_at
from orders.report.question import Question
from orders.report.sales import SalesReport, sales
from orders.report.visibility import Visibility, visibility_of
from orders.seal.header import stamp
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Detail, Invalid

CAUSES = ("late_rows", "refunds", "refunds_undone", "payments_undone", "corrections", "grade_changes")
_CAUSE_OF = {
    "sale": "late_rows", "refund": "refunds", "reversal": "corrections", "repost": "corrections",
    "regrade_out": "grade_changes", "regrade_in": "grade_changes", "refund_undone": "refunds_undone",
    "payment_undone": "payments_undone",
}  # fmt: skip
"""A sale that was recorded between the two moments, for a day of the period, is a late row of it."""
_STANDINGS = ("credited_fen", "unverified_fen", "not_counted_fen")


@dataclass(frozen=True, slots=True)
class Bridge:
    """Figures in fen at both moments, and by cause what lies between. unexplained: what the causes leave over: 0."""

    first: dict[str, Any]
    second: dict[str, Any]
    causes: dict[str, dict[str, int]]
    entries: dict[str, int]
    unexplained: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "second": self.second,
            "causes": [{"cause": cause, "entries": self.entries[cause], **self.causes[cause]} for cause in CAUSES],
            "unexplained": self.unexplained,
        }


async def bridge(
    database: Database, question: Question, *, until: datetime, actor: Actor | None, now: datetime
) -> Bridge:
    """The question as known at its `known_at`, and as known at `until`; each figure is the report's own.

    The causes are added up from the entries between the two, apart from the reports, so that the remainder says
    something. Each end prints its tick, and the moment asked for where that is another. Raises what `sales` raises, and
    Invalid when the moments stand the wrong way round.
    """
    if question.known_at is None or question.known_at > until:
        raise Invalid("请给出两个知悉时间，先早后晚。", [Detail("/known_at_2", "moments_reversed", "应晚于 known_at")])
    before, after = await known_at(database, question.known_at), await known_at(database, until, name="known_at_2")
    earlier = await sales(database, replace(question, group_by=()), actor=actor, now=now)
    later = await sales(database, replace(question, group_by=(), known_at=until), actor=actor, now=now)
    async with database.snapshot() as session:
        visibility = await visibility_of(session, unit=question.unit, actor=actor, day=clock.business_day(now))
        learned = await _learned(session, question, visibility, before.snapshot, after.snapshot)
        # Before there were ticks, of reports asked at once the one that looked first could be kept last.
        unlearned = await _learned(session, question, visibility, after.snapshot, before.snapshot)
    causes = {cause: dict.fromkeys(_STANDINGS, 0) for cause in CAUSES}
    entries = dict.fromkeys(CAUSES, 0)
    for sign, found in ((1, learned), (-1, unlearned)):
        for kind, standing, fen, count in found:
            causes[_CAUSE_OF[kind]][standing] += sign * fen
            entries[_CAUSE_OF[kind]] += count
    first, second = _figures(earlier), _figures(later)
    unexplained = {name: second[name] - first[name] - sum(of[name] for of in causes.values()) for name in _STANDINGS}
    return Bridge(_side(earlier), _side(later), causes, entries, unexplained)


def _figures(report: SalesReport) -> dict[str, int]:
    return {
        "credited_fen": report.totals.credited_fen,
        "unverified_fen": report.totals.unverified_fen,
        "not_counted_fen": sum(report.not_counted.values()),
    }


def _side(report: SalesReport) -> dict[str, Any]:
    return {
        "known_at": stamp(report.known.at),
        **report.known_at_asked,
        **_figures(report),
        "recognised_fen": report.recognised_fen,
    }


async def _learned(
    session: ReadSession, question: Question, visibility: Visibility, before: str, after: str
) -> list[tuple[str, str, int, int]]:
    """(kind of entry, figure it moved, fen, entries) of what the later snapshot shows and the earlier does not."""
    facts = entered(question, visibility, after, unseen_by=before)
    total = cast(func.sum(facts.c.sale_fen + facts.c.refund_fen), BigInteger)
    by = (facts.c.kind, facts.c.standing)
    rows = await session.execute(select(*by, total, func.count()).group_by(*by))
    named = {"headline": "credited_fen", "unverified": "unverified_fen"}
    return [(kind, named.get(of, "not_counted_fen"), fen, count) for kind, of, fen, count in rows]
