"""The statements behind a sales report: over the entries, or over the rollup where that says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Text,
    Uuid,
    any_,
    case,
    cast,
    extract,
    func,
    literal,
    null,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlmodel import SQLModel

from catalog.county.models import DESIGNATION_KINDS
from orders.credit import models
from orders.report.question import Key, Question
from orders.report.visibility import Visibility
from shop.core import clock
from shop.core.commit_number import Snapshot
from shop.core.database import ReadSession

_TABLES = SQLModel.metadata.tables
_ENTRY, _ROLLUP, _YEARS, _DELTA = (
    _TABLES[str(table.__tablename__)]
    for table in (models.CreditEntry, models.CreditRollup, models.CreditRollupYear, models.CreditDelta)
)
_STEADY = ("lifted_out", "key_revitalisation", "provincial")

IDENTITY: Mapping[Key, str] = {
    "county": "county_code", "province": "province", "designation": "designation", "producer": "producer_id",
    "supplier": "supplier_id", "category": "category", "month": "month", "quarter": "quarter",
    "half_year": "half_year", "year": "year", "channel": "channel", "kind": "credit_kind", "scope": "scope",
    "fund_source": "fund_source", "unit": "unit_id", "union": "union_id", "campaign": "campaign_id",
}  # fmt: skip
"""What makes two entries fall into the same row."""
LABELS: Mapping[Key, tuple[str, ...]] = {
    "county": ("county_name", "province"), "producer": ("producer_name",), "supplier": ("supplier_name",),
    "unit": ("unit_name",),
}  # fmt: skip
"""Frozen names that go with it. One thing that bore two names in the period is one row, under the later name."""
_WITHIN_A_YEAR: frozenset[Key] = frozenset({"month", "quarter", "half_year"})
ROLLED_UP = frozenset({"county", "province", "month", "quarter", "half_year", "year", "kind"})
# Flags are few; what they stand on is read by its lines, not the other way round. One that was cleared flags nothing,
# nor one that ended, whatever was decided about it.
_FLAGGED = text("""
SELECT DISTINCT l.order_line_id FROM flag f JOIN flag_line l ON l.flag_id = f.id
WHERE pg_visible_in_snapshot(f.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot))
    AND pg_visible_in_snapshot(l.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot))
    AND NOT EXISTS (SELECT FROM flag_decision d WHERE d.flag_id = f.id AND d.outcome = 'cleared'
        AND pg_visible_in_snapshot(d.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot)))
    AND NOT EXISTS (SELECT FROM flag_end e WHERE e.flag_id = f.id
        AND pg_visible_in_snapshot(e.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot)))
""")
_SUMS = ("sale_fen", "refund_fen", "quantity_milli", "grams")


@dataclass(frozen=True, slots=True)
class Part:
    """Sums of one row's entries that stand alike. sale_fen and refund_fen are signed; standing as in the rollup."""

    identity: tuple[Any, ...]
    labels: tuple[Any, ...]
    last_month: int
    standing: str
    credit_kind: str
    sale_fen: int
    refund_fen: int
    quantity_milli: int
    grams: int


@dataclass(frozen=True, slots=True)
class People:
    """Distinct orders and persons with a headline sale in the period. identity None: of the whole report."""

    identity: tuple[Any, ...] | None
    orders: int
    participants: int


def can_use_rollup(question: Question, visibility: Visibility) -> bool:
    """Whether the rollup holds what is asked: whole months by day of the event, its keys, a unit that is a top."""
    finer = (
        question.known_at,
        question.scope,
        question.channel,
        question.fund_source,
        question.producer,
        question.campaign,
    )
    return (
        question.view == "event_day"
        and question.known_at is None
        and question.since.day == question.until.day == 1
        and ROLLED_UP.issuperset(question.group_by)
        and all(filter_ is None for filter_ in finer)
        and visibility.always_top
    )


async def parts(
    session: ReadSession,
    question: Question,
    visibility: Visibility,
    *,
    source: Literal["rollup", "entries"],
    limit: int,
    snapshot: str | None = None,
) -> list[Part]:
    """The sums, at most `limit` of them; the same from either source. Whole months and top units only for `rollup`.

    snapshot: only entries that it shows; for `entries` only, the rollup knows no past.
    """
    facts = _rolled(question, visibility) if source == "rollup" else entered(question, visibility, snapshot)
    identity = [facts.c[IDENTITY[key]] for key in question.group_by]
    labels = list(dict.fromkeys(facts.c[name] for key in question.group_by for name in LABELS.get(key, ())))
    by = list(dict.fromkeys([*identity, *labels, facts.c.standing, facts.c.credit_kind]))
    sums = [cast(func.sum(facts.c[name]), BigInteger).label(name) for name in _SUMS]
    rows = await session.execute(
        select(*by, func.max(facts.c.month).label("last_month"), *sums).group_by(*by).limit(limit)
    )
    return [
        Part(
            tuple(row[column.key] for column in identity),
            tuple(row[column.key] for column in labels),
            **{name: row[name] for name in ("last_month", "standing", "credit_kind", *_SUMS)},
        )
        for row in rows.mappings()
    ]


