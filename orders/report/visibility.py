"""Whose figures a caller may see, and for which unit the scope is computed."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import exists, select
from sqlmodel import col

from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import Detail, NotAllowed, NotFound, Problem
from shop.organisation.models import Unit, UnitParent
from shop.organisation.queries import top_unit_ids, visible_unit_ids


class UnitRequired(Problem):
    """Several units could be meant; adding them up would count for none of them."""

    status = 422
    code = "unit_required"
    title = "请指定单位"


@dataclass(frozen=True, slots=True)
class Visibility:
    """unit_id None: the whole shop, where each sale's scope is computed for the top of its own path.

    counties: only these, or None for all. always_top: the unit never stood below another one, so that every entry
    of its subtree has it at the top.
    """

    unit_id: UUID | None = None
    unit_name: str | None = None
    counties: frozenset[str] | None = None
    always_top: bool = True


async def visibility_of(session: ReadSession, *, unit: UUID | None, actor: Actor | None, day: date) -> Visibility:
    """What a caller gets to see who asks about `unit`, or about none in particular.

    actor None: the operator on the machine, who sees everything. Whoever has only county grants sees these counties'
    goods, whichever unit bought them. Raises NotFound for a unit outside the caller's reach, UnitRequired, NotAllowed.
    """
    if actor is None:
        return await _about(session, unit)
    visible = await visible_unit_ids(session, actor, Permission.REPORT_READ, day)
    if unit is not None:
        if visible is not None and unit not in visible:
            raise _no_such_unit()
        return await _about(session, unit)
    if visible is None:
        return Visibility()
    if not visible:
        return Visibility(counties=_counties_of(actor))
    reporting = replace(actor, grants=actor.scopes(Permission.REPORT_READ))
    tops = await top_unit_ids(session, reporting, day)
    if len(tops) != 1:
        raise UnitRequired("您负责多个单位，请用 unit 指定其中一个。", [Detail("/unit", "required", "请指定单位")])
    return await _about(session, tops[0])


async def units_to_choose(session: ReadSession, *, actor: Actor, day: date) -> list[tuple[UUID, str]]:
    """Units a caller may ask about, (id, name) by code."""
    visible = await visible_unit_ids(session, actor, Permission.REPORT_READ, day)
    requested = select(col(Unit.id), col(Unit.name)).order_by(col(Unit.code))
    if visible is not None:
        requested = requested.where(col(Unit.id).in_(visible))
    return [(row.id, row.name) for row in await session.execute(requested)]


async def _about(session: ReadSession, unit: UUID | None) -> Visibility:
    if unit is None:
        return Visibility()
    ever_below = exists().where(col(UnitParent.unit_id) == unit)
    found = (await session.execute(select(col(Unit.name), ~ever_below).where(col(Unit.id) == unit))).one_or_none()
    if found is None:
        raise _no_such_unit()
    return Visibility(unit_id=unit, unit_name=found[0], always_top=found[1])


def _counties_of(actor: Actor) -> frozenset[str]:
    codes = {grant.scope_id for grant in actor.scopes(Permission.REPORT_READ) if grant.scope_kind == "county"}
    if not codes:
        raise NotAllowed("您的报表权限不含任何单位或县，请联系管理员。")
    return frozenset(codes)


def _no_such_unit() -> NotFound:
    return NotFound("没有找到这个单位，或者它不在您的查看范围内。", [Detail("/unit", "not_found", "没有找到这个单位")])
