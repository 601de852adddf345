"""The only door of an order's state and of its payment state: guarded by `states.py`, and each state noted once.

The caller holds the order's lock, or needs none since the guard decides between two who come at once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Text, Uuid, bindparam, text

from orders.order.states import PAYMENT_MOVES, before
from shop.core.database import WriteSession

_ORDERS: Final = bindparam("orders", type_=ARRAY(Uuid))
_BEFORE: Final = bindparam("before", type_=ARRAY(Text))
_MOVE: Final = text("""
WITH moved AS (
    UPDATE shop_order SET state = :to WHERE id = ANY(:orders) AND state = ANY(:before) RETURNING id
), noted AS (
    INSERT INTO order_event (order_id, state, at, actor_id) SELECT id, :to, :now, :actor FROM moved
    ON CONFLICT DO NOTHING
)
SELECT id FROM moved
""").bindparams(_ORDERS, _BEFORE, bindparam("to", type_=Text), bindparam("actor", type_=Uuid))
_DUE: Final = text("""
SELECT id FROM shop_order WHERE state = 'placed' AND expires_at <= :now ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
""")
_MOVE_PAYMENT: Final = text("""
UPDATE shop_order SET payment_state = :to, expires_at = greatest(expires_at, :until)
WHERE id = ANY(:orders) AND payment_state = :leaving RETURNING id
""").bindparams(_ORDERS, bindparam("to", type_=Text), bindparam("until", type_=DateTime(timezone=True)))
_AWAIT: Final = text("""
UPDATE shop_order SET payment_state = 'pending', expires_at = greatest(expires_at, :until)
WHERE id = :order AND state = 'placed' AND payment_state IN ('unpaid', 'pending') AND expires_at > :now RETURNING id
""")
_ALL_PAID: Final = text("""
UPDATE shop_order o SET payment_state = 'paid' WHERE o.id = ANY(:orders) AND o.payment_state <> 'paid'
    AND NOT EXISTS (SELECT FROM payer_share s WHERE s.order_id = o.id AND s.paid_fen < s.due_fen)
""").bindparams(_ORDERS)
_CONFIRMABLE: Final = ", ".join(f"'{state}'" for state in sorted(before("confirmed")))


def confirmed_by(paid: str) -> str:
    """Steps of a statement that settles payments: orders of `paid` (SQL of their ids) are paid and confirmed at :now.

    Goods that have left stay where they are.
    """
    return f"""
confirmed AS (
    UPDATE shop_order SET payment_state = 'paid',
        state = CASE WHEN state IN ({_CONFIRMABLE}) THEN 'confirmed' ELSE state END
    WHERE id IN ({paid}) RETURNING id
), confirming AS (
    INSERT INTO order_event (order_id, state, at) SELECT id, 'confirmed', :now FROM confirmed ON CONFLICT DO NOTHING
)"""  # noqa: S608  # our own words


async def move_on(
    session: WriteSession, *, order_ids: Sequence[UUID], to: str, now: datetime, actor_id: UUID | None = None
) -> list[UUID]:
    """Those that moved, in no order; the others stand in a state from which `to` is not reached, or in it already."""
    named = {"orders": list(order_ids), "to": to, "before": sorted(before(to)), "now": now, "actor": actor_id}
    return list(await session.scalars(_MOVE, named)) if order_ids else []


async def expire_due(session: WriteSession, *, now: datetime, most: int) -> list[UUID]:
    """Orders whose time to pay is over, at most `most` of those that nobody else holds: they are expired."""
    due = list(await session.scalars(_DUE, {"now": now, "most": most}))
    return await move_on(session, order_ids=due, to="expired", now=now)


async def await_payment(session: WriteSession, *, order_id: UUID, until: datetime, now: datetime) -> bool:
    """Goods stay held for a payment that was begun, until `until` at least; False where the order ended meanwhile."""
    return await session.scalar(_AWAIT, {"order": order_id, "until": until, "now": now}) is not None


async def move_payment(
    session: WriteSession, *, order_ids: Collection[UUID], leaving: str, to: str, until: datetime | None = None
) -> list[UUID]:
    """Those whose payment state was `leaving` and is `to` now. until: how long they are held at least."""
    assert to in PAYMENT_MOVES[leaving]  # noqa: S101  # the caller names two states of the table
    named = {"orders": list(order_ids), "to": to, "leaving": leaving, "until": until}
    return list(await session.scalars(_MOVE_PAYMENT, named)) if order_ids else []


async def paid_by_all(session: WriteSession, *, order_ids: Collection[UUID]) -> None:
    """Orders all of whose payers have paid what they owe are paid."""
    await session.execute(_ALL_PAID, {"orders": list(order_ids)})