def label_names(group_by: tuple[Key, ...]) -> list[str]:
    """The names in `Part.labels`, in their order."""
    return list(dict.fromkeys(name for key in group_by for name in LABELS.get(key, ())))


async def flagged(
    session: ReadSession, question: Question, visibility: Visibility, *, snapshot: str
) -> dict[tuple[Any, ...] | None, int]:
    """Credited fen under a flag that was neither cleared nor over in that snapshot, by row; None: of all together."""
    lines = (await session.execute(_FLAGGED, {"snapshot": snapshot})).scalars().all()
    if not lines:
        return {}
    facts = entered(question, visibility, snapshot, lines)
    identity = [facts.c[IDENTITY[key]] for key in question.group_by]
    total = cast(func.coalesce(func.sum(facts.c.sale_fen + facts.c.refund_fen), 0), BigInteger)  # one row without keys
    rows = await session.execute(select(*identity, total).where(facts.c.standing == "headline").group_by(*identity))
    found: dict[tuple[Any, ...] | None, int] = {tuple(row[:-1]): row[-1] for row in rows}
    return found | {None: sum(found.values())}


async def people(
    session: ReadSession, question: Question, visibility: Visibility, *, snapshot: str | None = None
) -> list[People]:
    """Of each row and, with identity None, of all rows together: who bought in two counties is one person in sum.

    Whose goods were corrected or proven better is counted where they stand now; whose whole payment was taken back
    in the period is not counted; refunds alone count nobody out.
    """
    facts = entered(question, visibility, snapshot)
    identity = [facts.c[IDENTITY[key]] for key in question.group_by]
    bought = (
        select(*identity, facts.c.order_id, facts.c.person_id)
        .where(facts.c.standing == "headline")
        .group_by(*identity, facts.c.order_id, facts.c.person_id)
        .having(
            func.bool_or(facts.c.kind.in_(models.BOUGHT_KINDS)),
            or_(
                func.sum(facts.c.sale_fen + facts.c.refund_fen) != 0,
                ~func.bool_or(facts.c.kind.in_(models.TAKEN_KINDS)),
            ),
        )
        .subquery("bought")
    )
    counts = (
        func.count(bought.c.order_id.distinct()).label("orders"),
        func.count(bought.c.person_id.distinct()).label("participants"),
    )
    if not identity:
        row = (await session.execute(select(*counts))).one()
        return [People(None, row.orders, row.participants), People((), row.orders, row.participants)]
    keys = [bought.c[column.key] for column in identity]
    asked = select(*keys, func.grouping(keys[0]).label("is_total"), *counts).group_by(
        func.grouping_sets(tuple_(*keys), tuple_())
    )
    return [
        People(None if row.is_total else tuple(row[: len(keys)]), row.orders, row.participants)
        for row in await session.execute(asked)
    ]


def entered(
    question: Question,
    visibility: Visibility,
    snapshot: str | None = None,
    lines: Sequence[UUID] | None = None,
    unseen_by: str | None = None,
) -> Subquery:
    """Every entry that is asked about, with the columns that this report groups by, and those that are summed.

    snapshot: of these only what it shows; lines: of these order lines only; unseen_by: only what that snapshot does
    not show.
    """
    e = _ENTRY.c
    scope = _scope(visibility.unit_id) if question.scope or "scope" in question.group_by else null()
    grouped = {IDENTITY[key] for key in question.group_by} | set(label_names(question.group_by))
    keys = [
        column
        for column in (
            *(_TIMES_OF_SALE if question.view == "sale_day" else _TIMES_OF_EVENT),
            scope.label("scope"),
            *_KEYS,
        )
        if column.key in grouped or column.key == "month"
    ]
    found = select(*keys, *_SUMMED).where(*_period(question))
    requested: dict[ColumnElement[Any], Any] = {
        e.credit_kind: question.kind, e.channel: question.channel, e.fund_source: question.fund_source,
        e.county_code: question.county, e.producer_id: question.producer, e.campaign_id: question.campaign,
    }  # fmt: skip
    found = found.where(*(column == value for column, value in requested.items() if value is not None))
    if question.scope:
        found = found.where(scope == question.scope)
    if snapshot is not None:
        found = found.where(_shown_by(snapshot))
    if unseen_by is not None:
        found = found.where(~_shown_by(unseen_by))
    if lines is not None:
        found = found.where(e.order_line_id == any_(cast(list(lines), ARRAY(Uuid))))
    if visibility.unit_id:
        found = found.where(literal(visibility.unit_id, Uuid) == any_(e.unit_path))
    return _within(found, e.county_code, visibility).subquery("facts")


