"""A role ends: whoever administers its place ends it alone, and at once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shop.access.permissions import Actor, Grant, Permission, Role
from shop.access.users import revoke_role
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.organisation.authority import EVERYBODY, of_units, require

_GRANT = text("SELECT user_id, role, scope_kind, scope_id FROM role_grant WHERE id = :id")


async def end_grant(session: WriteSession, *, actor: Actor, grant_id: UUID, reason: str, now: datetime) -> None:
    """Not held any more from today on. Ended before is success. Raises NotFound, NotAllowed."""
    found = (await session.execute(_GRANT, {"id": grant_id})).one_or_none()
    if found is None:
        raise NotFound("没有这个角色。")
    day = clock.business_day(now)
    place = of_units(UUID(found.scope_id)) if found.scope_kind == "unit" else EVERYBODY
    await require(session, actor, Permission.USER_ADMINISTER, place, day=day)
    grant = Grant(Role(found.role), found.scope_kind, found.scope_id)
    await revoke_role(session, actor=actor, user_id=found.user_id, grant=grant, day=day, reason=reason, now=now)
