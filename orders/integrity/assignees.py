"""Who may be asked to put a finding right: staff who see what was flagged, among those whom the decider sees."""

from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, Date, Text, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.window import in_force
from shop.organisation.queries import unit_path, visible_unit_ids

MOST = 200
_STAFF = text(f"""
SELECT DISTINCT u.id, p.name FROM role_grant g
JOIN user_account u ON u.id = g.user_id JOIN person p ON p.id = u.person_id
WHERE g.role = 'staff' AND u.state = 'active' AND {in_force("g", ":day")}
    AND CASE g.scope_kind WHEN 'all' THEN CAST(:everything AS bool) WHEN 'unit' THEN g.scope_id = ANY(:units) END
    AND (CAST(:one AS uuid) IS NULL OR u.id = :one)
ORDER BY p.name, u.id LIMIT :most
""").bindparams(bindparam("units", type_=ARRAY(Text)), bindparam("day", type_=Date))  # noqa: S608  # our own words


async def assignees(
    session: ReadSession, actor: Actor, unit_id: UUID | None, *, day: date, one: UUID | None = None
) -> list[tuple[UUID, str]]:
    """(account, name) for a flag of this unit: their grant is of the unit or of one above it, and lies where the actor
    decides. Of what concerns no unit: those of the whole shop. one: only this account.
    """
    visible = await visible_unit_ids(session, actor, Permission.FLAG_CLEAR, day)
    above = await unit_path(session, unit_id, day) if unit_id else []
    named = {
        "units": [str(unit) for unit in above if visible is None or unit in visible],
        "everything": visible is None,
        "day": day,
        "one": one,
        "most": MOST,
    }
    return [(row.id, row.name or str(row.id)) for row in await session.execute(_STAFF, named)]
