"""Approve a plan, or send it back: what counts is the content that was looked at, and each person once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.bulk.approval.authority import NotApprover, Right, rights_of
from orders.bulk.move_on import move_on
from orders.bulk.plan.change_plan import give_up
from orders.bulk.plan.content import content_hash
from orders.bulk.problems import STATE_WORDS, ApprovalStale, WrongState
from orders.bulk.visibility import purchase_for
from orders.evidence.cite import cited
from orders.spending.take_caps import take_caps
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id


class MinutesMissing(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "minutes_missing"
    title: ClassVar[str] = "这一档金额需要附集体研究的会议纪要"


@dataclass(frozen=True, slots=True)
class Approved:
    state: str
    revision: int
    approvals: int
    approvers_needed: int


_DECIDED = text("""
SELECT approver_id, delegated_by, decision, minutes_sha256 FROM bulk_approval
WHERE purchase_id = :purchase AND revision = :revision ORDER BY step
""")
_DECIDE = text("""
INSERT INTO bulk_approval (id, purchase_id, revision, step, requester_id, approver_id, delegated_by, decision,
    content_sha256, minutes_sha256, reason, at)
VALUES (:id, :purchase, :revision, :step, :requester, :approver, :delegated_by, :decision, :sha, :minutes, :reason,
    :now)
""")


async def approve(
    session: WriteSession,
    *,
    actor: Actor,
    purchase_id: UUID,
    content_sha256: str,
    now: datetime,
    minutes_sha256: str | None = None,
    reason: str | None = None,
) -> Approved:
    """One approver's yes. The last one that the tier asks for takes the members' caps, and the plan is approved.

    Approving the same content again is success and counts once. Raises NotFound, DutiesApart, NotApprover,
    ApprovalStale, WrongState, MinutesMissing (where several must approve, the last one needs them), CapExceeded.
    """
    purchase, rights = await _asked(session, actor, purchase_id, now)
    before = await _decided(session, purchase)
    needed = purchase.approvers_needed or 1
    if any(row.approver_id == actor.user_id and row.decision == "approved" for row in before):
        if purchase.content_sha256 != content_sha256:
            raise _stale()
        return Approved(purchase.state, purchase.revision, len(before), needed)
    await _same_content(session, purchase, content_sha256)
    right = _not_counted_yet(rights, before, actor)
    await cited(session, actor, minutes_sha256, field="minutes_sha256", day=clock.business_day(now))
    _check_minutes(minutes_sha256, needs=needed > 1 and len(before) + 1 >= needed, before=before)
    await _write(session, purchase, actor, right, "approved", len(before) + 1, minutes_sha256, reason, now)
    count = len(before) + 1
    if count < needed:
        return Approved("submitted", purchase.revision, count, needed)
    await take_caps(session, purchase.decision_id, now=now)
    await move_on(
        session, purchase_id=purchase_id, to="approved", actor_id=actor.user_id, now=now, revision=purchase.revision
    )
    return Approved("approved", purchase.revision, count, needed)


async def reject(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, content_sha256: str, reason: str, now: datetime
) -> Approved:
    """One approver's no sends the plan back; what it had taken of the budget returns. Raises as `approve`."""
    purchase, rights = await _asked(session, actor, purchase_id, now)
    await _same_content(session, purchase, content_sha256)
    before = await _decided(session, purchase)
    right = _not_counted_yet(rights, before, actor)
    await _write(session, purchase, actor, right, "rejected", len(before) + 1, None, reason, now)
    await give_up(session, purchase_id=purchase_id, decision_id=purchase.decision_id, now=now)
    await move_on(
        session,
        purchase_id=purchase_id,
        to="rejected",
        actor_id=actor.user_id,
        now=now,
        reason=reason,
        revision=purchase.revision,
    )
    return Approved("rejected", purchase.revision, len(before), purchase.approvers_needed or 1)


async def _asked(
    session: WriteSession, actor: Actor, purchase_id: UUID, now: datetime
) -> tuple[Row[Any], Sequence[Right]]:
    """The purchase, locked: two approvers, and a change meanwhile, come one after the other."""
    purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now, lock=True)
    rights = await rights_of(session, actor=actor, purchase=purchase, day=clock.business_day(now))
    return purchase, rights


async def _decided(session: WriteSession, purchase: Row[Any]) -> Sequence[Row[Any]]:
    named = {"purchase": purchase.id, "revision": purchase.revision}
    return (await session.execute(_DECIDED, named)).all()


async def _same_content(session: WriteSession, purchase: Row[Any], content_sha256: str) -> None:
    """What was looked at is what was submitted, and what stands there now."""
    if purchase.content_sha256 != content_sha256:
        raise _stale()
    if purchase.state != "submitted":
        raise WrongState(f"采购现在是“{STATE_WORDS[purchase.state]}”，不在等待审批。", extra={"state": purchase.state})
    if await content_hash(session, purchase.id) != content_sha256:
        raise _stale()


def _stale() -> ApprovalStale:
    return ApprovalStale("采购内容与您看到的不同，请重新打开，核对后再审批。")


def _not_counted_yet(rights: Sequence[Right], before: Sequence[Row[Any]], actor: Actor) -> Right:
    """A person counts once, whether he decided himself or somebody did for him."""
    counted = {row.approver_id for row in before} | {row.delegated_by for row in before if row.delegated_by}
    for right in rights:
        if (right.delegated_by or actor.user_id) not in counted:
            return right
    raise NotApprover("这一份审批权已经用过：本人与其受托人只能算一次。")


def _check_minutes(minutes_sha256: str | None, *, needs: bool, before: Sequence[Row[Any]]) -> None:
    if minutes_sha256 is None and needs and not any(row.minutes_sha256 for row in before):
        raise MinutesMissing("请上传会议纪要后再审批。")


async def _write(
    session: WriteSession,
    purchase: Row[Any],
    actor: Actor,
    right: Right,
    decision: str,
    step: int,
    minutes_sha256: str | None,
    reason: str | None,
    now: datetime,
) -> None:
    facts = {
        "id": new_id(),
        "purchase": purchase.id,
        "revision": purchase.revision,
        "step": step,
        "requester": purchase.requester_id,
        "approver": actor.user_id,
        "delegated_by": right.delegated_by,
        "decision": decision,
        "sha": purchase.content_sha256,
        "minutes": minutes_sha256,
        "reason": reason,
        "now": now,
    }
    await session.execute(_DECIDE, facts)
    await record_change(
        session,
        actor_id=actor.user_id,
        action=f"bulk.{decision}",
        subject=f"bulk_purchase:{purchase.id}",
        after={"revision": purchase.revision, "content_sha256": purchase.content_sha256, "step": step},
        reason=reason,
        now=now,
    )
