"""The review queue, and what is to be put right."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Date, Uuid, bindparam, text

from orders.integrity.schemas import FlagOut, FlagPage, RectificationOut, RectificationPage
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

FlagState = Literal["open", "proposed", "cleared", "finding", "ended"]
ItemState = Literal["open", "overdue", "closed"]
_UNITS = bindparam("units", type_=ARRAY(Uuid))
_FLAGS = text("""
SELECT * FROM (
    SELECT f.id, f.kind, f.subject, f.unit_id, f.facts, f.raised_at, r.proposed_by, r.outcome AS proposed_outcome,
        r.reason AS proposed_reason, d.decided_by, d.decided_at, d.reason AS decision_reason,
        x.id AS rectification_id, coalesce(d.outcome, CASE WHEN e.flag_id IS NOT NULL THEN 'ended'
            WHEN r.flag_id IS NULL THEN 'open' ELSE 'proposed' END) AS state,
        (SELECT count(*) FROM flag_line l WHERE l.flag_id = f.id) AS lines
    FROM flag f LEFT JOIN flag_review r ON r.flag_id = f.id LEFT JOIN flag_decision d ON d.flag_id = f.id
    LEFT JOIN rectification x ON x.flag_id = f.id LEFT JOIN flag_end e ON e.flag_id = f.id
    WHERE (CAST(:everything AS bool) OR f.unit_id = ANY(:units)) AND (CAST(:id AS uuid) IS NULL OR f.id = :id)
        AND (CAST(:kind AS text) IS NULL OR f.kind = :kind)
        AND (CAST(:before AS timestamptz) IS NULL OR (f.raised_at, f.id) < (:before, CAST(:before_id AS uuid)))
) found WHERE CAST(:state AS text) IS NULL OR state = :state ORDER BY raised_at DESC, id DESC LIMIT :limit
""").bindparams(_UNITS)
_ITEMS = text("""
SELECT * FROM (
    SELECT r.*, f.kind, p.name AS owner, r.state = 'open' AND r.due_on < :day AS overdue
    FROM rectification r JOIN flag f ON f.id = r.flag_id JOIN user_account u ON u.id = r.owner_id
    JOIN person p ON p.id = u.person_id
    WHERE (CAST(:everything AS bool) OR r.unit_id = ANY(:units)) AND (CAST(:id AS uuid) IS NULL OR r.id = :id)
        AND (CAST(:after AS date) IS NULL OR (r.due_on, r.id) > (:after, CAST(:after_id AS uuid)))
) found
WHERE CAST(:state AS text) IS NULL OR CASE WHEN :state = 'overdue' THEN overdue ELSE state = :state END
ORDER BY due_on, id LIMIT :limit
""").bindparams(_UNITS, bindparam("day", type_=Date), bindparam("after", type_=Date))


async def flags_of(
    session: ReadSession,
    actor: Actor,
    *,
    day: date,
    limit: int,
    cursor: str | None = None,
    state: FlagState | None = None,
    kind: str | None = None,
    flag_id: UUID | None = None,
) -> FlagPage:
    """Flags of the caller's units, the newest first; of no unit only for who may see all."""
    before, before_id = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    named = {"before": before, "before_id": before_id, "state": state, "kind": kind, "id": flag_id, "limit": limit + 1}
    rows = (await session.execute(_FLAGS, named | await _visible(session, actor, day))).all()
    more = cursor_of(rows[limit - 1].raised_at, rows[limit - 1].id) if len(rows) > limit else None
    return FlagPage(items=[FlagOut.model_validate(row) for row in rows[:limit]], next_cursor=more)


async def flag_out(session: ReadSession, actor: Actor, flag_id: UUID, *, day: date) -> FlagOut:
    """Raises NotFound."""
    found = await flags_of(session, actor, day=day, limit=1, flag_id=flag_id)
    if not found.items:
        raise NotFound("没有这条标记。")
    return found.items[0]


async def items_of(
    session: ReadSession,
    actor: Actor,
    *,
    day: date,
    limit: int,
    cursor: str | None = None,
    state: ItemState | None = None,
    item_id: UUID | None = None,
) -> RectificationPage:
    """What is to be put right, the most urgent first."""
    after, after_id = read_cursor(cursor, date, UUID) if cursor else (None, None)
    named = {"after": after, "after_id": after_id, "state": state, "id": item_id, "limit": limit + 1, "day": day}
    rows = (await session.execute(_ITEMS, named | await _visible(session, actor, day))).all()
    more = cursor_of(rows[limit - 1].due_on, rows[limit - 1].id) if len(rows) > limit else None
    return RectificationPage(items=[RectificationOut.model_validate(row) for row in rows[:limit]], next_cursor=more)


async def item_out(session: ReadSession, actor: Actor, item_id: UUID, *, day: date) -> RectificationOut:
    """Raises NotFound."""
    found = await items_of(session, actor, day=day, limit=1, item_id=item_id)
    if not found.items:
        raise NotFound("没有这项整改。")
    return found.items[0]


async def _visible(session: ReadSession, actor: Actor, day: date) -> dict[str, Any]:
    visible = await visible_unit_ids(session, actor, Permission.FLAG_READ, day)
    return {"everything": visible is None, "units": list(visible or ())}
