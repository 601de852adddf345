"""Give a plan up before it is ordered: its money and its members' caps return."""

from datetime import datetime
from uuid import UUID

from orders.bulk.move_on import move_on
from orders.bulk.plan.change_plan import give_up
from orders.bulk.problems import WrongState
from orders.bulk.states import OPEN_TO_CHANGE
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core.audit import record_change
from shop.core.database import WriteSession


async def cancel(session: WriteSession, *, actor: Actor, purchase_id: UUID, reason: str, now: datetime) -> None:
    """Cancelled before is success. Raises NotFound, WrongState once the goods are ordered."""
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    if purchase.state == "cancelled":
        return
    if purchase.state not in OPEN_TO_CHANGE:
        raise WrongState(
            "已经下单：未发货的请提“取消订单”变更单，由审批人同意；已发货的请拒收或退款。",
            extra={"state": purchase.state},
        )
    await give_up(session, purchase_id=purchase_id, decision_id=purchase.decision_id, now=now)
    await move_on(session, purchase_id=purchase_id, to="cancelled", actor_id=actor.user_id, now=now, reason=reason)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.cancelled",
        subject=f"bulk_purchase:{purchase_id}",
        before={"state": purchase.state},
        after={"state": "cancelled"},
        reason=reason,
        now=now,
    )
