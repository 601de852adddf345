"""What the provider told, and what the shop does about it: one table, and the two jobs that ask.

A webhook is a hint. The object it points at is read back, outside of any transaction, and only what was read is acted
upon; so an event may come late, ten times, out of order or never, and the effect is one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from orders.aftersales.dispute import follow_disputes
from orders.aftersales.give_back import follow, send
from orders.checkout.settle import Paid, settle
from orders.integrity.flag_disputes import flag_disputes
from orders.order.close_payments import Closed, close_payments
from orders.payment import due, inbox
from orders.payment.due import DueRefund
from orders.payment.inbox import Hint
from orders.payment.move_on import forget_unopened
from shop.adapters.stripe.gateway import DisputeSeen, PaymentGateway, PaymentSeen, RefundSeen
from shop.core import clock
from shop.core.database import Database, WriteSession

Seen = PaymentSeen | RefundSeen | DisputeSeen
Read = Callable[[PaymentGateway, str], Awaitable[Sequence[Seen]]]

AT_ONCE = 8  # questions to the provider
BATCH = 100

_log = structlog.get_logger(__name__)


async def _payment(gateway: PaymentGateway, object_id: str) -> Sequence[Seen]:
    return [await gateway.read_payment(object_id)]


async def _refund(gateway: PaymentGateway, object_id: str) -> Sequence[Seen]:
    return [await gateway.read_refund(object_id)]


async def _refunds_of(gateway: PaymentGateway, object_id: str) -> Sequence[Seen]:
    return await gateway.read_refunds_of(object_id)


async def _dispute(gateway: PaymentGateway, object_id: str) -> Sequence[Seen]:
    return [await gateway.read_dispute(object_id)]


# Stripe's event → what to read back. What is read decides what happens (`act`). Every other event means nothing to us.
STRIPE: Mapping[str, Read] = {
    "checkout.session.completed": _payment,
    "checkout.session.async_payment_succeeded": _payment,
    "checkout.session.async_payment_failed": _payment,
    "checkout.session.expired": _payment,
    "charge.refunded": _refunds_of,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
}


async def act(session: WriteSession, seen: Sequence[Seen], *, now: datetime) -> None:
    """Let the shop follow what the provider says, each thing once.

    payment succeeded → settle (what cannot settle is held: two people decide) · failed, cancelled → the page is closed
    · refund succeeded → negative credit · failed, even afterwards → its amounts are refundable again · unknown → the
    payments desk · dispute open → the payments desk, and flagged · lost → negative credit · won, reinstated → undone
    """
    payments = {one.payment_id: one for one in seen if isinstance(one, PaymentSeen) and one.payment_id}
    settled = await settle(session, [_paid(one) for one in payments.values() if one.state == "succeeded"], now=now)
    await close_payments(session, [closed for one in payments.values() if (closed := _closed(one))])
    await follow(session, [one for one in seen if isinstance(one, RefundSeen)], now=now)
    disputes = [one for one in seen if isinstance(one, DisputeSeen)]
    await follow_disputes(session, disputes, now=now)
    if disputes:
        await flag_disputes(session, now=now)
    for one in settled:
        if one.outcome not in {"settled", "already"}:
            _log.warning("payment_needs_a_person", payment_id=str(one.payment_id), outcome=one.outcome)


async def handle_inbox(database: Database, gateway: PaymentGateway, *, now: datetime, most: int = BATCH) -> int:
    """Job: take the hints that are due, `most` at a time, read back, act; returns how many were handled."""
    handled = 0
    while True:
        async with database.transaction() as session:
            hints = await inbox.take(session, now=clock.wall(), most=most)
        handled += await _follow_hints(database, gateway, hints, now)
        if len(hints) < most:
            return handled


async def _follow_hints(database: Database, gateway: PaymentGateway, hints: Sequence[Hint], now: datetime) -> int:
    answers = await _read_back(gateway, {hint.object_id: STRIPE[hint.kind] for hint in hints if hint.kind in STRIPE})
    things, unread = [], []
    for hint in hints:
        answer = answers[hint.object_id] if hint.kind in STRIPE else ()
        if isinstance(answer, Exception):
            unread.append((hint.event_id, answer))
        else:
            things.append(_Thing(answer, hint.event_id))
    if unread:
        async with database.transaction() as session:
            for event_id, error in unread:
                await inbox.note_failure(session, event_id, error)
    return await _do(database, gateway, things, now)


async def reconcile(
    database: Database, gateway: PaymentGateway, *, now: datetime, everything: bool = False, most: int = BATCH
) -> int:
    """Job: ask about open payments and refunds whose webhook may be lost; returns how many were asked about.

    everything: all open ones at once (`shop reconcile`), due or not.
    """
    limit = 100 * BATCH if everything else most
    asked = 0
    while True:
        async with database.transaction() as session:
            await forget_unopened(session, now=now)
            sessions = await due.due_payments(session, now=now, most=limit, everything=everything)
            refunds = await due.due_refunds(session, now=now, most=limit, everything=everything)
        await _ask(database, gateway, sessions, refunds, now)
        asked += len(sessions) + len(refunds)
        if everything or max(len(sessions), len(refunds)) < limit:
            return asked


async def _ask(
    database: Database, gateway: PaymentGateway, sessions: Sequence[str], refunds: Sequence[DueRefund], now: datetime
) -> None:
    for refund in refunds:
        if refund.provider_refund_id is None:
            await send(database, gateway, refund_id=refund.refund_id, now=now)
    submitted = [refund.provider_refund_id for refund in refunds if refund.provider_refund_id]
    answers = await _read_back(gateway, dict.fromkeys(sessions, _payment) | dict.fromkeys(submitted, _refund))
    seen = [_Thing(answer, None) for answer in answers.values() if not isinstance(answer, Exception)]
    await _do(database, gateway, seen, now)


@dataclass(frozen=True, slots=True)
class _Thing:
    """What to act upon, and the event that hinted at it. seen is empty where the event means nothing to us."""

    seen: Sequence[Seen]
    event_id: str | None


async def _read_back(gateway: PaymentGateway, requested: Mapping[str, Read]) -> dict[str, Sequence[Seen] | Exception]:
    """Object id → what the provider says of it, or the error. A few at a time; each object once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(object_id: str, read: Read) -> Sequence[Seen] | Exception:
        async with gate:
            try:
                return await read(gateway, object_id)
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one object must not stop the others
                _log.warning("provider_object_unread", object_id=object_id, trouble=type(error).__name__)
                return error

    answers = await asyncio.gather(*(one(object_id, read) for object_id, read in requested.items()))
    return dict(zip(requested, answers, strict=True))


