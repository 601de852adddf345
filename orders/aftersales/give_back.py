"""Send a refund to the provider, and write down how it went: once, whatever was heard how often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.aftersales.reserve import return_reservation
from orders.aftersales.restock import restock
from orders.allowance.spend import Returned, refund_to
from orders.credit.record import Recognised, record
from orders.funds.post import Moved, post
from shop.adapters.stripe.gateway import GatewayRefused, GatewayUnavailable, PaymentGateway, RefundSeen
from shop.core import clock
from shop.core.database import Database, WriteSession

_TO_SEND = text(
    """
SELECT r.amount_fen - r.allowance_fen AS own_fen, p.provider_payment_id
FROM refund r JOIN payment p ON p.id = r.payment_id
WHERE r.id = :refund AND r.state = 'requested'
    AND (p.provider_payment_id IS NOT NULL OR r.amount_fen = r.allowance_fen)
    AND (p.method <> 'bank_transfer' OR r.amount_fen = r.allowance_fen)
"""
)
# The order's lock makes outcomes and new requests of one order queue.
_LOCK = text("SELECT id FROM shop_order WHERE id = (SELECT order_id FROM refund WHERE id = :refund) FOR NO KEY UPDATE")
_SUBMITTED = text(
    "UPDATE refund SET state = 'submitted', provider_refund_id = :provider WHERE id = :refund AND state = 'requested'"
)
_SUCCEEDED = text(
    """
UPDATE refund r SET state = 'succeeded', provider_refund_id = :provider, succeeded_at = :at
FROM payment p
WHERE r.id = :refund AND r.state IN ('requested', 'submitted') AND r.amount_fen - r.allowance_fen = :amount
    AND p.id = r.payment_id
RETURNING r.id, r.kind, r.order_id, r.amount_fen, p.id AS payment_id, p.succeeded_at AS paid_at,
    CASE WHEN p.method = 'bank_transfer' THEN 'bank' ELSE 'stripe' END AS clearing
"""
)
_FAILED = text(
    """
UPDATE refund SET state = 'failed', failure = :failure, provider_refund_id = coalesce(:provider, provider_refund_id)
WHERE id = :refund AND state IN ('requested', 'submitted') RETURNING id
"""
)
_PARTS = text(
    """
SELECT r.component_id, r.fen, r.grams, r.quantity_milli, l.supplier_id, a.union_id,
    CASE WHEN s.payer_kind = 'allowance' THEN s.payer_id END AS allowance_id
FROM refund_part r JOIN share_component c ON c.id = r.component_id JOIN order_line l ON l.id = c.line_id
JOIN line_share s ON s.id = c.share_id JOIN attribution a ON a.id = c.id
WHERE r.refund_id = :refund ORDER BY r.component_id
"""
)
_FREIGHT = text(
    """
SELECT p.supplier_id, r.fen, NULL AS allowance_id FROM refund_freight r JOIN parcel p ON p.id = r.parcel_id
WHERE r.refund_id = :refund
"""
)
# Pieces had not left the barn if the order was never sent; those of a cancellation came back when it was cancelled.
_IN_THE_BARN = text(
    """
SELECT r.kind = 'lines' AND (o.state = 'confirmed' OR EXISTS (
    SELECT FROM order_event e WHERE e.order_id = o.id AND e.state = 'cancelled' AND e.at >= r.requested_at))
