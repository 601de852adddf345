"""Corrections of the caller's units."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from orders.correction.schemas import CorrectionOut, CorrectionPage
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

_CORRECTIONS = text("""
SELECT * FROM (
    SELECT c.*, array_agg(p.component_id ORDER BY p.component_id) AS component_ids, array_agg(a.unit_id) AS unit_ids
    FROM correction c JOIN correction_part p ON p.correction_id = c.id JOIN attribution a ON a.id = p.corrects_id
    GROUP BY c.id) found
WHERE (CAST(:id AS uuid) IS NULL OR id = :id) AND (CAST(:state AS text) IS NULL OR state = :state)
    AND (CAST(:units AS uuid[]) IS NULL OR unit_ids && CAST(:units AS uuid[]))
    AND (CAST(:at AS timestamptz) IS NULL OR (requested_at, id) < (:at, CAST(:before AS uuid)))
ORDER BY requested_at DESC, id DESC LIMIT :limit
""")


async def corrections_of(
    session: ReadSession,
    actor: Actor,
    *,
    day: date,
    limit: int,
    cursor: str | None = None,
    state: str | None = None,
    correction_id: UUID | None = None,
) -> CorrectionPage:
    """The newest request first; of units in which the caller may ask for corrections."""
    visible = await visible_unit_ids(session, actor, Permission.CREDIT_READ, day)
    at, before = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    facts = {
        "id": correction_id,
        "state": state,
        "units": None if visible is None else list(visible),
        "at": at,
        "before": before,
        "limit": limit + 1,
    }
    rows = (await session.execute(_CORRECTIONS, facts)).all()
    more = cursor_of(rows[limit - 1].requested_at, rows[limit - 1].id) if len(rows) > limit else None
    return CorrectionPage(items=[CorrectionOut.model_validate(row) for row in rows[:limit]], next_cursor=more)


async def correction_out(session: ReadSession, actor: Actor, correction_id: UUID, *, day: date) -> CorrectionOut:
    """Raises NotFound."""
    page = await corrections_of(session, actor, day=day, limit=1, correction_id=correction_id)
    if not page.items:
        raise NotFound("没有这份更正申请。")
    return page.items[0]
