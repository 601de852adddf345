"""Keep a list to order from again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text

from orders.canteen.amount import Amount, goods_of, measured
from orders.canteen.visibility import kitchen_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows

_ID = bindparam("id", type_=Uuid)


class ListNameTaken(Problem):
    status = 409
    code = "canteen_list_name_taken"
    title = "这个食堂已有同名清单"


class ListChanged(Problem):
    """Somebody else changed it since it was opened."""

    status = 409
    code = "canteen_list_changed"
    title = "清单刚刚被别人改过"


class NoSuchList(NotFound):
    code = "canteen_list_not_found"
    title = "没有这个清单"


_ADD = text("""
INSERT INTO canteen_list (id, canteen_id, name, version, changed_by, changed_at)
VALUES (:id, :canteen, :name, 1, :by, :now) ON CONFLICT (canteen_id, name) DO NOTHING RETURNING id
""").bindparams(_ID, bindparam("canteen", type_=Uuid), bindparam("by", type_=Uuid))
_CHANGE = text("""
UPDATE canteen_list l SET name = :name, version = version + 1, changed_by = :by, changed_at = :now
WHERE id = :id AND version = :version
    AND NOT EXISTS (SELECT FROM canteen_list o WHERE o.canteen_id = l.canteen_id AND o.name = :name AND o.id <> l.id)
RETURNING version
""").bindparams(_ID, bindparam("by", type_=Uuid))
_CLEAR = text("DELETE FROM canteen_list_line WHERE list_id = :id").bindparams(_ID)
_FILL = text("""
INSERT INTO canteen_list_line (list_id, sku_id, position, milli)
SELECT :id, sku_id, index + 1, milli
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(sku_id uuid, milli bigint, index int)
""").bindparams(_ID)
_REMOVE = text("DELETE FROM canteen_list WHERE id = :id").bindparams(_ID)
_FIND = text("SELECT canteen_id, version FROM canteen_list WHERE id = :id").bindparams(_ID)


async def add_list(
    session: WriteSession, *, actor: Actor, canteen_id: UUID, name: str, lines: Sequence[Amount], now: datetime
) -> UUID:
    """Raises NoSuchCanteen, BadAmount, ListNameTaken."""
    await kitchen_for(session, actor, Permission.CANTEEN_BUY, canteen_id, clock.business_day(now))
    rows = measured(lines, await goods_of(session, [line.sku_id for line in lines]))
    list_id = new_id()
    facts = {"id": list_id, "canteen": canteen_id, "name": name, "by": actor.user_id, "now": now}
    if await session.scalar(_ADD, facts) is None:
        raise ListNameTaken("请换一个名字，或修改原来的清单。")
    await session.execute(_FILL, {"id": list_id, "rows": as_rows(rows)})
    return list_id


async def change_list(
    session: WriteSession,
    *,
    actor: Actor,
    list_id: UUID,
    version: int,
    name: str,
    lines: Sequence[Amount],
    now: datetime,
) -> int:
    """Replace name and lines of the version that was looked at; the new version.

    Raises NoSuchList, BadAmount, ListChanged, ListNameTaken.
    """
    known = await _mine(session, actor, list_id, now)
    rows = measured(lines, await goods_of(session, [line.sku_id for line in lines]))
    changed: int | None = await session.scalar(
        _CHANGE, {"id": list_id, "version": version, "name": name, "by": actor.user_id, "now": now}
    )
    if changed is None:
        if known != version:
            raise ListChanged("请重新打开清单，看过别人的改动后再改。")
        raise ListNameTaken("请换一个名字。")
    await session.execute(_CLEAR, {"id": list_id})
    await session.execute(_FILL, {"id": list_id, "rows": as_rows(rows)})
    return changed


async def remove_list(session: WriteSession, *, actor: Actor, list_id: UUID, now: datetime) -> None:
    """Orders made from it stay. Raises NoSuchList."""
    await _mine(session, actor, list_id, now)
    await session.execute(_CLEAR, {"id": list_id})
    await session.execute(_REMOVE, {"id": list_id})


async def _mine(session: ReadSession, actor: Actor, list_id: UUID, now: datetime) -> int:
    """Its version, for whoever may buy for its canteen."""
    row = (await session.execute(_FIND, {"id": list_id})).one_or_none()
    if row is None:
        raise NoSuchList("请从清单页重新打开。")
    try:
        await kitchen_for(session, actor, Permission.CANTEEN_BUY, row.canteen_id, clock.business_day(now))
    except NotFound as stranger:
        raise NoSuchList("请从清单页重新打开。") from stranger
    version: int = row.version
    return version
