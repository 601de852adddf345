"""The payer's bank disputes a payment: staff see it while it is open; lost, the money is gone; won, it is back.

What was lost is a refund of kind `dispute`: it takes parts, claims and credit on the way of every refund, and is undone
as a refund that failed after it had succeeded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ARRAY, Row, Text, bindparam, text

from orders.aftersales.fail import fail
from orders.aftersales.reserve import RefundRequest, reserve
from orders.aftersales.restock import restock_rest
from orders.aftersales.succeed import Success, succeed
from orders.aftersales.where_it_stands import lock_orders_of, where_it_stands
from orders.order.move_on import move_on
from shop.adapters.stripe.gateway import DisputeSeen
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.ids import new_id

# The orders that the disputed money paid: its own, and those that it was matched to after it had been kept.
_LOCK = text("""
SELECT id FROM shop_order WHERE id IN (
    SELECT q.order_id FROM payment p JOIN payment q ON p.id IN (q.id, q.advance_of_id)
    WHERE p.provider_payment_id = ANY(:payments)) ORDER BY id FOR UPDATE
""").bindparams(bindparam("payments", type_=ARRAY(Text)))
_KEEP = text("""
INSERT INTO dispute AS known (id, provider_dispute_id, payment_id, order_id, state, provider_state, amount_fen,
    currency, reason, withdrawn_fen, reinstated, opened_at, evidence_due_at, closed_at, seen_at)
SELECT :id, :provider, p.id, p.order_id, :state, :provider_state, :amount, :currency, :reason, :withdrawn, :reinstated,
    :opened_at, :due_at, :closed_at, :asked_at
FROM payment p WHERE p.provider_payment_id = :payment
ON CONFLICT (provider_dispute_id) DO UPDATE SET state = excluded.state, provider_state = excluded.provider_state,
    amount_fen = excluded.amount_fen, reason = excluded.reason, withdrawn_fen = excluded.withdrawn_fen,
    reinstated = excluded.reinstated, evidence_due_at = excluded.evidence_due_at, seen_at = excluded.seen_at,
    closed_at = CASE WHEN excluded.state <> 'open' THEN coalesce(known.closed_at, excluded.closed_at) END
WHERE known.seen_at <= excluded.seen_at
RETURNING known.id, known.order_id
""")
_OF_ORDER = text("""
SELECT d.id, d.payment_id, d.currency, CASE WHEN d.state = 'lost' AND NOT d.reinstated THEN d.amount_fen ELSE 0 END
    AS gone_fen, coalesce((SELECT sum(r.amount_fen) FROM refund r
    WHERE r.dispute_id = d.id AND r.state = 'succeeded'), 0)::bigint AS taken_fen
FROM dispute d WHERE d.order_id = :order
    OR d.payment_id IN (SELECT advance_of_id FROM payment WHERE order_id = :order) ORDER BY d.id
""")
_TAKEN = text("SELECT id FROM refund WHERE dispute_id = :dispute AND state = 'succeeded' ORDER BY id")
REASON = "银行或卡组织判付款人胜诉，款项已被划走"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Gone:
    """A dispute of which so much (fen > 0) is not taken from any order yet."""

    dispute: Row[Any]
    fen: int


async def follow_disputes(session: WriteSession, seen: Sequence[DisputeSeen], *, now: datetime) -> None:
    """Keep what the provider says, and let the orders follow: any number of times, in any order, with one effect."""
    ours = sorted((one for one in seen if one.provider_payment_id), key=lambda one: one.asked_at)
    if not ours:
        return
    await session.execute(_LOCK, {"payments": [one.provider_payment_id for one in ours]})
    orders = set()
    for one in ours:
        kept = (await session.execute(_KEEP, _named(one, now))).one_or_none()
        if kept is None:
            _log.info("dispute_not_kept", provider_dispute_id=one.provider_dispute_id)  # not ours, or an older look
        else:
            orders.add(kept.order_id)
    for order_id in sorted(orders):
        await pursue(session, order_id, now=now)


async def pursue(session: WriteSession, order_id: UUID, *, now: datetime) -> None:
    """Take what lost disputes of this order's money have not taken yet, and give back what was reinstated.

    Called again when a refund fails: a dispute that was lost while it was on its way finds its amounts left then. The
    caller holds the order's lock.
    """
    for dispute in (await session.execute(_OF_ORDER, {"order": order_id})).all():
        if dispute.gone_fen > dispute.taken_fen:
            await _take(session, _Gone(dispute, dispute.gone_fen - dispute.taken_fen), now)
        elif dispute.gone_fen == 0 and dispute.taken_fen:
            for refund_id in (await session.scalars(_TAKEN, {"dispute": dispute.id})).all():
                await fail(session, refund_id, "dispute_reinstated", provider_refund_id=None, now=now)


async def _take(session: WriteSession, gone: _Gone, now: datetime) -> None:
    """From where the money stands, as far as it is there; what is missing stays named on the payments desk. An order
    that is not sent yet and of which nothing is left is cancelled.
    """
    dispute = gone.dispute
    await lock_orders_of(session, dispute.payment_id)
    for one in await where_it_stands(session, dispute.payment_id, gone.fen):
        requested = RefundRequest(
            order_id=one.order_id,
            payment_id=one.payment_id,
            kind="dispute",
            amount_fen=one.fen,
            reason=REASON,
            parts=one.over.parts,
            lines=one.over.lines,
            freight=one.over.freight,
            currency=dispute.currency,
            dispute_id=dispute.id,
        )
        refund_id = await reserve(session, requested, now=now)
        if one.whole:
            await _cancel(session, one.order_id, dispute, now)
        await succeed(session, refund_id, Success(None, one.fen, now), now=now)


async def _cancel(session: WriteSession, order_id: UUID, dispute: Row[Any], now: datetime) -> None:
    """Nobody pays for goods that have not left: they are not sent."""
    if not await move_on(session, order_ids=[order_id], to="cancelled", now=now):
        return
    await restock_rest(session, order_id, now=now)
    await record_change(
        session,
        actor_id=None,
        action="order.cancel",
        subject=f"order:{order_id}",
        before={"state": "confirmed"},
        after={"state": "cancelled", "dispute_id": str(dispute.id)},
        reason=REASON,
        now=now,
    )


def _named(seen: DisputeSeen, now: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "provider": seen.provider_dispute_id,
        "payment": seen.provider_payment_id,
        "state": seen.state,
        "provider_state": seen.provider_state,
        "amount": seen.amount_fen,
        "currency": seen.currency,
        "reason": seen.reason,
        "withdrawn": seen.withdrawn_fen,
        "reinstated": seen.reinstated,
        "opened_at": seen.opened_at,
        "due_at": seen.evidence_due_at,
        "closed_at": None if seen.state == "open" else now,
        "asked_at": seen.asked_at,
    }
