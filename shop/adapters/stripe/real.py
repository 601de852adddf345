"""Stripe through its official client. Imported on the first payment: it takes ten MiB that a visitor never needs."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import httpx

from shop.adapters.http import outgoing_client
from shop.adapters.stripe.gateway import (
    SIGNATURE_LIFE,
    CheckoutLine,
    CheckoutSeen,
    DisputeSeen,
    EventSeen,
    GatewayRefused,
    GatewayUnavailable,
    OpenCheckout,
    PaymentSeen,
    RefundSeen,
    SignatureInvalid,
)
from shop.core import clock

if TYPE_CHECKING:
    import stripe
    from stripe.checkout import Session
    from stripe.params import DisputeListParams, RefundListParams
    from stripe.params.checkout import SessionCreateParams, SessionCreateParamsLineItem

API_VERSION = "2026-10-28.endive"  # pinned: a new library must not change what we ask for
_MISSHAPEN = (ValueError, KeyError, AttributeError, TypeError, OverflowError, OSError, RecursionError)
LONGEST_WORD = 255
PAGE = 100  # Stripe gives no more at once
MAX_LINES = 100  # Stripe shows no more on one page


class StripeGateway:
    """`PaymentGateway` through Stripe.

    api_base: another address than Stripe's, such as a stand-in on loopback.
    transport: carries the requests in process (`httpx.ASGITransport`); see the sandbox.
    retries: further attempts of one call; every writing call carries its idempotency key.
    """

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        api_base: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        retries: int = 2,
    ) -> None:
        self._secret_key, self._webhook_secret, self._api_base, self._retries = (
            secret_key,
            webhook_secret,
            api_base,
            retries,
        )
        self._http = outgoing_client("stripe", transport=transport, retries=0)

    async def aclose(self) -> None:
        await self._http.aclose()

    @cached_property
    def _client(self) -> "stripe.StripeClient":
        import stripe  # noqa: PLC0415  # see the module's docstring

        from shop.adapters.stripe.carrier import HouseClient  # noqa: PLC0415  # as above

        stripe.enable_telemetry = False  # would write a file into the home folder and send an id along
        logging.getLogger("stripe").setLevel(logging.WARNING)  # its DEBUG lines hold whole bodies
        return stripe.StripeClient(
            self._secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": self._api_base.rstrip("/")} if self._api_base else None,
            max_network_retries=self._retries,
            http_client=HouseClient(self._http),
        )

    async def open_checkout(self, requested: OpenCheckout) -> CheckoutSeen:
        with _told():
            session = await self._client.v1.checkout.sessions.create_async(
                _checkout_params(requested), {"idempotency_key": str(requested.payment_id)}
            )
        return _checkout_seen(session)

    async def expire_checkout(self, session_id: str) -> CheckoutSeen:
        sessions = self._client.v1.checkout.sessions
        try:
            with _told():
                return _checkout_seen(await sessions.expire_async(session_id))
        except GatewayRefused:  # paid or expired while we asked
            with _told():
                seen = _checkout_seen(await sessions.retrieve_async(session_id))
            if seen.state == "open":
                raise
            return seen

    async def read_payment(self, session_id: str) -> PaymentSeen:
        with _told():
            session = await self._client.v1.checkout.sessions.retrieve_async(
                session_id, {"expand": ["payment_intent.latest_charge"]}
            )
        return _payment_seen(session)

    async def refund(self, *, refund_id: UUID, provider_payment_id: str, amount_fen: int) -> RefundSeen:
        with _told():
            refund = await self._client.v1.refunds.create_async(
                {
                    "payment_intent": provider_payment_id,
                    "amount": amount_fen,
                    "reason": "requested_by_customer",
                    "metadata": {"refund_id": str(refund_id)},
                },
                {"idempotency_key": str(refund_id)},
            )
        return _refund_seen(refund)

    async def read_refund(self, provider_refund_id: str) -> RefundSeen:
        with _told():
            refund = await self._client.v1.refunds.retrieve_async(provider_refund_id)
        return _refund_seen(refund)

    async def read_dispute(self, provider_dispute_id: str) -> DisputeSeen:
        asked_at = clock.wall()
        with _told():
            dispute = await self._client.v1.disputes.retrieve_async(provider_dispute_id)
        return _dispute_seen(dispute, asked_at)

    async def disputes_since(self, moment: datetime) -> list[DisputeSeen]:
        found: list[DisputeSeen] = []
        asked: DisputeListParams = {"created": {"gte": int(moment.timestamp())}, "limit": PAGE}
        while True:
            asked_at = clock.wall()
            with _told():
                page = await self._client.v1.disputes.list_async(asked)
            found += [_dispute_seen(dispute, asked_at) for dispute in page.data]
            if not page.has_more:
                return found
            asked["starting_after"] = page.data[-1].id

    async def read_refunds_of(self, charge_id: str) -> list[RefundSeen]:
        return await self._refunds({"charge": charge_id, "limit": PAGE})

    async def refunds_since(self, moment: datetime) -> list[RefundSeen]:
        return await self._refunds({"created": {"gte": int(moment.timestamp())}, "limit": PAGE})

    async def _refunds(self, asked: "RefundListParams") -> list[RefundSeen]:
        found: list[RefundSeen] = []
        while True:
            with _told():
                page = await self._client.v1.refunds.list_async(asked)
            found += [_refund_seen(refund) for refund in page.data]
            if not page.has_more:
                return found
            asked["starting_after"] = page.data[-1].id

    def verify_event(self, body: bytes, signature: str) -> EventSeen:
        if not signature.isascii():  # the library compares text, and stumbles over a forger's umlaut
            raise SignatureInvalid
        tolerance_seconds = int(SIGNATURE_LIFE.total_seconds())
        with _untrusted():
            event = self._client.construct_event(body, signature, self._webhook_secret, tolerance_seconds)
            return EventSeen(
                event_id=_word(event.id),
                kind=_word(event.type),
                object_id=_word(event.data.object["id"]),
                object_kind=_word(event.data.object["object"]),
                created_at=_moment(event.created),
            )


@contextmanager
def _told() -> Iterator[None]:
    """Stripe's errors in the shop's two words: later, or no."""
    import stripe  # noqa: PLC0415  # see the module's docstring

    try:
        yield
    except stripe.StripeError as error:
        status = error.http_status
        # 409: the same idempotency key is at work elsewhere; its answer will be ours too
        if status is None or status < 400 or status in (409, 429) or status >= 500:
            raise GatewayUnavailable from error
        said = error.error
        raise GatewayRefused(
            code=error.code or (said and said.type) or f"status_{status}", message=error.user_message or ""
        ) from error


@contextmanager
def _untrusted() -> Iterator[None]:
    """Whatever a stranger's bytes break on the way to an event, they are not one."""
    import stripe  # noqa: PLC0415  # see the module's docstring

    try:
        yield
    except (stripe.SignatureVerificationError, *_MISSHAPEN) as error:
        raise SignatureInvalid from error


