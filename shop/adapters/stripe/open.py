"""The gateway that the settings ask for: Stripe with keys, the sandbox without."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx

from shop.adapters.http import outgoing_client
from shop.adapters.stripe.gateway import PaymentGateway
from shop.adapters.stripe.real import StripeGateway
from shop.core.database import Database
from shop.core.settings import Settings

if TYPE_CHECKING:
    from shop.adapters.stripe.fake.sandbox import Sandbox

SANDBOX_CONNECTIONS = 4  # turns of the sandbox that wait for each other must not starve the shop


@dataclass(frozen=True, slots=True)
class Payments:
    """sandbox: the hand that pays in development; None with real keys."""

    gateway: PaymentGateway
    sandbox: "Sandbox | None"


@asynccontextmanager
async def open_payments(
    settings: Settings,
    database: Database,
    *,
    now: Callable[[], datetime],
    door: Any = None,
) -> AsyncIterator[Payments]:
    """door: the ASGI application whose `/hooks/stripe` gets the sandbox's events; None → the one at PUBLIC_URL."""
    if settings.stripe_secret_key:
        real = StripeGateway(
            settings.stripe_secret_key, settings.stripe_webhook_secret or "", api_base=settings.stripe_api_base
        )
        try:
            yield Payments(real, None)
        finally:
            await real.aclose()
        return
    from shop.adapters.stripe.fake.sandbox import sandbox_gateway  # noqa: PLC0415  # production has no use for it
    from shop.adapters.stripe.fake.store import PostgresStore  # noqa: PLC0415

    gate = asyncio.Semaphore(SANDBOX_CONNECTIONS)

    @asynccontextmanager
    async def connect() -> AsyncIterator[Any]:
        async with gate, database.hot.acquire() as connection:
            yield connection

    transport = httpx.ASGITransport(door) if door else None
    async with outgoing_client("shop", base_url=settings.public_url, retries=0, transport=transport) as client:

        async def deliver(body: bytes, headers: dict[str, str]) -> None:
            (await client.post("/hooks/stripe", content=body, headers=headers)).raise_for_status()

        sandbox = sandbox_gateway(
            store=PostgresStore(connect),
            deliver=deliver,
            webhook_secret=settings.stripe_webhook_secret
            or f"whsec_{sha256(settings.secret_key.encode()).hexdigest()}",
            public_url=settings.public_url,
            now=now,
        )
        try:
            yield Payments(sandbox.gateway, sandbox)
        finally:
            await sandbox.aclose()
