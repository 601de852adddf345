"""What the payment provider says of money that is on its way, or that went twice. Never inside a transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text

from orders.balance.difference import Difference
from shop.adapters.stripe.gateway import (
    DisputeSeen,
    GatewayRefused,
    GatewayUnavailable,
    PaymentGateway,
    PaymentSeen,
    RefundSeen,
)
from shop.core.database import ReadSession
from shop.ui.filters import yuan

PENDING_TOO_LONG = timedelta(minutes=10)
LOOKS_BACK = timedelta(days=35)
AT_ONCE = 8
CODES = ("webhook_lost", "refund_doubled", "refund_unknown", "refund_missing")
"""What only the provider can say: while it is silent, none of these is believed to be healed."""

_PENDING = text("""
SELECT id, session_id, amount_fen FROM payment
WHERE state IN ('created', 'pending') AND session_id IS NOT NULL AND created_at <= :before ORDER BY created_at, id
""")
# What was found earlier is looked for until it is healed, however old.
_SINCE = text("""
SELECT least(CAST(:since AS timestamptz), min(first_seen_at) - CAST(:back AS interval)) FROM balance_difference
WHERE closed_at IS NULL AND code = ANY(CAST(:codes AS text[]))
""")
# One that we know to be open is looked at until it ends, however old.
_DISPUTES_SINCE = text("""
SELECT least(CAST(:since AS timestamptz), min(opened_at)) FROM dispute WHERE state = 'open'
""")
# Of an advance in several orders an adopted refund is several of ours under the provider's one name.
_REFUNDS = text("""
SELECT (array_agg(r.id ORDER BY r.id))[1], min(r.provider_refund_id), min(r.state),
    sum(r.amount_fen - r.allowance_fen)::bigint AS fen, min(r.requested_at)
FROM refund r JOIN payment p ON p.id = r.payment_id AND p.method IN ('stripe', 'advance')
WHERE r.requested_at >= :since AND r.amount_fen > r.allowance_fen AND r.kind <> 'dispute'
    AND (r.provider_refund_id IS NULL OR r.provider_refund_id NOT LIKE 'bank:%')
GROUP BY coalesce(r.provider_refund_id, r.id::text)
""")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pending:
    payment_id: UUID
    session_id: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class OurRefund:
    refund_id: UUID
    provider_refund_id: str | None
    state: str
    fen: int
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be asked, as the snapshot had it."""

    pending: Sequence[Pending]
    refunds: Sequence[OurRefund]
    since: datetime
    disputes_since: datetime


async def to_ask(session: ReadSession, *, now: datetime) -> Asked:
    rows = await session.execute(_PENDING, {"before": now - PENDING_TOO_LONG})
    pending = [Pending(*row) for row in rows]
    named = {"since": now - LOOKS_BACK, "back": LOOKS_BACK, "codes": list(CODES)}
    since: datetime = (await session.execute(_SINCE, named)).scalar_one()
    # What the provider made since then, we may have asked for earlier.
    ours = await session.execute(_REFUNDS, {"since": since - LOOKS_BACK})
    disputes_since: datetime = (await session.execute(_DISPUTES_SINCE, {"since": since})).scalar_one()
    return Asked(pending, [OurRefund(*row) for row in ours], since, disputes_since)


@dataclass(frozen=True, slots=True)
class Answered:
    """news: refunds that the books do not know yet: made in the dashboard, or failed after they had succeeded.

    disputes: all since the oldest that may have changed.
    """

    differences: list[Difference]
    news: list[RefundSeen]
    disputes: list[DisputeSeen]


async def ask(gateway: PaymentGateway, asked: Asked, *, now: datetime) -> Answered:
    """Lost webhooks and refunds that are not the ones we know."""
    payments = await _payments(gateway, asked.pending)
    try:
        seen = await gateway.refunds_since(asked.since)
        disputes = await gateway.disputes_since(asked.disputes_since)
    except (GatewayUnavailable, GatewayRefused) as error:
        _log.warning("provider_refunds_unread", trouble=type(error).__name__)
        return Answered([*payments, _silent("provider:refunds", 0)], [], [])
    return Answered([*payments, *_refunds(asked, seen, now)], _news(asked, seen), disputes)