def _times(month: ColumnElement[int]) -> tuple[ColumnElement[Any], ...]:
    """202611 → 202611, 20264, 20262, 2026: numbers that sort and group as they are."""
    year, number = month // 100, month % 100
    return (
        month.label("month"),
        (year * 10 + (number + 2) // 3).label("quarter"),
        (year * 10 + (number + 5) // 6).label("half_year"),
        year.label("year"),
    )


def _designation() -> ColumnElement[str | None]:
    """Every kind that was valid on the placement day, in a fixed order, joined: each entry is in exactly one row."""
    held = _ENTRY.c.designations
    return func.nullif(
        func.concat_ws("+", *(case((literal(kind) == any_(held), kind)) for kind in DESIGNATION_KINDS)), ""
    )


def _shown_by(snapshot: str) -> ColumnElement[bool]:
    return func.pg_visible_in_snapshot(_ENTRY.c.xid, cast(literal(snapshot, Text), Snapshot()), type_=Boolean)


def _rolled(question: Question, visibility: Visibility) -> Subquery:
    """The rollup and what is not folded into it yet, in one statement: exact to the commit."""
    first, last = _months(question)
    unfolded = (_DELTA, _DELTA.c.period_month, _DELTA.c.period_month.between(first, last))
    if question.since.month == question.until.month == 1 and not _WITHIN_A_YEAR.intersection(question.group_by):
        years = _YEARS.c.year.between(first // 100, last // 100)
        sources = ((_YEARS, _YEARS.c.last_month, years), unfolded)
    else:
        months = _ROLLUP.c.period_month
        sources = ((_ROLLUP, months, months.between(first, last)), unfolded)
    halves = []
    for table, month, period in sources:
        c = table.c
        half = select(
            *_times(month), c.county_code, c.county_name, c.province, c.credit_kind, c.standing,
            *(c[name] for name in _SUMS),
        ).where(period)  # fmt: skip
        if visibility.unit_id:
            half = half.where(c.top_unit_id == visibility.unit_id)
        if question.kind:
            half = half.where(c.credit_kind == question.kind)
        if question.county:
            half = half.where(c.county_code == question.county)
        halves.append(_within(half, c.county_code, visibility))
    return union_all(*halves).subquery("facts")


def _within(
    found: Select[*tuple[Any, ...]], county_code: ColumnElement[str], visibility: Visibility
) -> Select[*tuple[Any, ...]]:
    return found if visibility.counties is None else found.where(county_code.in_(sorted(visibility.counties)))


def _months(question: Question) -> tuple[int, int]:
    """First and last accounting month of the period."""
    return clock.month_of(question.since), clock.month_of(question.until - timedelta(days=1))


def _period(question: Question) -> tuple[ColumnElement[bool], ...]:
    """The days asked for, with the months beside them, so that PostgreSQL opens only the partitions it needs."""
    e = _ENTRY.c
    first, last = _months(question)
    if question.view == "sale_day":  # what happened to a sale happened in its month or later
        return (e.sale_on >= question.since, e.sale_on < question.until, e.period_month >= first)
    return (e.occurred_on >= question.since, e.occurred_on < question.until, e.period_month.between(first, last))


def _scope(unit_id: UUID | None) -> ColumnElement[str | None]:
    """DOMAIN rule 3, from frozen facts: paired with the unit asked about or with one that stood above it then.

    A descendant's own pairing makes the county an assisted one, but not a designated one of its head office.
    """
    e = _ENTRY.c
    top = func.cardinality(e.unit_path)
    start = func.array_position(e.unit_path, literal(unit_id, Uuid)) if unit_id else top
    return case(
        (e.pairing_unit_ids.bool_op("&&")(e.unit_path[start:top]), "designated"),
        *((literal(kind) == any_(e.designations), "other_assisted") for kind in _STEADY),
        (literal("emergency") == any_(e.designations), "emergency"),
        (e.pairing_unit_ids.bool_op("&&")(e.unit_path), "other_assisted"),
        else_=null(),
    )


def _summed() -> tuple[ColumnElement[Any], ...]:
    e = _ENTRY.c
    refund = e.kind.in_(models.REFUND_KINDS)
    return (
        e.credit_kind, e.order_id, e.person_id, e.kind,
        case((~e.counted, e.not_counted_reason), (e.grade == "D", "unverified"), else_="headline").label("standing"),
        case((refund, 0), else_=e.amount_fen).label("sale_fen"),
        case((refund, e.amount_fen), else_=0).label("refund_fen"),
        e.quantity_milli, e.grams,
    )  # fmt: skip


# Built once: putting them together anew cost more than the rollup's own answer.
_SALE_ON = _ENTRY.c.sale_on
_TIMES_OF_EVENT = _times(_ENTRY.c.period_month)
_TIMES_OF_SALE = _times(cast(extract("year", _SALE_ON) * 100 + extract("month", _SALE_ON), Integer))
_KEYS = (
    *(_ENTRY.c[name] for name in (
        "county_code", "county_name", "province", "producer_id", "producer_name", "supplier_id", "supplier_name",
        "category", "channel", "fund_source", "unit_id", "unit_name", "union_id", "campaign_id",
    )),
    _designation().label("designation"),
)  # fmt: skip
_SUMMED = _summed()
