"""A top unit's months, the newest first: state, closer, what was open, and everything that was done to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.month.models import FIRST_MONTH
from shop.core import clock
from shop.core.database import ReadSession

_MONTHS = text("""
SELECT m.month, coalesce(p.state, 'open') AS state, p.adjusts_until, p.closed_by, n.name AS closer, p.closed_at,
    p.was_open
FROM unnest(CAST(:months AS int[])) AS m(month)
LEFT JOIN unit_month p ON p.unit_id = :unit AND p.month = m.month
LEFT JOIN user_account u ON u.id = p.closed_by LEFT JOIN person n ON n.id = u.person_id
ORDER BY m.month DESC
""")
_EVENTS = text("""
SELECT e.month, e.kind, e.at, e.actor_id, n.name AS actor, e.reason, r.asked_by, a.name AS asker
FROM period_event e LEFT JOIN user_account u ON u.id = e.actor_id LEFT JOIN person n ON n.id = u.person_id
LEFT JOIN period_reopening r ON r.id = e.reopening_id
LEFT JOIN user_account v ON v.id = r.asked_by LEFT JOIN person a ON a.id = v.person_id
WHERE e.unit_id = :unit AND e.month = ANY(CAST(:months AS int[])) ORDER BY e.at, e.id
""")
_REOPENINGS = text("""
SELECT r.*, n.name AS asker FROM period_reopening r
LEFT JOIN user_account u ON u.id = r.asked_by LEFT JOIN person n ON n.id = u.person_id
WHERE CASE WHEN CAST(:id AS uuid) IS NULL
    THEN r.unit_id = :unit AND r.month = ANY(CAST(:months AS int[])) AND r.state = 'requested' ELSE r.id = :id END
""")
_NAME = text("SELECT name FROM unit WHERE id = :unit")


@dataclass(frozen=True, slots=True)
class Month:
    """period: the row as it stands; events: closes and reopenings in their order; reopening: what waits."""

    period: Row[Any]
    events: Sequence[Row[Any]]
    reopening: Row[Any] | None


async def months_of(session: ReadSession, unit_id: UUID, *, last: int, limit: int) -> list[Month]:
    """At most `limit` months of a top unit, from `last` back to the first there is."""
    months = [clock.add_months(last, -n) for n in range(limit)]
    facts = {"unit": unit_id, "months": [month for month in months if month >= FIRST_MONTH], "id": None}
    events = (await session.execute(_EVENTS, facts)).all()
    waiting = {one.month: one for one in await session.execute(_REOPENINGS, facts)}
    return [
        Month(row, [one for one in events if one.month == row.month], waiting.get(row.month))
        for row in await session.execute(_MONTHS, facts)
    ]


async def reopening_of(session: ReadSession, reopening_id: UUID) -> Row[Any]:
    """A request that is known to be there."""
    return (await session.execute(_REOPENINGS, {"id": reopening_id, "unit": None, "months": []})).one()


async def unit_name(session: ReadSession, unit_id: UUID) -> str | None:
    """None for the shop's own months."""
    found: str | None = await session.scalar(_NAME, {"unit": unit_id})
    return found


def subject_of(unit_id: UUID, month: int) -> str:
    """What a note in the audit log is about."""
    return f"period:{unit_id}:{month}"
