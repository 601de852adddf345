"""Another person decides: cleared, or a finding that somebody puts right by a day. Once, whoever else decides too."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.integrity.assignees import assignees
from orders.integrity.review import Outcome
from orders.integrity.visibility import flag_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, Invalid, Problem
from shop.core.ids import new_id


class ReviewFirst(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "review_first"
    title: ClassVar[str] = "还没有人提出处理意见"


class OwnProposal(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事决定"


class AlreadyDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_decided"
    title: ClassVar[str] = "这条标记已经有人决定"


@dataclass(frozen=True, slots=True)
class Duty:
    """What a finding asks for: who puts it right, by which day (the last one), and what."""

    owner_id: UUID
    due_on: date
    what: str


_PROPOSED = text("SELECT proposed_by, outcome FROM flag_review WHERE flag_id = :flag")
_DECIDE = text("""
INSERT INTO flag_decision (flag_id, proposed_by, decided_by, outcome, reason, decided_at)
VALUES (:flag, :proposed_by, :actor, :outcome, :reason, :now) ON CONFLICT DO NOTHING RETURNING flag_id
""")
_OPEN = text("""
INSERT INTO rectification (id, flag_id, unit_id, what, owner_id, due_on, state, opened_by, opened_at)
VALUES (:id, :flag, :unit, :what, :owner, :due_on, 'open', :actor, :now)
""")


async def decide(
    session: WriteSession,
    *,
    actor: Actor,
    flag_id: UUID,
    outcome: Outcome,
    reason: str,
    duty: Duty | None,
    now: datetime,
) -> UUID | None:
    """Decide what was proposed, or the contrary; returns the id of a finding's rectification item.

    Raises NotFound, ReviewFirst, OwnProposal, AlreadyDecided; Invalid where a finding names a past day, or nobody who
    may put it right (see assignees.py).
    """
    flag = await flag_for(session, actor, Permission.FLAG_CLEAR, flag_id, now=now)
    proposed = (await session.execute(_PROPOSED, {"flag": flag_id})).one_or_none()
    if proposed is None:
        raise ReviewFirst("请先由一位同事提出处理意见，再由另一位决定。")
    if proposed.proposed_by == actor.user_id:
        raise OwnProposal("提出意见的人不能自己决定。")
    if outcome == "finding":
        await _check_duty(session, actor, flag.unit_id, duty, now)
    named = {
        "flag": flag_id,
        "proposed_by": proposed.proposed_by,
        "actor": actor.user_id,
        "outcome": outcome,
        "reason": reason,
        "now": now,
    }
    if await session.scalar(_DECIDE, named) is None:
        raise AlreadyDecided("请刷新页面查看结果。")
    changes = [
        Change(
            "flag.decide",
            f"flag:{flag_id}",
            {"proposed": proposed.outcome},
            {"kind": flag.kind, "outcome": outcome},
            reason,
        )
    ]
    item_id = None
    if outcome == "finding" and duty is not None:
        item_id = new_id()
        opened = {"id": item_id, "unit": flag.unit_id, "what": duty.what, "owner": duty.owner_id, "due_on": duty.due_on}
        await session.execute(_OPEN, opened | {"flag": flag_id, "actor": actor.user_id, "now": now})
        after = {"flag": str(flag_id), "owner": str(duty.owner_id), "due_on": str(duty.due_on)}
        changes.append(Change("rectification.open", f"rectification:{item_id}", None, after, duty.what))
    await record_changes(session, changes, actor_id=actor.user_id, now=now)
    return item_id


async def _check_duty(
    session: WriteSession, actor: Actor, unit_id: UUID | None, duty: Duty | None, now: datetime
) -> None:
    today = clock.business_day(now)
    if duty is None:
        raise Invalid("认定为问题时请写明整改负责人、期限和要求。", [Detail("/duty", "required", "请填写整改要求")])
    if duty.due_on < today:
        raise Invalid("整改期限不能早于今天。", [Detail("/duty/due_on", "in_the_past", "不能早于今天")])
    if not await assignees(session, actor, unit_id, day=today, one=duty.owner_id):
        raise Invalid("请选择一位帮扶办同事负责整改。", [Detail("/duty/owner_id", "not_found", "没有这位同事")])
