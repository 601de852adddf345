"""Whose filings a caller sees: a branch its own, the unit that opened the round all of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

_ROUND = text("SELECT * FROM filing_round WHERE id = :id")
_FILING = text("""
SELECT f.*, r.month, r.unit_id AS round_unit_id FROM filing f JOIN filing_round r ON r.id = f.round_id
WHERE f.round_id = :round AND f.unit_id = :unit
""")
_SEES = text("""
SELECT EXISTS (SELECT FROM filing WHERE round_id = :round AND unit_id = ANY(:units))
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))


async def round_for(
    session: ReadSession, actor: Actor, round_id: UUID, *, now: datetime
) -> tuple[Row[Any], frozenset[UUID] | None]:
    """The round, and the units of it that the caller sees (None: all). Raises NotFound for strangers."""
    visible = await visible_unit_ids(session, actor, Permission.REPORT_READ, clock.business_day(now))
    row = (await session.execute(_ROUND, {"id": round_id})).one_or_none()
    if row is None:
        raise _no_round()
    if visible is None or row.unit_id in visible:
        return row, None
    if not await session.scalar(_SEES, {"round": round_id, "units": sorted(visible)}):
        raise _no_round()
    return row, visible


async def filing_for(
    session: ReadSession, actor: Actor, permission: Permission, round_id: UUID, unit_id: UUID, *, now: datetime
) -> Row[Any]:
    """A branch's filing, for whoever may act for that branch. Raises NotFound."""
    visible = await visible_unit_ids(session, actor, permission, clock.business_day(now))
    row = (await session.execute(_FILING, {"round": round_id, "unit": unit_id})).one_or_none()
    if row is None or (visible is not None and unit_id not in visible):
        raise NotFound("没有这份填报。")
    return row


async def asking_for(session: ReadSession, actor: Actor, round_id: UUID, unit_id: UUID, *, now: datetime) -> Row[Any]:
    """A filing, for the people of the unit that opened the round: they chase and send back. Raises NotFound."""
    row = await filing_for(session, actor, Permission.FILING_WRITE, round_id, unit_id, now=now)
    visible = await visible_unit_ids(session, actor, Permission.FILING_WRITE, clock.business_day(now))
    if visible is not None and row.round_unit_id not in visible:
        raise NotFound("没有这份填报。")
    return row


def _no_round() -> NotFound:
    return NotFound("没有这轮填报。")
