"""Whose months a caller may see, close and open again: a branch's person does not close head office's month."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from sqlalchemy import text

from orders.month.models import SHOP
from shop.access.permissions import Actor, Permission, Role
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.window import in_force
from shop.organisation.queries import top_unit_ids, unit_path, visible_unit_ids

Asked = UUID | Literal["shop"] | None
"""A top unit, the shop's own months, or the caller's top unit."""


class UnitRequired(Problem):
    """Several units could be meant."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "unit_required"
    title: ClassVar[str] = "请指定单位"


# A unit has months of its own when it stood at the top on some day of the month, or when something was sold under it
# while it did.
_HAS_MONTHS = text(f"""
SELECT EXISTS (SELECT FROM unit_month WHERE unit_id = :unit AND month = :month) OR EXISTS (
    SELECT FROM unit u CROSS JOIN generate_series(CAST(:first AS date), CAST(:last AS date), INTERVAL '1 day') AS day
    WHERE u.id = :unit AND NOT EXISTS (SELECT FROM unit_parent p WHERE p.unit_id = u.id
        AND {in_force("p", "day")}))
""")  # noqa: S608  # our own words


async def months_of_whom(
    session: ReadSession, actor: Actor, permission: Permission, asked: Asked, *, day: date
) -> UUID:
    """The top unit, or `SHOP`, whose months a caller means who names `asked`.

    Nobody named: his own top unit; the shop's own for whoever stands above all units. Raises NotFound, UnitRequired.
    """
    visible = await visible_unit_ids(session, actor, permission, day)
    if asked == "shop" or (asked is None and visible is None):
        if visible is not None:
            raise no_such_unit()
        return SHOP
    if isinstance(asked, UUID):
        return asked
    tops = await own_tops(session, actor, permission, day=day)
    if len(tops) > 1:
        raise UnitRequired("您负责多个单位，请用 unit 指定其中一个。", [Detail("/unit", "required", "请指定单位")])
    if not tops:
        raise no_such_unit()
    return tops[0]


async def own_tops(session: ReadSession, actor: Actor, permission: Permission, *, day: date) -> list[UUID]:
    """The top units above the caller's own ones on that day."""
    scopes = actor.scopes(permission)
    units = {UUID(one.scope_id) for one in scopes if one.scope_kind == "unit" and one.role is not Role.AUDITOR}
    if any(one.role is Role.AUDITOR for one in scopes):  # his mandates, not his role
        units |= set(await top_unit_ids(session, actor, day))
    found = set()
    for unit_id in sorted(units):
        found |= set((await unit_path(session, unit_id, day))[-1:])
    return sorted(found)


async def may_see(session: ReadSession, actor: Actor, unit_id: UUID, *, day: date) -> None:
    """Of a unit that he reaches, or that stands above one of his. Raises NotFound."""
    visible = await visible_unit_ids(session, actor, Permission.CREDIT_READ, day)
    if visible is None or unit_id in visible:
        return
    if unit_id not in await own_tops(session, actor, Permission.CREDIT_READ, day=day):
        raise no_such_unit()


async def may_close(session: ReadSession, actor: Actor, unit_id: UUID, month: int, *, day: date) -> None:
    """Who reaches the top unit itself may close its months and decide of opening them again. Raises NotFound."""
    visible = await visible_unit_ids(session, actor, Permission.PERIOD_CLOSE, day)
    if visible is not None and unit_id not in visible:
        raise no_such_unit()
    following = clock.first_of(clock.add_months(month, 1))
    facts = {
        "unit": unit_id,
        "month": month,
        "first": clock.first_of(month),
        "last": date.fromordinal(following.toordinal() - 1),
    }
    if unit_id != SHOP and not await session.scalar(_HAS_MONTHS, facts):
        raise no_such_unit()


def no_such_unit() -> NotFound:
    return NotFound(
        "没有这个单位的会计月份，或者它不在您的范围内。月份属于最上级单位。",
        [Detail("/unit", "not_found", "没有这个单位的会计月份")],
    )
