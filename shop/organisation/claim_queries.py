"""Claims as they stand: what waits for somebody, and what became of those that a list made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.paging import cursor_of, read_cursor
from shop.core.window import not_ended
from shop.organisation.claim_models import CLAIM_STATES
from shop.organisation.queries import visible_unit_ids

SHOWN_MOST: Final = 200
WORKS: Final = f"""coalesce((SELECT m.unit_id FROM membership m WHERE m.person_id = c.person_id
    AND {not_ended("m", "r.as_of")} ORDER BY m.valid_from DESC LIMIT 1),
    (SELECT e.unit_id FROM roster_entry e JOIN roster o ON o.id = e.roster_id WHERE e.person_id = c.person_id
        AND e.status = 'retired' AND o.union_id <> c.union_id
        AND NOT EXISTS (SELECT FROM roster n WHERE n.previous_id = o.id) ORDER BY o.as_of DESC LIMIT 1))"""  # noqa: S608
"""Of claim `c` of roster `r`: where the person works, else last worked since the list's day, else is retired from."""

_WAITING = text(f"""
SELECT * FROM (
    SELECT c.id, c.person_id, p.name, p.phone, f.name AS from_unit, w.unit_id, t.name AS to_unit, l.name AS union_name,
        own.staff_number, own.department, r.as_of, c.asked_at, c.expires_at
    FROM membership_claim c JOIN roster r ON r.id = c.roster_id JOIN person p ON p.id = c.person_id
    JOIN unit t ON t.id = c.unit_id JOIN labour_union l ON l.id = c.union_id
    LEFT JOIN LATERAL (SELECT {WORKS} AS unit_id) w ON true LEFT JOIN unit f ON f.id = w.unit_id
    LEFT JOIN LATERAL (SELECT e.staff_number, e.department FROM roster_entry e WHERE e.person_id = c.person_id
        AND e.unit_id = w.unit_id ORDER BY e.roster_id DESC LIMIT 1) own ON true
    WHERE c.state = 'open' AND c.expires_at > :now AND c.id > :after
) found
WHERE person_id = :me OR unit_id IS NOT NULL AND (CAST(:keeps AS uuid[]) IS NULL OR unit_id = ANY(:keeps))
ORDER BY id LIMIT :limit
""").bindparams(bindparam("keeps", type_=ARRAY(Uuid)))  # noqa: S608  # our own constant
_OF_ROSTER = text("""
SELECT c.id, c.staff_number, u.name AS unit, c.department, c.state, c.reason, c.expires_at, c.valid_from
FROM membership_claim c JOIN unit u ON u.id = c.unit_id
WHERE c.roster_id = :roster ORDER BY c.position LIMIT :most
""")
_COUNTS = text("SELECT state, count(*) AS people FROM membership_claim WHERE roster_id = :roster GROUP BY 1")


async def claims_waiting(
    session: ReadSession, actor: Actor, *, now: datetime, limit: int = SHOWN_MOST, cursor: str | None = None
) -> tuple[list[Row[Any]], str | None]:
    """Open claims that the actor may decide, the oldest first: of himself, and of people of units that he keeps."""
    keeps = await visible_unit_ids(session, actor, Permission.ROSTER_IMPORT, clock.business_day(now))
    (after,) = read_cursor(cursor, UUID) if cursor else (UUID(int=0),)
    named = {"me": actor.person_id, "keeps": None if keeps is None else list(keeps), "now": now, "after": after}
    rows = list(await session.execute(_WAITING, named | {"limit": limit + 1}))
    return rows[:limit], cursor_of(rows[limit - 1].id) if len(rows) > limit else None


async def claims_of(session: ReadSession, roster_id: UUID) -> tuple[dict[str, int], Sequence[Row[Any]]]:
    """Counts by state, and the first 200 rows of a list that were claims: in its own words, nothing of the person."""
    found = {row.state: row.people for row in await session.execute(_COUNTS, {"roster": roster_id})}
    rows = await session.execute(_OF_ROSTER, {"roster": roster_id, "most": SHOWN_MOST})
    return {state: found.get(state, 0) for state in CLAIM_STATES}, list(rows)
