"""Send a refund to the provider, and write down how it went: once, whatever was heard how often."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text

from orders.aftersales.dispute import pursue
from orders.aftersales.fail import fail
from orders.aftersales.provider_refund import note_seen
from orders.aftersales.succeed import Success, succeed
from orders.payment.move_refund import submit_refunds
from shop.adapters.stripe.gateway import GatewayRefused, GatewayUnavailable, PaymentGateway, RefundSeen
from shop.core.database import Database, WriteSession

# What an order was paid with may be the money of an earlier payment that was kept: it goes back where it came from.
_TO_SEND = text("""
SELECT r.amount_fen - r.allowance_fen AS own_fen, coalesce(p.provider_payment_id, s.provider_payment_id)
    AS provider_payment_id
FROM refund r JOIN payment p ON p.id = r.payment_id LEFT JOIN payment s ON s.id = p.advance_of_id
WHERE r.id = :refund AND r.state = 'requested' AND r.kind NOT IN ('dispute', 'adopted')
    AND (coalesce(p.provider_payment_id, s.provider_payment_id) IS NOT NULL OR r.amount_fen = r.allowance_fen)
    AND (p.method <> 'bank_transfer' OR r.amount_fen = r.allowance_fen)
""")
# Outcomes and new requests of one order queue; orders are locked in order of their ids, by everybody.
_LOCK = text("""
SELECT id FROM shop_order WHERE id IN (
    SELECT order_id FROM refund WHERE id = ANY(:refunds) OR provider_refund_id = ANY(:providers)
    UNION SELECT order_id FROM payment WHERE provider_payment_id = ANY(:payments))
ORDER BY id FOR NO KEY UPDATE
""").bindparams(
    bindparam("refunds", type_=ARRAY(Uuid)),
    bindparam("providers", type_=ARRAY(Text)),
    bindparam("payments", type_=ARRAY(Text)),
)
# Ours by the provider's name of it; by our own name only while we have not heard that name. Several of ours are one of
# the provider's where an adopted one took the money of an advance out of several orders.
_OURS = text("""
SELECT id, order_id, own_fen FROM (
    SELECT r.id, r.order_id, r.amount_fen - r.allowance_fen AS own_fen,
        rank() OVER (ORDER BY provider_refund_id IS NULL) AS named
    FROM refund r WHERE provider_refund_id = :provider OR (id = :refund AND provider_refund_id IS NULL)) ours
WHERE named = 1 ORDER BY id
""").bindparams(bindparam("refund", type_=Uuid))


async def send(database: Database, gateway: PaymentGateway, *, refund_id: UUID, now: datetime) -> None:
    """Ask the provider for a requested refund, and record its answer. Sent before is success.

    With the provider out of reach the refund stays requested, and the reconcile job asks again under the same id.
    """
    async with database.transaction() as session:
        refund = (await session.execute(_TO_SEND, {"refund": refund_id})).one_or_none()
        if refund is not None and refund.own_fen == 0:  # it only returns to allowances: no provider is asked
            await _lock(session, refunds=[refund_id])
            await succeed(session, refund_id, Success(None, 0, now), now=now)
            return
    if refund is None:
        return
    try:
        seen = await gateway.refund(
            refund_id=refund_id, provider_payment_id=refund.provider_payment_id, amount_fen=refund.own_fen
        )
    except GatewayUnavailable:
        return
    except GatewayRefused as refused:
        async with database.transaction() as session:
            await _lock(session, refunds=[refund_id])
            await fail(session, refund_id, refused.code, provider_refund_id=None, now=now)
        return
    async with database.transaction() as session:
        await follow(session, [seen], now=now)


async def follow(session: WriteSession, seen: Sequence[RefundSeen], *, now: datetime) -> None:
    """Let refunds go where the provider says they are. Already there is success.

    Success writes the negative credit entries and the transfers in this very transaction, on the business day of the
    success; failure makes the reserved amounts refundable again, and undoes what a success had done. A refund of one
    of our payments that no row of ours knows is kept for the payments desk.
    """
    if not seen:
        return
    await _lock(
        session,
        refunds=[one.refund_id for one in seen if one.refund_id],
        providers=[one.provider_refund_id for one in seen],
        payments=[one.provider_payment_id for one in seen if one.provider_payment_id],
    )
    for one in seen:
        named = {"refund": one.refund_id, "provider": one.provider_refund_id}
        ours = (await session.execute(_OURS, named)).all()
        if not ours:
            await note_seen(session, one, now=now)
        whole = sum(part.own_fen for part in ours) == one.amount_fen
        for part in ours:
            await _follow(session, part, one, part.own_fen if whole else one.amount_fen, now)


async def _follow(session: WriteSession, ours: Row[Any], seen: RefundSeen, fen: int, now: datetime) -> None:
    """fen: as much of what the provider returned as is for this one of ours."""
    match seen.state:
        case "pending":
            await submit_refunds(session, [ours.id], provider_refund_id=seen.provider_refund_id)
        case "succeeded":
            success = Success(seen.provider_refund_id, fen, seen.succeeded_at or now)
            await succeed(session, ours.id, success, now=now)
        case "failed":
            failure = seen.failure_reason or "failed"
            if await fail(session, ours.id, failure, provider_refund_id=seen.provider_refund_id, now=now):
                await pursue(session, ours.order_id, now=now)


async def _lock(
    session: WriteSession, *, refunds: Sequence[UUID], providers: Sequence[str] = (), payments: Sequence[str] = ()
) -> None:
    named = {"refunds": list(refunds), "providers": list(providers), "payments": list(payments)}
    await session.execute(_LOCK, named)