def _news(asked: Asked, seen: Sequence[RefundSeen]) -> list[RefundSeen]:
    known = {one.provider_refund_id: one.state for one in asked.refunds if one.provider_refund_id}
    return [
        one
        for one in seen
        if one.provider_refund_id not in known
        or (one.state == "failed" and known[one.provider_refund_id] == "succeeded")
    ]


async def _payments(gateway: PaymentGateway, pending: Sequence[Pending]) -> list[Difference]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(payment: Pending) -> Difference | None:
        async with gate:
            try:
                seen: PaymentSeen = await gateway.read_payment(payment.session_id)
            except (GatewayUnavailable, GatewayRefused):
                return _silent(f"payment:{payment.payment_id}", payment.amount_fen)
        if seen.state != "succeeded":
            return None
        return Difference(
            "webhook_lost",
            f"payment:{payment.payment_id}",
            seen.amount_fen,
            f"支付平台说这笔款已付 {seen.amount_fen} 分，本店还记为待付",
            "payments_desk",
            "支付结果通知没有送到或没有处理，请运行对账或等待自动补查",
        )

    found = await asyncio.gather(*map(one, pending))
    return [difference for difference in found if difference]


def _refunds(asked: Asked, seen: Sequence[RefundSeen], now: datetime) -> list[Difference]:
    ours = {one.refund_id: one for one in asked.refunds}
    known = {one.provider_refund_id: one for one in asked.refunds if one.provider_refund_id}
    there = {one.provider_refund_id for one in seen}
    found = [
        one
        for refund in seen
        if refund.state != "failed"
        for one in [_seen_refund(refund, known.get(refund.provider_refund_id), ours, now)]
        if one
    ]
    found += [
        Difference(
            "refund_missing",
            f"refund:{one.refund_id}",
            one.fen,
            f"本店记为已退 {one.fen} 分，支付平台没有这笔退款",
            "payments_desk",
            "支付平台没有这笔退款，请向支付平台核实钱是否退到买家",
        )
        for one in asked.refunds
        if one.state == "succeeded" and one.requested_at >= asked.since and one.provider_refund_id not in there
    ]
    return found


def _seen_refund(
    refund: RefundSeen, same: OurRefund | None, ours: dict[UUID, OurRefund], now: datetime
) -> Difference | None:
    meant = ours.get(refund.refund_id) if refund.refund_id else None
    if same is None and meant is not None and meant.provider_refund_id is None:
        return None  # being sent: the next look at it stores the provider's id
    if same is None:
        code, reason = (
            ("refund_doubled", "支付平台把同一笔退款退了不止一次，请追回多退的钱")
            if meant
            else ("refund_unknown", "支付平台上有一笔本店没有申请的退款，请核实是谁在平台后台操作的")
        )
        return Difference(
            code,
            f"refund:{meant.refund_id}:{refund.provider_refund_id}" if meant else f"refund:{refund.provider_refund_id}",
            refund.amount_fen,
            f"支付平台多退了 {yuan(refund.amount_fen)}" + (f"，属于退款 {meant.refund_id}" if meant else ""),
            "payments_desk",
            reason,
        )
    if refund.state == "succeeded" and refund.amount_fen != same.fen:
        return Difference(
            "refund_unknown",
            f"refund:{same.refund_id}",
            refund.amount_fen - same.fen,
            f"支付平台退了 {yuan(refund.amount_fen)}，本店记为 {yuan(same.fen)}",
            "payments_desk",
            "支付平台的退款金额与本店记录不同，请核实",
        )
    late = same.state in {"requested", "submitted"} and now - same.requested_at >= PENDING_TOO_LONG
    if refund.state == "succeeded" and late:
        return Difference(
            "webhook_lost",
            f"refund:{same.refund_id}",
            same.fen,
            f"支付平台说已退 {same.fen} 分，本店还记为退款中",
            "payments_desk",
            "退款结果通知没有送到或没有处理，请运行对账或等待自动补查",
        )
    return None


def _silent(subject: str, fen: int) -> Difference:
    return Difference(
        "provider_silent",
        subject,
        fen,
        "支付平台没有回答，这一项还不能核对",
        "payments_desk",
        "支付平台暂时没有响应，下次对账会再问",
    )