FROM refund r JOIN shop_order o ON o.id = r.order_id WHERE r.id = :refund
"""
)


async def send(database: Database, gateway: PaymentGateway, *, refund_id: UUID, now: datetime) -> None:
    """Ask the provider for a requested refund, and record its answer. Sent before is success.

    With the provider out of reach the refund stays requested, and the reconcile job asks again under the same id.
    """
    async with database.transaction() as session:
        refund = (await session.execute(_TO_SEND, {"refund": refund_id})).one_or_none()
        if refund is not None and refund.own_fen == 0:  # it only returns to allowances: no provider is asked
            await session.execute(_LOCK, {"refund": refund_id})
            await _succeed(session, refund_id, _Success(None, 0, now), now)
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
            await _fail(session, refund_id, refused.code, provider_refund_id=None)
        return
    async with database.transaction() as session:
        await follow(session, [seen], now=now)


async def follow(session: WriteSession, seen: Sequence[RefundSeen], *, now: datetime) -> None:
    """Let refunds go where the provider says they are. Already there is success; refunds of others are ignored.

    Success writes the negative credit entries and the transfers in this very transaction, on the business day of the
    success; failure makes the reserved amounts refundable again.
    """
    for one in sorted((s for s in seen if s.refund_id), key=lambda s: str(s.refund_id)):
        refund_id = one.refund_id
        if refund_id is None:
            continue
        await session.execute(_LOCK, {"refund": refund_id})
        match one.state:
            case "pending":
                await session.execute(_SUBMITTED, {"refund": refund_id, "provider": one.provider_refund_id})
            case "succeeded":
                success = _Success(one.provider_refund_id, one.amount_fen, one.succeeded_at or now)
                await _succeed(session, refund_id, success, now)
            case "failed":
                await _fail(session, refund_id, one.failure_reason or "failed", one.provider_refund_id)


@dataclass(frozen=True, slots=True)
class _Success:
    """What the provider returned, and when; nothing where all of it returns to allowances."""

    provider_refund_id: str | None
    own_fen: int
    at: datetime


async def _succeed(session: WriteSession, refund_id: UUID, success: _Success, now: datetime) -> None:
    found = await session.execute(
        _SUCCEEDED,
        {
            "refund": refund_id,
            "provider": success.provider_refund_id,
            "at": success.at,
            "amount": success.own_fen,
        },
    )
    refund = found.one_or_none()
    if refund is None:
        return
    day = clock.business_day(success.at)
    if refund.kind == "late_payment":
        await post(session, [_advance_returned(refund, day)], now=now)
        return
    parts = (await session.execute(_PARTS, {"refund": refund_id})).all()
    freight = (await session.execute(_FREIGHT, {"refund": refund_id})).all()
    sale_on = clock.business_day(refund.paid_at)
    await record(session, [_negative(refund_id, part, day, sale_on) for part in parts], now=now)
    await post(session, _claims_lowered(refund_id, refund.clearing, [*parts, *freight], day), now=now)
    await refund_to(session, refund_id=refund_id, returned=_to_allowances(parts), day=day, now=now)
    if await session.scalar(_IN_THE_BARN, {"refund": refund_id}):
        await restock(session, refund_id, now=now)


async def _fail(session: WriteSession, refund_id: UUID, failure: str, provider_refund_id: str | None) -> None:
    await session.execute(_LOCK, {"refund": refund_id})
    found = await session.scalar(
        _FAILED, {"refund": refund_id, "failure": failure[:200], "provider": provider_refund_id}
    )
    if found is not None:
        await return_reservation(session, refund_id)


def _negative(refund_id: UUID, part: Row[Any], day: date, sale_on: date) -> Recognised:
    return Recognised(
        kind="refund",
        cause_id=refund_id,
        component_id=part.component_id,
        amount_fen=-part.fen,
        grams=-part.grams,
        quantity_milli=-part.quantity_milli,
        occurred_on=day,
        sale_on=sale_on,
        grade="A",
    )


def _claims_lowered(refund_id: UUID, own: str, returned: Sequence[Row[Any]], day: date) -> list[Moved]:
    """What a supplier is owed falls, and so does what the provider or the bank (`own`) holds for us, or what a union
    owes; one transfer each.
    """
    sums: dict[tuple[str, str], int] = {}
    for row in returned:
        clearing = f"union:{row.union_id}" if row.allowance_id else own
        sums[str(row.supplier_id), clearing] = sums.get((str(row.supplier_id), clearing), 0) + row.fen
    return [
        Moved(
            key=f"refund:{refund_id}:{supplier_id}" + (f":{clearing}" if clearing != "stripe" else ""),
            kind="refund",
            debit=("claim", supplier_id),
            credit=("clearing", clearing),
            amount_fen=fen,
            reference=refund_id,
            occurred_on=day,
        )
        for (supplier_id, clearing), fen in sorted(sums.items())
        if fen
    ]


def _to_allowances(parts: Sequence[Row[Any]]) -> list[Returned]:
    sums: dict[UUID, int] = {}
    for part in parts:
        if part.allowance_id and part.fen:
            sums[part.allowance_id] = sums.get(part.allowance_id, 0) + part.fen
    return [Returned(allowance_id, fen) for allowance_id, fen in sums.items()]


def _advance_returned(refund: Row[Any], day: date) -> Moved:
    return Moved(
        key=f"advance_returned:{refund.id}",
        kind="advance_returned",
        debit=("advance", "stripe"),
        credit=("clearing", "stripe"),
        amount_fen=refund.amount_fen,
        reference=refund.id,
        occurred_on=day,
    )