def _checkout_params(requested: OpenCheckout) -> "SessionCreateParams":
    ours = {"payment_id": str(requested.payment_id)}
    return {
        "mode": "payment",
        "currency": "cny",
        "adaptive_pricing": {"enabled": False},  # the payer pays what the shop asked, in the shop's currency
        "allowed_payment_method_types": ["wechat_pay", "alipay", "card"],
        "payment_method_options": {"wechat_pay": {"client": "web"}},
        "line_items": _line_items(requested),
        "client_reference_id": ours["payment_id"],
        "metadata": ours,
        "payment_intent_data": {"metadata": ours, "description": f"订单 {requested.order_number}"},
        "success_url": requested.success_url,
        "cancel_url": requested.cancel_url,
        "expires_at": int(requested.expires_at.timestamp()),
        "locale": "zh",
    }


def _line_items(requested: OpenCheckout) -> "list[SessionCreateParamsLineItem]":
    if sum(line.amount_fen for line in requested.lines) != requested.amount_fen or len(requested.lines) > MAX_LINES:
        return [_line_item(CheckoutLine(f"订单 {requested.order_number}", 1, requested.amount_fen))]
    return [_line_item(line) for line in requested.lines if line.amount_fen]


def _line_item(line: CheckoutLine) -> "SessionCreateParamsLineItem":
    """Stripe multiplies: a line whose fen do not divide by its pieces goes as one piece that says how many it holds."""
    each_fen, left_over = divmod(line.amount_fen, line.quantity)
    quantity, title, unit_fen = (
        (1, f"{line.title} ×{line.quantity}", line.amount_fen) if left_over else (line.quantity, line.title, each_fen)
    )
    return {
        "quantity": quantity,
        "price_data": {"currency": "cny", "unit_amount": unit_fen, "product_data": {"name": title[:250]}},
    }


