"""Who stands where on a day. Each question is one statement; a day is a business day, periods are half-open."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Date, Uuid, bindparam, text

from shop.access.permissions import Actor, Grant, Permission, Role
from shop.core.database import ReadSession
from shop.core.window import in_force
from shop.organisation.path import path_on

_DAY = bindparam("day", type_=Date)
_UNIT = bindparam("unit_id", type_=Uuid)
_PERSON = bindparam("person_id", type_=Uuid)
_ROOTS = bindparam("roots", type_=ARRAY(Uuid))

_PATH: Final = text(f"""
    SELECT p.unit_id FROM unit u CROSS JOIN LATERAL ({path_on("u.id", ":day")}) p WHERE u.id = :unit_id ORDER BY p.depth
""").bindparams(_UNIT, _DAY)  # noqa: S608  # an expression of our own

_SUBTREES: Final = text(f"""
    WITH RECURSIVE seen (unit_id) AS (
        SELECT id FROM unit WHERE id = ANY(:roots)
        UNION
        SELECT below.unit_id
        FROM seen JOIN unit_parent AS below ON below.parent_id = seen.unit_id
        WHERE {in_force("below", ":day")}
    )
    SELECT unit_id FROM seen
""").bindparams(_ROOTS, _DAY)  # noqa: S608  # our own words

_TOPS: Final = text(f"""
    WITH RECURSIVE beneath (unit_id) AS (
        SELECT below.unit_id FROM unit_parent AS below
        WHERE below.parent_id = ANY(:roots) AND {in_force("below", ":day")}
        UNION
        SELECT below.unit_id
        FROM beneath JOIN unit_parent AS below ON below.parent_id = beneath.unit_id
        WHERE {in_force("below", ":day")}
    )
    SELECT id FROM unit
    WHERE id = ANY(:roots) AND NOT EXISTS (SELECT FROM beneath WHERE beneath.unit_id = unit.id)
    ORDER BY code
""").bindparams(_ROOTS, _DAY)  # noqa: S608  # our own words

_ALL_TOPS: Final = text(f"""
    SELECT id FROM unit
    WHERE {in_force("unit", ":day")} AND NOT EXISTS (
        SELECT FROM unit_parent AS above
        WHERE above.unit_id = unit.id AND {in_force("above", ":day")}
    )
    ORDER BY code
""").bindparams(_DAY)  # noqa: S608  # our own words

_MANDATED: Final = text(f"""
    WITH RECURSIVE seen (unit_id) AS (
        SELECT DISTINCT unnest(unit_ids) FROM audit_mandate
        WHERE auditor_id = :auditor AND {in_force("", ":day")}
        UNION
        SELECT below.unit_id FROM seen JOIN unit_parent AS below ON below.parent_id = seen.unit_id
        WHERE {in_force("below", ":day")}
    )
    SELECT unit_id FROM seen
""").bindparams(bindparam("auditor", type_=Uuid), _DAY)  # noqa: S608  # our own words

_MEMBER: Final = text(f"""
    SELECT unit_id FROM membership
    WHERE person_id = :person_id AND {in_force("", ":day")}
""").bindparams(_PERSON, _DAY)  # noqa: S608  # our own words


async def unit_path(session: ReadSession, unit_id: UUID, day: date) -> list[UUID]:
    """The unit and every unit above it on that day, the unit first; empty for an unknown unit."""
    return list(await session.scalars(_PATH, {"unit_id": unit_id, "day": day}))


async def visible_unit_ids(
    session: ReadSession, actor: Actor, permission: Permission, day: date
) -> frozenset[UUID] | None:
    """The units in which the actor may use a permission: whole subtrees as of that day. None means all units.

    An auditor's role opens nothing by itself: what his mandates of that day name, as far as the role reaches.
    """
    scopes = actor.scopes(permission)
    own = [grant for grant in scopes if grant.role is not Role.AUDITOR]
    if any(grant.scope_kind == "all" for grant in own):
        return None
    units = await _below(session, own, day)
    audits = [grant for grant in scopes if grant.role is Role.AUDITOR]
    if not audits:
        return units
    mandated = frozenset(await session.scalars(_MANDATED, {"auditor": actor.user_id, "day": day}))
    everywhere = any(grant.scope_kind == "all" for grant in audits)
    return units | (mandated if everywhere else mandated & await _below(session, audits, day))


async def _below(session: ReadSession, grants: Sequence[Grant], day: date) -> frozenset[UUID]:
    roots = [UUID(grant.scope_id) for grant in grants if grant.scope_kind == "unit"]
    if not roots:
        return frozenset()
    return frozenset(await session.scalars(_SUBTREES, {"roots": roots, "day": day}))


async def top_unit_ids(session: ReadSession, actor: Actor, day: date) -> list[UUID]:
    """The topmost units of the actor's grants, by code: those that stand under no other of them; of an auditor those
    of his mandates.
    """
    own = [grant for grant in actor.grants if grant.role is not Role.AUDITOR]
    if any(grant.scope_kind == "all" for grant in own):
        return list(await session.scalars(_ALL_TOPS, {"day": day}))
    roots = list({UUID(grant.scope_id) for grant in own if grant.scope_kind == "unit"})
    if actor.has(Role.AUDITOR):
        roots += await visible_unit_ids(session, actor, Permission.AUDIT_READ, day) or ()
    return list(await session.scalars(_TOPS, {"roots": roots, "day": day})) if roots else []


async def units_below(session: ReadSession, unit_id: UUID, day: date) -> list[UUID]:
    """The unit and every unit below it on that day."""
    return list(await session.scalars(_SUBTREES, {"roots": [unit_id], "day": day}))


async def unit_of_person(session: ReadSession, person_id: UUID, day: date) -> UUID | None:
    """Where somebody works on that day."""
    found: UUID | None = await session.scalar(_MEMBER, {"person_id": person_id, "day": day})
    return found
