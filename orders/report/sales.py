"""The sales-assisted report: what was credited, to whom, and what was not counted and why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlmodel import col

from catalog.campaign.models import Campaign
from orders.credit.models import NOT_COUNTED_REASONS
from orders.month.models import SHOP
from orders.report.columns import Figures
from orders.report.figures import Part, People, can_use_rollup, flagged, label_names, parts, people
from orders.report.knowledge import known_at, names_then, show_names
from orders.report.question import Key, Question
from orders.report.reopened import Reopened, reopened
from orders.report.tick import Known, keep
from orders.report.visibility import Visibility, visibility_of
from orders.seal.header import stamp
from orders.seal.key import SealKey
from orders.seal.queries import seal_numbered
from orders.seal.report_signature import signed
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Detail, Problem
from shop.organisation.models import Union, Unit

PARTS_MAX = 60_000
"""Sums that one report may hold: each row has two or three."""
_TIMES: Mapping[Key, Callable[[int], str]] = {
    "month": lambda number: f"{number // 100:04}-{number % 100:02}",
    "quarter": lambda number: f"{number // 10:04}-Q{number % 10}",
    "half_year": lambda number: f"{number // 10:04}-H{number % 10}",
    "year": lambda number: f"{number:04}",
}


class ReportTooLarge(Problem):
    status = 422
    code = "report_too_large"
    title = "报表过大"


@dataclass(slots=True)
class ReportRow:
    """keys: as JSON, in the order of the question's `group_by`."""

    keys: dict[str, Any]
    figures: Figures = field(default_factory=Figures)


@dataclass(frozen=True, slots=True)
class SalesReport:
    """Rows sorted by their keys. not_counted: reason → fen, net of refunds, only reasons that occurred.

    known: the moment whose knowledge this is; seal: the last one then, as its public JSON. reopened: months of the
    period that were closed and opened again until then; unit_names: of those whose months these are.
    """

    question: Question
    visibility: Visibility
    known: Known
    seal: dict[str, Any] | None
    rows: list[ReportRow]
    totals: Figures
    not_counted: dict[str, int]
    reopened: list[Reopened]
    unit_names: Mapping[UUID, str]

    @property
    def recognised_fen(self) -> int:
        return self.totals.credited_fen + self.totals.unverified_fen + sum(self.not_counted.values())

    @property
    def known_at_asked(self) -> dict[str, str]:
        """The moment that was asked for, where another one answers. It is part of the document, so it is signed."""
        return {"known_at_asked": stamp(self.known.asked)} if self.known.asked else {}

    def published(self, key: SealKey) -> dict[str, Any]:
        """The document of OUTSIDE with its stamps, digest and signature: the API and the command line give the same.

        Asked again with its own `known_at`, it is the same to the byte; where it was asked for between two ticks, it
        prints that moment too, and is the same to the byte when asked with that.
        """
        unit = self.visibility.unit_id and {"id": self.visibility.unit_id, "name": self.visibility.unit_name}
        balanced_at = self.known.balanced_as_of
        document = {
            "period": {"from": self.question.since, "to": self.question.until},
            "view": self.question.view,
            "filters": self.question.filters,
            "unit": unit,
            "known_at": stamp(self.known.at),
            **self.known_at_asked,
            "group_by": self.question.group_by,
            "rows": [row.keys | row.figures.as_json() for row in self.rows],
            "totals": self.totals.as_json(),
            "not_counted": [{"reason": reason, "amount_fen": fen} for reason, fen in self.not_counted.items()],
            "recognised_fen": self.recognised_fen,
            "balanced_as_of": balanced_at and stamp(balanced_at),
            "seal": self.seal,
        }
        if self.reopened:  # a report that stands on no such month is, to the byte, what it was before there were any
            document["reopened"] = [self._as_json(one) for one in self.reopened]
        return signed(msgspec.to_builtins(document), key)

    def _as_json(self, one: Reopened) -> dict[str, Any]:
        unit = None if one.unit_id == SHOP else {"id": one.unit_id, "name": self.unit_names.get(one.unit_id, "")}
        return {"unit": unit, "month": _TIMES["month"](one.month), "at": stamp(one.at), "reason": one.reason}


