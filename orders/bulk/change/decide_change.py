"""The second person's word on a change: approved, it takes effect in the same transaction."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import Row, text

from orders.bulk.approval.authority import DutiesApart, rights_of
from orders.bulk.change.cancel_order import cancel_order
from orders.bulk.change.change_order import ORDERED, ApprovedChange, digest_of_change, note_change
from orders.bulk.change.join_late import join_late
from orders.bulk.change.move_spare import move_spare
from orders.bulk.change.substitute import substitute
from orders.bulk.problems import ApprovalStale
from orders.bulk.states import ChangeKind
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem


class ChangeOver(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "change_over"
    title: ClassVar[str] = "这张变更单已经处理"


Effect = Callable[[WriteSession, Actor, ApprovedChange, datetime], Awaitable[UUID | None]]
EFFECTS: Final[Mapping[ChangeKind, Effect]] = {
    "late_joiners": join_late,
    "substitution": substitute,
    "spare_moved": move_spare,
    "cancellation": cancel_order,
}
"""The verb that moves goods and money when the second person approves; it returns a further order, or None."""

_LOCK = text("SELECT * FROM bulk_change WHERE id = :change AND purchase_id = :purchase FOR NO KEY UPDATE")
_DECIDE = text("""
UPDATE bulk_change SET state = :state, approved_by = :actor, approved_at = :now
WHERE id = :change AND state = 'requested' AND requested_by <> :actor
""")
_DONE = text("UPDATE bulk_change SET state = 'done', order_id = :order WHERE id = :change AND state = 'approved'")


async def approve_change(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, change_id: UUID, content_sha256: str, now: datetime
) -> str:
    """The second person's yes: the change takes effect in the same transaction. Returns its state.

    Approving again is success. Raises NotFound, DutiesApart, NotApprover, ApprovalStale, ChangeOver, and whatever the
    effect raises.
    """
    purchase, change = await _asked(session, actor, purchase_id, change_id, now)
    if change.approved_by == actor.user_id and change.state in {"approved", "done"}:
        return str(change.state)
    await _still_open(purchase, change, content_sha256)
    await session.execute(_DECIDE, {"change": change_id, "state": "approved", "actor": actor.user_id, "now": now})
    await note_change(session, actor, purchase_id, change_id, "approved", None, now)
    approved = ApprovedChange(change.id, purchase_id, change.kind, change.terms, change.reason, change.requested_by)
    order_id = await EFFECTS[change.kind](session, actor, approved, now)
    await session.execute(_DONE, {"change": change_id, "order": order_id})
    return "done"


async def reject_change(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, change_id: UUID, content_sha256: str, now: datetime
) -> None:
    """The second person's no: everything stays as it was ordered. Raises as `approve_change`."""
    purchase, change = await _asked(session, actor, purchase_id, change_id, now)
    await _still_open(purchase, change, content_sha256)
    await session.execute(_DECIDE, {"change": change_id, "state": "rejected", "actor": actor.user_id, "now": now})
    await note_change(session, actor, purchase_id, change_id, "rejected", None, now)


async def _asked(
    session: WriteSession, actor: Actor, purchase_id: UUID, change_id: UUID, now: datetime
) -> tuple[Row[Any], Row[Any]]:
    purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now, lock=True)
    change = (await session.execute(_LOCK, {"change": change_id, "purchase": purchase_id})).one_or_none()
    if change is None:
        raise NotFound("没有这张变更单。")
    if change.requested_by == actor.user_id:
        raise DutiesApart("变更由您提出，请另一位审批人审批。")
    await rights_of(session, actor=actor, purchase=purchase, day=clock.business_day(now))
    return purchase, change


async def _still_open(purchase: Row[Any], change: Row[Any], content_sha256: str) -> None:
    if change.state != "requested" or purchase.state not in ORDERED:
        raise ChangeOver("请刷新页面查看结果。")
    if (
        content_sha256 != change.content_sha256
        or digest_of_change(purchase, change.kind, change.terms) != content_sha256
    ):
        raise ApprovalStale("变更内容与您看到的不同，请重新打开后再审批。")
