"""The shop's side of the sandbox's tests: a webhook door that keeps what was brought, and a clock that can be set."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shop.adapters.stripe.gateway import EventSeen
from shop.adapters.stripe.real import StripeGateway

WEBHOOK_SECRET = "whsec_for_tests"


@dataclass
class Door:
    """The shop's webhook door: verifies, then keeps."""

    gateway: StripeGateway = field(default_factory=lambda: StripeGateway("sk_test_unused", WEBHOOK_SECRET))
    events: list[EventSeen] = field(default_factory=list)
    shut: bool = False

    async def deliver(self, body: bytes, headers: dict[str, str]) -> None:
        if self.shut:
            raise ConnectionRefusedError
        self.events.append(self.gateway.verify_event(body, headers["stripe-signature"]))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@dataclass
class Clock:
    """The shop's time, which development may set; far from the machine's, so that a mix-up shows."""

    moment: datetime = datetime(2031, 3, 1, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, **time: float) -> None:
        self.moment += timedelta(**time)
