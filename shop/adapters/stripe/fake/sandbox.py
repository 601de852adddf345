"""The sandbox as the shop holds it: a gateway, and the hand that pays or fails on the payer's behalf."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import httpx
from starlette.applications import Starlette

from shop.adapters.stripe.fake.app import StandIn
from shop.adapters.stripe.fake.check import Refusal
from shop.adapters.stripe.fake.deliver import Courier, Deliver
from shop.adapters.stripe.fake.objects import token_of
from shop.adapters.stripe.fake.state import SandboxRefused, World
from shop.adapters.stripe.fake.store import Body, Store
from shop.adapters.stripe.gateway import CheckoutLine
from shop.adapters.stripe.real import StripeGateway


@dataclass(frozen=True, slots=True)
class HostedPage:
    """What the payment page shows. Addresses are where to go afterwards; description names the order."""

    session_id: str
    state: Literal["open", "paid", "failed", "expired"]
    amount_fen: int
    currency: str
    description: str
    lines: tuple[CheckoutLine, ...]
    methods: tuple[str, ...]
    success_url: str
    cancel_url: str
    expires_at: datetime


class Sandbox:
    """gateway: the real client, speaking to the stand-in. app: the stand-in itself. courier: see its modes.

    Payments are named by our payment id or by the session's id. SandboxRefused: no such payment, or it ended otherwise.
    """

    def __init__(self, stand_in: StandIn, webhook_secret: str) -> None:
        self.courier = stand_in.courier
        self.app: Starlette = stand_in.app()
        self.gateway = StripeGateway(stand_in.secret_key, webhook_secret, transport=httpx.ASGITransport(self.app))
        self._stand_in = stand_in

    async def look(self, payment: UUID | str) -> HostedPage:
        """The payment page. Raises SandboxRefused."""
        session_id = await self._session_id(payment)
        async with self._stand_in.store.turn(token_of(session_id)) as objects:
            world = World(objects, self._stand_in.seconds())
            session = await _found(world, session_id)
        await self.courier.send(world.events)
        return _page(session)

    async def succeed(
        self,
        payment: UUID | str,
        *,
        amount_fen: int | None = None,
        currency: str | None = None,
        method: str | None = None,
    ) -> HostedPage:
        """Pay: the event is at the door when this returns. Again: the same event once more. Raises SandboxRefused.

        amount_fen, currency: another amount or currency than asked, as if something had gone wrong over there.
        An expired page is paid all the same, as by a wallet that was already at work when the page closed.
        """
        return await self._pay(payment, paid=True, amount=amount_fen, currency=currency, method=method)

    async def fail(self, payment: UUID | str) -> HostedPage:
        """Let the payment fail for good, with its event. Raises SandboxRefused."""
        return await self._pay(payment, paid=False, amount=None, currency=None, method=None)

    def let_refunds_fail(self, failing: bool) -> None:
        """Whether refunds made from now on in this process end as failed."""
        self._stand_in.refunds_fail = failing

    async def refund_in_dashboard(self, payment: UUID | str, *, amount_fen: int | None = None) -> str:
        """Somebody gives money back in the provider's own pages; returns the provider's id. Raises SandboxRefused."""
        session_id = await self._session_id(payment)
        requested: Body = {} if amount_fen is None else {"amount": amount_fen}
        async with self._stand_in.store.turn(token_of(session_id)) as objects:
            world = World(objects, self._stand_in.seconds())
            session = await _found(world, session_id)
            try:
                refund = await world.open_refund(
                    {"payment_intent": session["payment_intent"], **requested}, will_fail=self._stand_in.refunds_fail
                )
                await world.refund(refund["id"])
            except Refusal as refusal:
                raise SandboxRefused(str(refusal)) from refusal
        await self.courier.send(world.events)
        return str(refund["id"])

    async def fail_refund(self, provider_refund_id: str) -> None:
        """A refund that had succeeded comes back. Again: the same events once more. Raises SandboxRefused."""
        await self._act(provider_refund_id, lambda world: world.fail_refund(provider_refund_id))

    async def dispute(
        self,
        payment: UUID | str,
        *,
        amount_fen: int | None = None,
        reason: str = "product_not_received",
        inquiry: bool = False,
    ) -> str:
        """The payer's bank disputes a payment (or a part of it); returns the provider's id. Raises SandboxRefused."""
        session_id = await self._session_id(payment)
        charge_id = f"ch_{token_of(session_id)}"
        opened = await self._act(
            charge_id,
            lambda world: world.open_dispute(charge_id, amount=amount_fen, reason=reason, inquiry=inquiry),
        )
        return str(opened["id"])

    async def end_dispute(self, provider_dispute_id: str, *, won: bool) -> None:
        """The bank decides, and the money goes where it said. Again: the same events once more."""
        await self._act(provider_dispute_id, lambda world: world.end_dispute(provider_dispute_id, won=won))

    async def reinstate(self, provider_dispute_id: str) -> None:
        """What a dispute had taken comes back, whatever became of it."""
        await self._act(provider_dispute_id, lambda world: world.reinstate(provider_dispute_id))

    async def withdraw(self, provider_dispute_id: str) -> None:
        """The disputed amount is taken off the balance."""
        await self._act(provider_dispute_id, lambda world: world.withdraw(provider_dispute_id))

    async def quiet(self) -> None:
        """Wait until refunds and deliveries that are under way have ended."""
        await self.courier.quiet()

    async def aclose(self) -> None:
        await self.quiet()
        await self.gateway.aclose()

    async def _pay(
        self, payment: UUID | str, *, paid: bool, amount: int | None, currency: str | None, method: str | None
    ) -> HostedPage:
        session_id = await self._session_id(payment)
        async with self._stand_in.store.turn(token_of(session_id)) as objects:
            world = World(objects, self._stand_in.seconds())
            await _found(world, session_id)
            session = await world.pay(session_id, paid=paid, amount=amount, currency=currency, method=method)
        await self.courier.send(world.events)
        return _page(session)

    async def _act(self, object_id: str, act: Callable[[World], Awaitable[Body]]) -> Body:
        async with self._stand_in.store.turn(token_of(object_id)) as objects:
            world = World(objects, self._stand_in.seconds())
            try:
                done = await act(world)
            except Refusal as refusal:
                raise SandboxRefused(str(refusal)) from refusal
        await self.courier.send(world.events)
        return done

    async def _session_id(self, payment: UUID | str) -> str:
        if isinstance(payment, str) and payment.startswith("cs_"):
            return payment
        async with self._stand_in.store.turn() as objects:
            pointer = await objects.get(f"payment:{payment}")
        if pointer is None:
            raise SandboxRefused(f"no payment {payment}")
        return str(pointer["session"])


def sandbox_gateway(
    *,
    store: Store,
    deliver: Deliver,
    webhook_secret: str,
    public_url: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sandbox:
    """Payments without Stripe: `.gateway` is what the shop calls, the rest is for the payment page, demos and tests.

    store: shared by every process that shares the shop's database. deliver: brings a signed event to the webhook door.
    webhook_secret: the one the door checks with. public_url: of the shop; the page is its `/sandbox/pay/{payment_id}`.
    now: the time that objects bear; signatures always use the real one.
    """
    courier = Courier(store, deliver, webhook_secret)
    secret_key = f"sk_test_{secrets.token_hex(12)}"
    stand_in = StandIn(store, courier, now, public_url.rstrip("/"), secret_key)
    return Sandbox(stand_in, webhook_secret)


async def _found(world: World, session_id: str) -> Body:
    try:
        return await world.session(session_id)
    except Refusal as refusal:
        raise SandboxRefused(str(refusal)) from refusal


def _page(session: Body) -> HostedPage:
    return HostedPage(
        session_id=session["id"],
        state=_page_state(session),
        amount_fen=session["amount_total"],
        currency=session["currency"],
        description=session["_description"] or "",
        lines=tuple(CheckoutLine(line["title"], line["quantity"], line["amount"]) for line in session["_lines"]),
        methods=tuple(session["payment_method_types"]),
        success_url=session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]),
        cancel_url=session["cancel_url"] or "",
        expires_at=datetime.fromtimestamp(session["expires_at"], UTC),
    )


def _page_state(session: Body) -> Literal["open", "paid", "failed", "expired"]:
    if session["status"] == "complete":
        return "paid" if session["payment_status"] == "paid" else "failed"
    return "expired" if session["status"] == "expired" else "open"
