"""An ordered purchase is given up before anything was sent: by change order, so two people want it."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from catalog.stock import moving
from orders.acceptance.open_parts import what_is_open
from orders.acceptance.reduce import Taken, Why, reduce
from orders.acceptance.rules import Group, Left
from orders.aftersales.rules import Part
from orders.bulk.change.change_order import ApprovedChange
from orders.bulk.move_on import move_on
from orders.bulk.plan.change_plan import give_up
from orders.order.allocate import drop_freight
from orders.order.move_on import move_on as order_moves_on
from orders.order.shares import lower_due
from orders.spending.release_caps import release_caps
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem


class TooLateToCancel(Problem):
    """Goods are on their way: what is not wanted is refused at the door, or given back."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_cancellable"
    title: ClassVar[str] = "已有货物发出，不能整单取消"


_ORDERS = text("""
SELECT id FROM shop_order WHERE id IN (SELECT order_id FROM bulk_purchase WHERE id = :purchase
    UNION SELECT order_id FROM bulk_change WHERE purchase_id = :purchase) ORDER BY id FOR NO KEY UPDATE
""")
_SENT = text("""
SELECT EXISTS (SELECT FROM shop_order o WHERE o.id = ANY(:orders) AND (o.state <> 'confirmed'
    OR EXISTS (SELECT FROM parcel p JOIN dispatch s ON s.parcel_id = p.id WHERE p.order_id = o.id)
    OR EXISTS (SELECT FROM acceptance a WHERE a.order_id = o.id)))
""")
_LINES = text("SELECT id FROM order_line WHERE order_id = :order ORDER BY id")
_DECISIONS = text("SELECT decision_id FROM spending_take WHERE purchase_id = :purchase AND released_at IS NULL")
_PURCHASE = text("SELECT state, decision_id FROM bulk_purchase WHERE id = :purchase")


async def cancel_order(session: WriteSession, actor: Actor, change: ApprovedChange, now: datetime) -> UUID | None:
    """Nobody owes anything any more: what was paid stands as advances, to be paid back by the bank desk.

    Stock, budget and caps return. Raises TooLateToCancel.
    """
    purchase = (await session.execute(_PURCHASE, {"purchase": change.purchase_id})).one()
    orders = list(await session.scalars(_ORDERS, {"purchase": change.purchase_id}))
    if purchase.state != "ordered" or await session.scalar(_SENT, {"orders": orders}):
        raise TooLateToCancel("请在验收时拒收，或由帮扶办按退款办理。")
    for order_id in orders:
        await _give_up_order(session, actor, change, order_id, now)
    await moving.release(session, order_ids=orders)
    await give_up(session, purchase_id=change.purchase_id, decision_id=purchase.decision_id, now=now)
    for decision_id in list(await session.scalars(_DECISIONS, {"purchase": change.purchase_id})):  # of late joiners
        await release_caps(session, decision_id, now=now)
    await move_on(
        session,
        purchase_id=change.purchase_id,
        to="cancelled",
        actor_id=actor.user_id,
        now=now,
        reason=change.reason,
    )
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.cancelled",
        subject=f"bulk_purchase:{change.purchase_id}",
        before={"state": "ordered"},
        after={"state": "cancelled", "change_id": str(change.id)},
        reason=change.reason,
        now=now,
    )
    return None


async def _give_up_order(
    session: WriteSession, actor: Actor, change: ApprovedChange, order_id: UUID, now: datetime
) -> None:
    """All goods and freight of one order leave it, payer by payer."""
    lines = list(await session.scalars(_LINES, {"order": order_id}))
    taken: list[Taken] = []
    pieces: dict[Group, int] = {}
    for group, opened in (await what_is_open(session, lines)).items():
        if opened.milli:
            pieces[group] = opened.milli
        taken += [Taken(left, _everything(left), of_accepted=False) for left in opened.parts]
    why = Why("cancellation", change.reason, f"bulk-change:{change.id}:{order_id}", pieces, of_accepted=False)
    day = clock.business_day(now)
    await reduce(session, actor=actor, order_id=order_id, taken=taken, why=why, occurred_on=day, now=now)
    await lower_due(session, order_id, await drop_freight(session, order_id=order_id))
    await order_moves_on(session, order_ids=[order_id], to="cancelled", now=now, actor_id=actor.user_id)


def _everything(left: Left) -> Part:
    return Part(left.component_id, left.fen, left.grams, left.quantity_milli)