def _checkout_seen(session: "Session") -> CheckoutSeen:
    state: Literal["open", "complete", "expired"] = (
        "complete" if session.status == "complete" else "expired" if session.status == "expired" else "open"
    )
    return CheckoutSeen(session_id=session.id, url=session.url, state=state)


def _payment_seen(session: "Session") -> PaymentSeen:
    intent = session.payment_intent
    if intent is None or isinstance(intent, str):  # nobody has tried to pay yet
        return PaymentSeen(
            payment_id=_our_id(session.metadata, "payment_id"),
            session_id=session.id,
            provider_payment_id=intent,
            state="cancelled" if session.status == "expired" else "pending",
            amount_fen=session.amount_total or 0,
            currency=session.currency or "",
            succeeded_at=None,
            method=None,
        )
    charge = None if isinstance(intent.latest_charge, str) else intent.latest_charge
    state = _payment_state(session, intent)
    return PaymentSeen(
        payment_id=_our_id(session.metadata, "payment_id"),
        session_id=session.id,
        provider_payment_id=intent.id,
        state=state,
        amount_fen=intent.amount_received if state == "succeeded" else intent.amount,
        currency=intent.currency,
        succeeded_at=_moment(charge.created if charge else intent.created) if state == "succeeded" else None,
        method=charge.payment_method_details.type if charge and charge.payment_method_details else None,
    )


def _payment_state(
    session: "Session", intent: "stripe.PaymentIntent"
) -> Literal["pending", "succeeded", "failed", "cancelled"]:
    """While the page is open a declined payer may try again; only a closed page makes a failure final."""
    if intent.status == "succeeded":
        return "succeeded"
    if intent.status == "canceled" or (session.status == "expired" and intent.status != "processing"):
        return "cancelled"
    if intent.status == "requires_payment_method" and session.status == "complete":
        return "failed"
    return "pending"


def _refund_seen(refund: "stripe.Refund") -> RefundSeen:
    state: Literal["pending", "succeeded", "failed"] = (
        "succeeded"
        if refund.status == "succeeded"
        else "failed"
        if refund.status in ("failed", "canceled")
        else "pending"
    )
    return RefundSeen(
        refund_id=_our_id(refund.metadata, "refund_id"),
        provider_refund_id=refund.id,
        state=state,
        amount_fen=refund.amount,
        succeeded_at=_moment(refund.created) if state == "succeeded" else None,
        failure_reason=(refund.failure_reason or refund.status) if state == "failed" else None,
        provider_payment_id=_id_of(refund.payment_intent),
        currency=refund.currency,
        made_at=_moment(refund.created),
    )


_DISPUTE_STATES: Mapping[str, Literal["won", "lost", "closed"]] = {
    "won": "won", "lost": "lost", "warning_closed": "closed", "prevented": "closed",
    "appeal_needs_response": "lost", "appeal_under_review": "lost",
}  # fmt: skip
"""Every other state of Stripe's waits for us or the bank. A loss that is appealed is lost until it is won."""


def _dispute_seen(dispute: "stripe.Dispute", asked_at: datetime) -> DisputeSeen:
    moved = [entry.amount for entry in dispute.balance_transactions]
    withdrawn_fen = max(0, -sum(moved))
    due_by = dispute.evidence_details.due_by
    return DisputeSeen(
        provider_dispute_id=dispute.id,
        provider_payment_id=_id_of(dispute.payment_intent),
        state=_DISPUTE_STATES.get(dispute.status, "open"),
        provider_state=_word(dispute.status),
        amount_fen=dispute.amount,
        currency=dispute.currency,
        reason=_word(dispute.reason),
        withdrawn_fen=withdrawn_fen,
        reinstated=any(fen < 0 for fen in moved) and withdrawn_fen == 0,
        opened_at=_moment(dispute.created),
        evidence_due_at=_moment(due_by) if due_by else None,
        asked_at=asked_at,
    )


def _id_of(thing: "str | stripe.StripeObject | None") -> str | None:
    """What it is called, whether Stripe gave the name or the thing."""
    return thing if thing is None or isinstance(thing, str) else str(thing["id"])


def _our_id(metadata: "stripe.StripeObject | None", name: str) -> UUID | None:
    try:
        return UUID(str(metadata[name])) if metadata is not None else None
    except (KeyError, ValueError):
        return None


def _word(value: object) -> str:
    """Stripe's ids and kinds are short and plain; what is not could not even be kept. Raises ValueError."""
    word = str(value)
    if not (word.isascii() and word.isprintable() and len(word) <= LONGEST_WORD):
        raise ValueError("not a word of Stripe's")
    return word


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
