"""Months as their doors show them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlmodel import col

from orders.month.models import FIRST_MONTH, SHOP
from orders.month.queries import Month, months_of, reopening_of, unit_name
from orders.month.visibility import own_tops
from orders.period.schemas import ClosingPeriodOut, ClosingStepOut, PeriodPage, ReopeningOut, UnitOut
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.models import Unit
from shop.organisation.queries import top_unit_ids, visible_unit_ids


async def periods_of(
    session: ReadSession, unit_id: UUID, *, limit: int, cursor: str | None, now: datetime
) -> PeriodPage:
    """The current month first, then back."""
    last = clock.month_of(clock.business_day(now))
    if cursor:
        (before,) = read_cursor(cursor, int)
        last = min(last, clock.add_months(before, -1)) if before >= FIRST_MONTH else FIRST_MONTH - 1
    unit = await _unit(session, unit_id)
    found = await months_of(session, unit_id, last=last, limit=limit)
    oldest = found[-1].period.month if found else FIRST_MONTH
    return PeriodPage(
        items=[_period(unit, one) for one in found],
        next_cursor=cursor_of(oldest) if oldest > FIRST_MONTH else None,
    )


async def period_out(session: ReadSession, unit_id: UUID, month: int) -> ClosingPeriodOut:
    (found,) = await months_of(session, unit_id, last=month, limit=1)
    return _period(await _unit(session, unit_id), found)


async def reopening_out(session: ReadSession, reopening_id: UUID) -> ReopeningOut:
    found = await reopening_of(session, reopening_id)
    return _reopening(await _unit(session, found.unit_id), found)


async def units_to_choose(session: ReadSession, actor: Actor, now: datetime) -> list[UnitOut]:
    """Top units whose months a caller may see; the shop's own are not among them."""
    day = clock.business_day(now)
    if await visible_unit_ids(session, actor, Permission.CREDIT_READ, day) is None:
        tops = await top_unit_ids(session, actor, day)
    else:
        tops = await own_tops(session, actor, Permission.CREDIT_READ, day=day)
    requested = select(col(Unit.id), col(Unit.name)).where(col(Unit.id).in_(tops)).order_by(col(Unit.code))
    return [UnitOut(id=row.id, name=row.name) for row in await session.execute(requested)]


async def _unit(session: ReadSession, unit_id: UUID) -> UnitOut | None:
    return None if unit_id == SHOP else UnitOut(id=unit_id, name=await unit_name(session, unit_id) or "")


def _period(unit: UnitOut | None, month: Month) -> ClosingPeriodOut:
    row = month.period
    return ClosingPeriodOut(
        unit=unit,
        month=as_text(row.month),
        state=row.state,
        adjusts_until=row.adjusts_until,
        closed_by=row.closed_by,
        closer=row.closer,
        closed_at=row.closed_at,
        was_open=row.was_open,
        reopening=_reopening(unit, month.reopening) if month.reopening else None,
        history=[
            ClosingStepOut(kind=one.kind, at=one.at, actor=one.actor, asker=one.asker, reason=one.reason)
            for one in month.events
        ],
    )


def _reopening(unit: UnitOut | None, row: Row[Any]) -> ReopeningOut:
    return ReopeningOut(
        id=row.id,
        unit=unit,
        month=as_text(row.month),
        state=row.state,
        reason=row.reason,
        asked_by=row.asked_by,
        asker=row.asker,
        asked_at=row.asked_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision=row.decision,
    )


def as_text(month: int) -> str:
    return f"{month // 100:04}-{month % 100:02}"
