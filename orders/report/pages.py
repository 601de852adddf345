"""The report for programme staff, at `/staff/reports`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from orders.report import words
from orders.report.api import parameters_of
from orders.report.columns import COLUMNS, Figures
from orders.report.publish import code_of, publish
from orders.report.question import Key, Question, read_question
from orders.report.sales import SalesReport, sales
from orders.report.visibility import units_to_choose
from orders.seal.key import seal_key
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.errors import Problem
from shop.core.requests import TheDatabase, TheSettings
from shop.ui.charts import StackedBar, stacked_bar_chart
from shop.ui.filters import wan
from shop.ui.pages import render

ADDRESS, API = "/staff/reports", "/api/v1/reports/sales"
BARS_MAX = 15
_IN_TIME: frozenset[Key] = frozenset({"month", "quarter", "half_year", "year"})
GROUPINGS = (
    ("county", "按县"), ("month", "按月"), ("county,month", "按县和月"), ("province", "按省份"), ("quarter", "按季度"),
    ("scope", "按帮扶范围"), ("designation", "按帮扶类别"), ("producer", "按生产者"), ("supplier", "按供应商"),
    ("category", "按品类"), ("unit", "按单位"), ("unit,county", "按单位和县"), ("kind", "按购买/帮销"),
    ("fund_source", "按资金来源"), ("union", "按工会"), ("channel", "按渠道"), ("campaign", "按活动"),
)  # fmt: skip

routes = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Chart:
    svg: str
    caption: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


@routes.get(ADDRESS)
async def get_reports(
    request: Request,
    actor: Annotated[Actor, Depends(requires(Permission.REPORT_READ))],
    database: TheDatabase,
    settings: TheSettings,
) -> HTMLResponse:
    """The form and, below it, its answer; what is wrong with a condition stands beside its field."""
    now = clock.now()
    today = clock.business_day(now)
    async with database.reading() as session:
        units = await units_to_choose(session, actor=actor, day=today)
    asked = {"from": str(date(today.year, 1, 1)), "to": str(date(today.year + 1, 1, 1)), "group_by": "county"}
    report, problem, document = None, None, None
    try:
        asked |= {name: value for name, value in parameters_of(request).items() if name != "format"}
        asked = _with_a_unit(asked, actor, units)
        report = await sales(database, read_question(asked), actor=actor, now=now)
        document = await publish(database, report, seal_key(settings), by=actor.user_id, now=now)
    except Problem as refused:
        problem = refused
    return render(
        request,
        "report/sales.html",
        status=problem.status if problem else 200,
        asked=asked,
        chosen=chosen(asked),
        units=units,
        presets=presets(asked, today),
        report=report,
        document=document,
        code=code_of(document["digest"]) if document else "",
        json_address=f"{API}?{urlencode({**asked, 'known_at': again(document)})}" if document else "",
        problem=problem,
        nearest=nearest(problem, asked),
        errors={error.pointer.removeprefix("/"): error.detail for error in problem.errors} if problem else {},
        words=words,
        columns=COLUMNS,
        read=datetime.fromisoformat,
        groupings=GROUPINGS,
        chart=chart(report) if report else None,
        csv_address=f"{API}?{urlencode({**asked, 'format': 'csv'})}",
        last_day=report and date.fromordinal(report.question.until.toordinal() - 1),
    )


def again(document: Mapping[str, str]) -> str:
    """The moment to ask the same report with."""
    return document.get("known_at_asked", document["known_at"])


def nearest(problem: Problem | None, asked: Mapping[str, str]) -> list[tuple[datetime, str]]:
    """(moment, address) of what can be asked instead of a moment of which nothing is known."""
    moments = problem.extra.get("nearest", {}).values() if problem else ()
    return [
        (datetime.fromisoformat(moment), f"{ADDRESS}?{urlencode({**asked, 'known_at': moment})}")
        for moment in moments
        if moment
    ]


def _with_a_unit(asked: dict[str, str], actor: Actor, units: list[tuple[UUID, str]]) -> dict[str, str]:
    """Who answers for several units begins with the first of them; the form shows which."""
    roots = {grant.scope_id for grant in actor.scopes(Permission.REPORT_READ) if grant.scope_kind == "unit"}
    everything = any(grant.scope_kind == "all" for grant in actor.scopes(Permission.REPORT_READ))
    if asked.get("unit") or everything or len(roots) < 2:
        return asked
    first = next((unit_id for unit_id, _ in units if str(unit_id) in roots), None)
    return asked if first is None else asked | {"unit": str(first)}


def chosen(asked: Mapping[str, str]) -> dict[str, str]:
    """What each field of the form shows."""
    fields = ("from", "to", "group_by", "kind", "scope", "fund_source", "unit", "view", "county", "known_at")
    return {name: asked.get(name, "") for name in fields}


def presets(asked: Mapping[str, str], today: date) -> list[tuple[str, str, bool]]:
    """(words, address, whether it is the period shown) of this month, quarter and year, and the year before."""
    quarter = (today.month - 1) // 3 * 3 + 1
    spans = (
        ("本月", _first(today.year, today.month), _first(today.year, today.month + 1)),
        ("本季度", _first(today.year, quarter), _first(today.year, quarter + 3)),
        ("本年", _first(today.year, 1), _first(today.year + 1, 1)),
        ("上一年", _first(today.year - 1, 1), _first(today.year, 1)),
    )
    found = []
    for name, since, until in spans:
        period = {"from": str(since), "to": str(until)}
        query = urlencode({name: value for name, value in {**asked, **period}.items() if value})
        found.append((name, f"{ADDRESS}?{query}", period.items() <= asked.items()))
    return found


def _first(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def chart(report: SalesReport) -> Chart | None:
    """Direct purchases and assisted sales by the first key: months in their order, all else by the largest figure."""
    question: Question = report.question
    if not question.group_by or not report.rows:
        return None
    key = question.group_by[0]
    sums: dict[str, Figures] = {}
    for row in report.rows:
        of = sums.setdefault(" ".join(words.cells(key, row.keys[key])), Figures())
        of.direct_purchase_fen += row.figures.direct_purchase_fen
        of.assisted_sale_fen += row.figures.assisted_sale_fen
    bars = list(sums.items())
    if key not in _IN_TIME:
        bars.sort(key=lambda bar: -bar[1].credited_fen)
    shown = bars[:BARS_MAX] if key not in _IN_TIME else bars[-24:]
    name = words.HEADS[key][0]
    caption = f"{name}：直接购买与帮助销售（万元）" + (
        f"，共 {len(bars)} 项，图示 {len(shown)} 项" if len(shown) < len(bars) else ""
    )
    series = (words.KINDS["direct_purchase"], words.KINDS["assisted_sale"])
    svg = stacked_bar_chart(caption, series, [_bar(label, of) for label, of in shown], "万元")
    rows = [(label, *_wan((of.direct_purchase_fen, of.assisted_sale_fen, of.credited_fen))) for label, of in shown]
    return Chart(svg, caption, (name, *series, "合计"), rows)


def _bar(label: str, of: Figures) -> StackedBar:
    name = label.partition(" ")[0]
    return StackedBar(name, (of.direct_purchase_fen, of.assisted_sale_fen), wan(of.credited_fen, unit=False))


def _wan(amounts: Iterable[int]) -> Iterable[str]:
    return (wan(fen, unit=False) for fen in amounts)
