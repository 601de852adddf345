"""Which rows of the bank a person may act on: those that desks of his units imported."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

# In order of their ids, as everybody who needs several locks them.
_ROWS = text("""
SELECT t.id, t.amount_fen, t.day, t.state, s.unit_id FROM bank_transfer t JOIN bank_statement s ON s.id = t.statement_id
WHERE t.id = ANY(:ids) ORDER BY t.id FOR UPDATE OF t
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def transfers_locked(
    session: WriteSession, actor: Actor, permission: Permission, ids: Sequence[UUID], now: datetime
) -> list[Row[Any]]:
    """The locked rows (id, amount_fen, day, state, unit_id). Raises NotFound unless the actor sees all their desks."""
    units = await visible_unit_ids(session, actor, permission, clock.business_day(now))
    rows = list((await session.execute(_ROWS, {"ids": list(ids)})).all())
    if len(rows) < len(set(ids)) or any(units is not None and row.unit_id not in units for row in rows):
        raise NotFound("没有这笔到账。")
    return rows