async def _do(database: Database, gateway: PaymentGateway, things: Sequence[_Thing], now: datetime) -> int:
    """Act upon all in one transaction, together with the inbox; returns how many were done.

    When that fails, in two halves, and so on: one bad event waits alone and blocks nobody.
    """
    if not things:
        return 0
    events = [thing.event_id for thing in things if thing.event_id]
    try:
        async with database.transaction() as session:
            await act(session, [one for thing in things for one in thing.seen], now=now)
            await inbox.mark_handled(session, events, now=clock.wall())
    except Exception as error:  # noqa: BLE001  # it is kept with the event, told in the log, and tried again
        if len(things) > 1:
            half = len(things) // 2
            return sum([await _do(database, gateway, part, now) for part in (things[:half], things[half:])])
        trouble = type(error.__cause__ or error).__name__  # its words may hold what was sent with a statement
        _log.error("provider_object_not_followed", event_id=things[0].event_id, trouble=trouble)
        async with database.transaction() as session:
            for event_id in events:
                await inbox.note_failure(session, event_id, error)
        return 0
    return len(things)


def _paid(seen: PaymentSeen) -> Paid:
    if seen.payment_id is None or seen.provider_payment_id is None or seen.succeeded_at is None:
        raise ValueError("a payment that succeeded has an id and a time")
    return Paid(
        payment_id=seen.payment_id,
        provider_payment_id=seen.provider_payment_id,
        amount_fen=seen.amount_fen,
        currency=seen.currency,
        method=seen.method,
        succeeded_at=seen.succeeded_at,
    )


def _closed(seen: PaymentSeen) -> Closed | None:
    if seen.payment_id is None or seen.state not in {"failed", "cancelled"}:
        return None
    return Closed(seen.payment_id, "failed" if seen.state == "failed" else "cancelled")
