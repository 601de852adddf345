"""A closed month is opened again: one person asks and says why, another person decides."""

from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import Row, text

from orders.month.queries import subject_of
from orders.month.visibility import may_close
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id


class MonthOpen(Problem):
    """It was never closed, or is open again: there is nothing to open."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "month_open"
    title: ClassVar[str] = "这个月份没有关账"


class ReopeningAsked(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "reopening_asked"
    title: ClassVar[str] = "这个月份已有重新开账的申请"


class AlreadyDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_decided"
    title: ClassVar[str] = "这份重新开账申请已经有人处理"


class OwnRequest(Problem):
    """Who asked for it may not decide it."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事审批"


_CLOSED = text("SELECT state FROM unit_month WHERE unit_id = :unit AND month = :month FOR SHARE")
_ASK = text("""
INSERT INTO period_reopening (id, unit_id, month, state, reason, asked_by, asked_at)
VALUES (:id, :unit, :month, 'requested', :reason, :actor, :now)
ON CONFLICT (unit_id, month) WHERE state = 'requested' DO NOTHING RETURNING id
""")
_REOPENING = text("SELECT * FROM period_reopening WHERE id = :id AND month = :month")
# Months before requests, by whoever asks, decides or closes: so nobody waits in a ring.
_HOLD = text("SELECT state FROM unit_month WHERE unit_id = :unit AND month = :month FOR NO KEY UPDATE")
_DECIDE = text("""
UPDATE period_reopening SET state = :state, decided_by = :actor, decided_at = :now, decision = :decision
WHERE id = :id AND state = 'requested' AND asked_by <> :actor RETURNING id
""")
_OPEN = text("""
UPDATE unit_month SET state = 'open', adjusts_until = NULL, closed_by = NULL, closed_at = NULL, was_open = NULL
WHERE unit_id = :unit AND month = :month AND state <> 'open' RETURNING month
""")
_EVENT = text("""
INSERT INTO period_event (id, unit_id, month, kind, at, actor_id, reason, reopening_id)
VALUES (:event, :unit, :month, 'reopened', :now, :actor, :reason, :id)
""")


async def ask_reopening(
    session: WriteSession, *, actor: Actor, unit_id: UUID, month: int, reason: str, now: datetime
) -> UUID:
    """Nothing moves before another person agreed. Raises NotFound, MonthOpen, ReopeningAsked."""
    await may_close(session, actor, unit_id, month, day=clock.business_day(now))
    state: str | None = await session.scalar(_CLOSED, {"unit": unit_id, "month": month})
    if state in (None, "open"):
        raise MonthOpen("只有已关账的月份可以重新开账。")
    facts = {"id": new_id(), "unit": unit_id, "month": month, "reason": reason, "actor": actor.user_id, "now": now}
    asked: UUID | None = await session.scalar(_ASK, facts)
    if asked is None:
        raise ReopeningAsked("请等待另一位同事审批已有的申请。")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="period.reopen_ask",
        subject=subject_of(unit_id, month),
        before={"state": state},
        after={"reopening_id": str(asked)},
        reason=reason,
        now=now,
    )
    return asked


async def decide_reopening(
    session: WriteSession,
    *,
    actor: Actor,
    month: int,
    reopening_id: UUID,
    state: Literal["approved", "refused"],
    decision: str | None,
    now: datetime,
) -> UUID:
    """Approved, the month takes entries again until it is closed again; refused, nothing moves. Returns whose it is.

    Raises NotFound, OwnRequest, AlreadyDecided.
    """
    asked = await _asked(session, actor, month, reopening_id, now)
    if asked.asked_by == actor.user_id:
        raise OwnRequest("申请人不能审批自己的申请。")
    facts = {"id": reopening_id, "unit": asked.unit_id, "month": month, "actor": actor.user_id, "now": now}
    await session.execute(_HOLD, facts)
    decided = await session.scalar(_DECIDE, facts | {"state": state, "decision": decision})
    if decided is None:
        raise AlreadyDecided("请刷新页面查看结果。")
    if state == "approved":
        await session.execute(_OPEN, facts)
        await session.execute(_EVENT, facts | {"event": new_id(), "reason": asked.reason})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="period.reopen" if state == "approved" else "period.reopen_refuse",
        subject=subject_of(asked.unit_id, month),
        before={"reopening_id": str(reopening_id), "asked_by": str(asked.asked_by), "asked_for": asked.reason},
        after={"state": "open" if state == "approved" else "closed"},
        reason=decision or ("同意" if state == "approved" else None),
        now=now,
    )
    unit_id: UUID = asked.unit_id
    return unit_id


async def _asked(session: WriteSession, actor: Actor, month: int, reopening_id: UUID, now: datetime) -> Row[Any]:
    asked = (await session.execute(_REOPENING, {"id": reopening_id, "month": month})).one_or_none()
    if asked is None:
        raise _no_reopening()
    try:
        await may_close(session, actor, asked.unit_id, month, day=clock.business_day(now))
    except NotFound as out_of_reach:
        raise _no_reopening() from out_of_reach
    return asked


def _no_reopening() -> NotFound:
    return NotFound("没有这份重新开账申请。", [Detail("/id", "not_found", "没有这份申请")])
