"""The tree of units changes: a unit is added, moves under another from a day on, or gets a canteen."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import col, delete, insert, select, update

from shop.access.permissions import Actor
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem
from shop.core.ids import new_id
from shop.core.window import in_force
from shop.organisation.models import Canteen, Unit, UnitParent


class UnitCodeTaken(Problem):
    status = 409
    code = "unit_code_taken"
    title = "单位代码已被使用"


class NoSuchUnit(NotFound):
    code = "unit_not_found"
    title = "没有这个单位"


class TreeWouldClose(Problem):
    """A unit would stand above itself on some day."""

    status = 409
    code = "unit_above_itself"
    title = "上级单位有误"


# The tree is changed by one writer at a time: two moves at once could close a ring that neither sees.
_ONE_WRITER: Final = text("LOCK TABLE unit_parent IN SHARE ROW EXCLUSIVE MODE")

# On the first day and on every later day on which the tree changes: walking up from the new parent, is the unit met?
_RING: Final = text(f"""
    WITH RECURSIVE days (day) AS (
        SELECT CAST(:day AS date)
        UNION SELECT valid_from FROM unit_parent WHERE valid_from > :day
        UNION SELECT valid_to FROM unit_parent WHERE valid_to > :day
    ), path (day, unit_id) AS (
        SELECT day, CAST(:parent_id AS uuid) FROM days WHERE CAST(:until AS date) IS NULL OR day < :until
        UNION
        SELECT path.day, above.parent_id
        FROM path JOIN unit_parent AS above ON above.unit_id = path.unit_id
        WHERE {in_force("above", "path.day")}
    )
    SELECT EXISTS (SELECT FROM path WHERE unit_id = :unit_id)
""").bindparams(  # noqa: S608  # our own words
    bindparam("day", type_=Date), bindparam("until", type_=Date),
    bindparam("parent_id", type_=Uuid), bindparam("unit_id", type_=Uuid),
)  # fmt: skip


async def add_unit(
    session: WriteSession,
    *,
    actor: Actor | None,
    code: str,
    name: str,
    province: str | None = None,
    parent_id: UUID | None = None,
    valid_from: date,
    now: datetime,
) -> UUID:
    """A new unit, at the top or under another from its first day on. Raises UnitCodeTaken, NoSuchUnit."""
    row = insert_once(Unit).values(
        id=new_id(), code=code, name=name, province=province, valid_from=valid_from, created_at=now
    )
    unit_id: UUID | None = await session.scalar(row.on_conflict_do_nothing().returning(col(Unit.id)))
    if unit_id is None:
        raise UnitCodeTaken("请换一个代码，或修改已有的单位。")
    await record_changes(
        session, [Change("unit.added", f"unit:{unit_id}", None, {"code": code})], actor_id=_id(actor), now=now
    )
    if parent_id is not None:
        await move_unit(session, actor=actor, unit_id=unit_id, parent_id=parent_id, day=valid_from, now=now)
    return unit_id


async def move_unit(
    session: WriteSession,
    *,
    actor: Actor | None,
    unit_id: UUID,
    parent_id: UUID | None,
    day: date,
    reason: str | None = None,
    now: datetime,
) -> None:
    """From `day` on the unit stands under `parent_id` (None: at the top), until the next change already planned.

    What was before that day stays as it was. Raises NoSuchUnit, TreeWouldClose.
    """
    await session.execute(_ONE_WRITER)
    known = await session.scalars(select(col(Unit.id)).where(col(Unit.id).in_([unit_id, parent_id or unit_id])))
    if set(known) != {unit_id, parent_id or unit_id}:
        raise NoSuchUnit("请核对单位。")
    rows = (
        await session.scalars(
            select(UnitParent).where(col(UnitParent.unit_id) == unit_id).order_by(col(UnitParent.valid_from))
        )
    ).all()
    current = next(
        (row for row in rows if row.valid_from <= day and (row.valid_to is None or row.valid_to > day)), None
    )
    before = current.parent_id if current else None
    if before == parent_id:
        return
    until = current.valid_to if current else next((row.valid_from for row in rows if row.valid_from > day), None)
    if parent_id is not None and await session.scalar(
        _RING, {"day": day, "until": until, "parent_id": parent_id, "unit_id": unit_id}
    ):
        raise TreeWouldClose("这个上级单位当时（或之后）是它自己的下级，请先调整那一边。")
    if current:
        await _close(session, current, day)
    if parent_id is not None:
        await session.execute(
            insert(UnitParent).values(id=new_id(), unit_id=unit_id, parent_id=parent_id, valid_from=day, valid_to=until)
        )
    await record_changes(
        session,
        [
            Change(
                "unit.moved",
                f"unit:{unit_id}",
                {"parent_id": before and str(before)},
                {"parent_id": parent_id and str(parent_id), "from": str(day)},
                reason,
            )
        ],
        actor_id=_id(actor),
        now=now,
    )


async def add_canteen(session: WriteSession, *, unit_id: UUID, name: str, now: datetime) -> UUID:
    """A unit gets a kitchen that buys; how it pays says its contract."""
    row = insert(Canteen).values(id=new_id(), unit_id=unit_id, name=name, created_at=now)
    made: UUID = (await session.execute(row.returning(col(Canteen.id)))).scalar_one()
    return made


async def _close(session: WriteSession, current: UnitParent, day: date) -> None:
    """A row that began the same day never held for a day, so it goes."""
    if current.valid_from == day:
        await session.execute(delete(UnitParent).where(col(UnitParent.id) == current.id))
    else:
        await session.execute(update(UnitParent).where(col(UnitParent.id) == current.id).values(valid_to=day))


def _id(actor: Actor | None) -> UUID | None:
    return actor.user_id if actor else None