async def sales(
    database: Database,
    question: Question,
    *,
    actor: Actor | None,
    now: datetime,
    source: Literal["quickest", "entries"] = "quickest",
) -> SalesReport:
    """Answer a question from one moment's entries. actor None: the operator at the command line.

    source: `entries` leaves the rollup aside; the figures are the same. Raises NotFound, UnitRequired, NotAllowed
    (see visibility.py), ReportTooLarge, NotKnownYet and NothingKnownThen (see knowledge.py).
    """
    then = await known_at(database, question.known_at) if question.known_at else None
    async with database.snapshot() as session:
        known = then or await keep(database, session)
        past = then.snapshot if then else None  # what is known now needs no look at each entry's transaction
        visibility = await visibility_of(session, unit=question.unit, actor=actor, day=clock.business_day(now))
        rollup = source == "quickest" and can_use_rollup(question, visibility)
        found = await parts(
            session, question, visibility, source="rollup" if rollup else "entries", limit=PARTS_MAX + 1, snapshot=past
        )
        if len(found) > PARTS_MAX:
            raise ReportTooLarge(
                "结果行数太多，请缩短期间、减少分组项或加上筛选条件。",
                [Detail("/group_by", ReportTooLarge.code, "请减少分组项")],
            )
        counted = {one.identity: one for one in await people(session, question, visibility, snapshot=past)}
        under_flags = await flagged(session, question, visibility, snapshot=known.snapshot)
        again = await reopened(session, question, visibility, snapshot=known.snapshot)
        names = await _names(session, question.group_by, found, visibility, again)
        names = await names_then(session, names, known.at) if then else names
    await show_names(database, names, known.at)
    async with database.reading() as session:
        seal = await seal_numbered(session, known.seal_number)
    visibility = (
        replace(visibility, unit_name=names.get(visibility.unit_id, visibility.unit_name))
        if visibility.unit_id
        else visibility
    )
    totals, not_counted = Figures(), dict.fromkeys(NOT_COUNTED_REASONS, 0)
    seen = {part.standing for part in found}
    groups: dict[tuple[Any, ...], list[Part]] = {}
    for part in found:
        if part.standing in not_counted:
            not_counted[part.standing] += part.sale_fen + part.refund_fen
        else:
            totals.add(part)
            groups.setdefault(part.identity, []).append(part)
    totals.count(counted.get(None))
    totals.flagged_fen = under_flags.get(None, 0)
    rows = []
    for identity, group in sorted(groups.items(), key=_by_keys):
        rows.append(_row(question.group_by, identity, group, counted.get(identity), names))
        rows[-1].figures.flagged_fen = under_flags.get(identity, 0)
    left_out = {r: fen for r, fen in not_counted.items() if r in seen}
    return SalesReport(question, visibility, known, seal, rows, totals, left_out, again, names)


def _by_keys(group: tuple[tuple[Any, ...], list[Part]]) -> list[tuple[bool, str]]:
    """Months in their order, counties by code; what has no key comes last."""
    return [(key is None, str(key)) for key in group[0]]


def _row(
    group_by: tuple[Key, ...],
    identity: tuple[Any, ...],
    group: Iterable[Part],
    counted: People | None,
    names: Mapping[UUID, str],
) -> ReportRow:
    """One row; what bore several names in the period goes by the last of them."""
    latest = max(group, key=lambda part: (part.last_month, tuple(map(str, part.labels))))
    labels = dict(zip(label_names(group_by), latest.labels, strict=True))
    row = ReportRow({key: _key(key, value, labels, names) for key, value in zip(group_by, identity, strict=True)})
    for part in group:
        row.figures.add(part)
    row.figures.count(counted)
    return row


def _key(key: Key, value: Any, labels: Mapping[str, Any], names: Mapping[UUID, str]) -> Any:
    if value is None:
        return None
    if key == "county":
        return {"code": value, "name": labels["county_name"], "province": labels["province"]}
    if f"{key}_name" in labels:
        return {"id": value, "name": labels[f"{key}_name"]}
    if isinstance(value, UUID):
        return {"id": value, "name": names.get(value, "")}
    return _TIMES[key](value) if key in _TIMES else value


async def _names(
    session: ReadSession,
    group_by: tuple[Key, ...],
    found: Iterable[Part],
    visibility: Visibility,
    again: Iterable[Reopened],
) -> dict[UUID, str]:
    """Today's names of what entries and months hold by id only: unions, campaigns, units asked about or reopened."""
    ids = {value for part in found for value in part.identity if isinstance(value, UUID)}
    names: dict[UUID, str] = {visibility.unit_id: visibility.unit_name or ""} if visibility.unit_id else {}
    if "union" in group_by:
        rows = await session.execute(select(col(Union.id), col(Union.name)).where(col(Union.id).in_(ids)))
        names |= {row.id: row.name for row in rows}
    if whose := {one.unit_id for one in again} - {SHOP, visibility.unit_id}:
        rows = await session.execute(select(col(Unit.id), col(Unit.name)).where(col(Unit.id).in_(whose)))
        names |= {row.id: row.name for row in rows}
    if "campaign" in group_by:
        rows = await session.execute(select(col(Campaign.id), col(Campaign.name)).where(col(Campaign.id).in_(ids)))
        names |= {row.id: row.name for row in rows}
    return names
