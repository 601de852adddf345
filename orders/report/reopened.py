"""Which months that a report stands on were opened again after a close, when and why: the report says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, Text, Uuid, bindparam, text

from orders.month.shut import TOP_UNIT
from orders.report.question import Question
from orders.report.visibility import Visibility
from shop.core import clock
from shop.core.database import ReadSession


@dataclass(frozen=True, slots=True)
class Reopened:
    """unit_id: whose month, `SHOP` for the shop's own; month: YYYYMM; at: when the second person agreed."""

    unit_id: UUID
    month: int
    at: datetime
    reason: str


# A report stands on the months of its period, of the unit that it is about; and on every month in which one of its
# entries is, whosever that is (a branch's figures are in its top unit's months).
_STANDS_ON = f"""(
    (m.month BETWEEN :first AND :last AND CAST(:counties AS text[]) IS NULL
        AND (CAST(:unit AS uuid) IS NULL OR m.unit_id = :unit))
    OR EXISTS (SELECT FROM credit_entry e WHERE e.period_month = m.month AND {TOP_UNIT.format("e.")} = m.unit_id
        AND CASE WHEN :by_sale THEN e.sale_on ELSE e.occurred_on END >= :since
        AND CASE WHEN :by_sale THEN e.sale_on ELSE e.occurred_on END < :until
        AND (CAST(:unit AS uuid) IS NULL OR :unit = ANY(e.unit_path))
        AND (CAST(:counties AS text[]) IS NULL OR e.county_code = ANY(:counties))
        AND (CAST(:snapshot AS text) IS NULL
            OR pg_visible_in_snapshot(e.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot)))))"""
_TYPES = (
    bindparam("unit", type_=Uuid),
    bindparam("counties", type_=ARRAY(Text)),
    bindparam("since", type_=Date),
    bindparam("until", type_=Date),
)
_IN_ORDER = "m.month >= :first AND (:by_sale OR m.month <= :last)"
# Hardly ever is there any: then nothing is planned over all the partitions of entries.
_ANY = text(f"SELECT EXISTS (SELECT FROM period_event m WHERE m.kind = 'reopened' AND {_IN_ORDER})")  # noqa: S608
_KNOWN = text(f"""
SELECT m.unit_id, m.month, m.at, m.reason FROM period_event m
WHERE m.kind = 'reopened' AND {_IN_ORDER}
    AND pg_visible_in_snapshot(m.xid, CAST(CAST(:snapshot AS text) AS pg_snapshot)) AND {_STANDS_ON}
ORDER BY m.month, m.unit_id, m.at, m.id
""").bindparams(*_TYPES)  # noqa: S608  # our own constants
_SINCE = text(f"""
SELECT DISTINCT m.month, m.at FROM period_event m
WHERE m.kind = 'reopened' AND m.at > :known_at AND {_IN_ORDER} AND {_STANDS_ON} AND 'reopened' <> (
    SELECT c.kind FROM period_event c WHERE c.unit_id = m.unit_id AND c.month = m.month AND c.at <= :known_at
    ORDER BY c.at DESC LIMIT 1)
ORDER BY m.month, m.at
""").bindparams(*_TYPES)  # noqa: S608  # as above


async def reopened(
    session: ReadSession, question: Question, visibility: Visibility, *, snapshot: str
) -> list[Reopened]:
    """As known in that snapshot; asked again with it, the same. The oldest month first."""
    counties = None if visibility.counties is None else sorted(visibility.counties)
    facts = _facts(question.since, question.until, question.view, visibility.unit_id, counties)
    if not await session.scalar(_ANY, facts):
        return []
    return [Reopened(*row) for row in await session.execute(_KNOWN, facts | {"snapshot": snapshot})]


async def reopened_since(
    session: ReadSession, known_at: datetime, said: Mapping[str, Any]
) -> list[tuple[int, datetime]]:
    """(month, when) of what was closed when a report was known, and was opened again since. said: its summary."""
    unit = said["unit"] and UUID(said["unit"]["id"])
    since, until = (date.fromisoformat(said["period"][name]) for name in ("from", "to"))
    facts = _facts(since, until, said["view"], unit, None) | {"known_at": known_at, "snapshot": None}
    if not await session.scalar(_ANY, facts):
        return []
    return [(row.month, row.at) for row in await session.execute(_SINCE, facts)]


def _facts(since: date, until: date, view: str, unit: UUID | None, counties: Sequence[str] | None) -> dict[str, Any]:
    return {
        "since": since,
        "until": until,
        "first": clock.month_of(since),
        "last": clock.month_of(until - timedelta(days=1)),
        "by_sale": view == "sale_day",
        "unit": unit,
        "counties": counties,
    }
