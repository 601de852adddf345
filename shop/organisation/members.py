"""People come to a unit, leave it, or are introduced by one."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, insert, or_, select, update

from shop.access.permissions import Actor
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.organisation.models import Introduction, Membership, UnionMembership, UnionUnit
from shop.organisation.queries import unit_of_person
from shop.organisation.rights_follow import rights_follow


class AlreadyPlanned(Problem):
    """A later change of the same person is known already."""

    status = 409
    code = "later_change_planned"
    title = "之后已有安排"


class IsEmployee(Problem):
    """Employees buy as employees; nobody introduces them."""

    status = 409
    code = "is_employee"
    title = "职工不需要邀请"


async def join_unit(
    session: WriteSession, *, actor: Actor | None, person_id: UUID, unit_id: UUID, day: date, now: datetime
) -> None:
    """Works at the unit from `day` on; a membership elsewhere ends that day, and with it the roles held in another
    company. Already there is success. Raises AlreadyPlanned when a later membership is known.
    """
    before = await unit_of_person(session, person_id, day)
    if before == unit_id:
        return
    await _end(session, Membership, person_id, day)
    await _begin(session, Membership, {"person_id": person_id, "unit_id": unit_id}, day)
    await _note(session, actor, "member.joined", person_id, {"unit_id": str(unit_id), "from": str(day)}, now)
    if before is not None:
        await rights_follow(session, actor=actor, left=[(person_id, before)], day=day, now=now)


async def leave(session: WriteSession, *, actor: Actor | None, person_id: UUID, day: date, now: datetime) -> bool:
    """Works at no unit from `day` on, and holds no role in the company. False: worked nowhere, and nothing is noted."""
    before = await unit_of_person(session, person_id, day)
    if before is None:
        return False
    await _end(session, Membership, person_id, day)
    await _note(session, actor, "member.left", person_id, {"from": str(day)}, now)
    await rights_follow(session, actor=actor, left=[(person_id, before)], day=day, now=now)
    return True


async def introduce(
    session: WriteSession,
    *,
    actor: Actor | None,
    person_id: UUID,
    unit_id: UUID,
    link_code: str | None = None,
    day: date,
    now: datetime,
) -> None:
    """An outside buyer comes through a unit's effort, from `day` on; another unit's introduction ends that day.

    Raises IsEmployee for whoever works at a unit that day; AlreadyPlanned.
    """
    if await unit_of_person(session, person_id, day) is not None:
        raise IsEmployee("您是本单位职工，请直接用职工账号购买。")
    same = await session.scalar(
        select(col(Introduction.id)).where(
            col(Introduction.person_id) == person_id,
            col(Introduction.unit_id) == unit_id,
            col(Introduction.valid_from) <= day,
            col(Introduction.valid_to).is_(None),
        )
    )
    if same is not None:
        return
    await _end(session, Introduction, person_id, day)
    await _begin(session, Introduction, {"person_id": person_id, "unit_id": unit_id, "link_code": link_code}, day)
    await _note(session, actor, "person.introduced", person_id, {"unit_id": str(unit_id), "from": str(day)}, now)


async def join_union(
    session: WriteSession, *, actor: Actor | None, person_id: UUID, union_id: UUID, day: date, now: datetime
) -> None:
    """A member of the union from `day` on, and of others too. Already a member is success. Raises AlreadyPlanned."""
    member = await session.scalar(
        select(col(UnionMembership.id)).where(
            col(UnionMembership.person_id) == person_id,
            col(UnionMembership.union_id) == union_id,
            col(UnionMembership.valid_from) <= day,
            or_(col(UnionMembership.valid_to).is_(None), col(UnionMembership.valid_to) > day),
        )
    )
    if member is not None:
        return
    await _begin(session, UnionMembership, {"person_id": person_id, "union_id": union_id}, day)
    await _note(session, actor, "union.joined", person_id, {"union_id": str(union_id), "from": str(day)}, now)


async def serve_unit(session: WriteSession, *, union_id: UUID, unit_id: UUID, day: date) -> None:
    """The union serves the unit from `day` on. Raises AlreadyPlanned when it does already."""
    await _begin(session, UnionUnit, {"union_id": union_id, "unit_id": unit_id}, day)


_Dated = type[Membership] | type[Introduction] | type[UnionMembership] | type[UnionUnit]
_EXCLUSION: Final = "_never_"


async def _end(session: WriteSession, kind: type[Membership] | type[Introduction], person_id: UUID, day: date) -> None:
    """What holds on `day` ends; what began that very day never held."""
    await session.execute(delete(kind).where(col(kind.person_id) == person_id, col(kind.valid_from) == day))
    await session.execute(
        update(kind)
        .where(col(kind.person_id) == person_id, col(kind.valid_from) < day)
        .where(or_(col(kind.valid_to).is_(None), col(kind.valid_to) > day))
        .values(valid_to=day)
    )


async def _begin(session: WriteSession, kind: _Dated, facts: dict[str, UUID | str | None], day: date) -> None:
    """The database refuses two at once (EXCLUDE), whoever came first."""
    try:
        async with session.begin_nested():
            await session.execute(insert(kind).values(id=new_id(), valid_from=day, **facts))
    except IntegrityError as error:
        if _EXCLUSION not in str(error.orig):
            raise
        raise AlreadyPlanned("这个人之后（或同时）已有另一条记录，请先核对。") from error


async def _note(
    session: WriteSession, actor: Actor | None, action: str, person_id: UUID, after: dict[str, str], now: datetime
) -> None:
    await record_changes(
        session,
        [Change(action, f"person:{person_id}", None, after)],
        actor_id=actor.user_id if actor else None,
        now=now,
    )
