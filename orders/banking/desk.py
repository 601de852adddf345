"""Whose bank desk imports a statement: only it sees the payers' names in there, and it settles its own company's."""

from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import unit_path, units_below, visible_unit_ids

_NAMES = text("SELECT id, name FROM unit WHERE id = ANY(:units) ORDER BY name, id").bindparams(
    bindparam("units", type_=ARRAY(Uuid))
)


async def desk_of(session: ReadSession, actor: Actor, unit_id: UUID | None, *, day: date) -> UUID | None:
    """The named unit, or the first of the actor's own; None: of the whole shop. Raises NotFound out of reach."""
    units = await visible_unit_ids(session, actor, Permission.BANK_IMPORT, day)
    if unit_id is not None:
        if units is not None and unit_id not in units:
            raise NotFound("没有找到这个单位，或者它不在您的范围内。")
        return unit_id
    if units is None:
        return None
    own = sorted(grant.scope_id for grant in actor.scopes(Permission.BANK_IMPORT) if grant.scope_kind == "unit")
    if not own:
        raise NotFound("您的权限不含任何单位，请联系管理员。")
    return UUID(own[0])


async def desks_of(session: ReadSession, actor: Actor) -> list[tuple[UUID, str]]:
    """The units (id, name) whose desks the actor may bring a statement to by himself; empty: that of the whole shop."""
    scopes = actor.scopes(Permission.BANK_IMPORT)
    if any(grant.scope_kind == "all" for grant in scopes):
        return []
    own = [UUID(grant.scope_id) for grant in scopes if grant.scope_kind == "unit"]
    rows = await session.execute(_NAMES, {"units": own})
    return [(row.id, row.name) for row in rows]


async def company_of(session: ReadSession, desk_id: UUID | None, day: date) -> frozenset[UUID] | None:
    """The units whose money a desk's statement may say something of: those of its top unit; None: the shop's, of all.

    A file that states anybody's account proves no right to what came there.
    """
    if desk_id is None:
        return None
    path = await unit_path(session, desk_id, day)
    return frozenset(await units_below(session, path[-1], day)) | {desk_id} if path else frozenset({desk_id})
