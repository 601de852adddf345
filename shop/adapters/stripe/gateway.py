"""What the shop asks of a payment provider, in the shop's own words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Protocol
from uuid import UUID

from shop.core.errors import Problem

LEAST_CHECKOUT_LIFE = timedelta(minutes=30)  # Stripe refuses a page that closes sooner …
LONGEST_CHECKOUT_LIFE = timedelta(hours=24)  # … or stays open longer
SIGNATURE_LIFE = timedelta(minutes=5)

WANTED_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
)
"""The kinds of event the shop's endpoint is to be subscribed to; the sandbox sends no others."""


@dataclass(frozen=True, slots=True)
class CheckoutLine:
    """amount_fen: of the whole line, after discounts."""

    title: str
    quantity: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """A payment page to open.

    lines: what the payer sees, freight too. Where they do not add up to `amount_fen` (an allowance pays a part) the
    page shows one line with the order's number instead: what is asked is always `amount_fen`.
    expires_at: between 30 minutes and 24 hours from now; must be the same when the call is repeated.
    """

    payment_id: UUID
    order_number: str
    amount_fen: int
    lines: tuple[CheckoutLine, ...]
    success_url: str
    cancel_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CheckoutSeen:
    """url: where to send the payer; None once the page is closed."""

    session_id: str
    url: str | None
    state: Literal["open", "complete", "expired"]


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """What the provider knows of a payment now.

    payment_id: ours, as we sent it; None where the session is not one of ours.
    amount_fen, currency: received if succeeded, else asked; compare both with what was asked (`cny`).
    succeeded_at: when the provider charged; only if succeeded.
    method: wechat_pay, alipay, card …; only once somebody tried.
    """

    payment_id: UUID | None
    session_id: str
    provider_payment_id: str | None
    state: Literal["pending", "succeeded", "failed", "cancelled"]
    amount_fen: int
    currency: str
    succeeded_at: datetime | None
    method: str | None


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """What the provider knows of a refund now.

    refund_id: ours, as we sent it; None for one that was made in the provider's dashboard. provider_payment_id: of
    which payment; amount_fen: in the smallest unit of `currency`.
    succeeded_at: the provider keeps only the time the refund was made, so it is that; where a wallet took days, the
    time of the `refund.updated` event is nearer the truth.
    """

    refund_id: UUID | None
    provider_refund_id: str
    state: Literal["pending", "succeeded", "failed"]
    amount_fen: int
    succeeded_at: datetime | None
    failure_reason: str | None
    provider_payment_id: str | None = None
    currency: str = "cny"
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DisputeSeen:
    """What the provider knows of a dispute now.

    state: open while anybody may still do something; closed: an inquiry that came to nothing, or was prevented.
    withdrawn_fen: taken off our balance for it and not given back, without fees; reinstated: it was given back.
    evidence_due_at: until when we may answer. asked_at: when this look began, by the machine's clock.
    """

    provider_dispute_id: str
    provider_payment_id: str | None
    state: Literal["open", "won", "lost", "closed"]
    provider_state: str
    amount_fen: int
    currency: str
    reason: str
    withdrawn_fen: int
    reinstated: bool
    opened_at: datetime
    evidence_due_at: datetime | None
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class EventSeen:
    """A hint that something happened to an object; the object is read back before money moves.

    kind: such as checkout.session.completed. object_kind: checkout.session, refund, charge …
    """

    event_id: str
    kind: str
    object_id: str
    object_kind: str
    created_at: datetime


class GatewayUnavailable(Problem):
    """Network trouble, 5xx or 429: nothing is known of what happened there. Ask again later with the same id."""

    status: ClassVar[int] = 503
    code: ClassVar[str] = "payment_provider_unavailable"
    title: ClassVar[str] = "支付平台暂时没有响应，请稍后再试，不会重复扣款"


@dataclass
class GatewayRefused(Exception):  # it says what happened
    """The provider said no (4xx), and would again. code and message are the provider's, for staff and the log."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class SignatureInvalid(Problem):
    """Forged, stale (more than five minutes old) or not an event. Nothing in it may be believed."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "signature_invalid"
    title: ClassVar[str] = "签名无效或已过期，通知未被接受"


class PaymentGateway(Protocol):
    """Every call may raise GatewayUnavailable or GatewayRefused. None may stand inside a database transaction."""

    async def open_checkout(self, requested: OpenCheckout) -> CheckoutSeen:
        """Open a payment page. Repeated with the same payment id it gives its first answer again and opens nothing."""

    async def expire_checkout(self, session_id: str) -> CheckoutSeen:
        """Close the page, so that nobody can pay there. Already complete or expired is no error: answers what is."""

    async def read_payment(self, session_id: str) -> PaymentSeen: ...

    async def refund(self, *, refund_id: UUID, provider_payment_id: str, amount_fen: int) -> RefundSeen:
        """Send money back. Repeated with the same refund id it gives its first answer again and sends nothing."""

    async def read_refund(self, provider_refund_id: str) -> RefundSeen: ...

    async def read_refunds_of(self, charge_id: str) -> list[RefundSeen]:
        """Every refund of one charge, whoever made it."""

    async def read_dispute(self, provider_dispute_id: str) -> DisputeSeen: ...

    async def disputes_since(self, moment: datetime) -> list[DisputeSeen]:
        """Every dispute that was opened since: so that one whose events were lost is seen."""

    async def refunds_since(self, moment: datetime) -> list[RefundSeen]:
        """Every refund the provider made since, whoever asked for it: so that one too many is seen."""

    def verify_event(self, body: bytes, signature: str) -> EventSeen:
        """Believe a webhook, or raise SignatureInvalid. signature: the Stripe-Signature header."""
