"""A story's hands: callers over HTTP, the worker's jobs, and a look at all that a wrong input must not change."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from catalog.listing.jobs import refresh_touched
from orders.balance.identity import Identity, identities
from orders.checkout.jobs import expire_due
from orders.credit.jobs import fold_deltas
from orders.switchboard import handle_inbox
from shop.adapters.stripe.fake.sandbox import Sandbox
from shop.adapters.stripe.gateway import PaymentGateway
from shop.app.demo.caller import ADDRESS, Caller, Json, sign_in
from shop.core import clock
from shop.core.database import Database
from shop.messages.deliver import deliver_due

WATCHED = (
    "shop_order", "order_event", "order_line", "share_component", "attribution", "delivery", "parcel", "stock_item",
    "stock_hold", "stock_movement", "payment", "tender", "webhook_inbox", "refund", "refund_part", "refund_line",
    "credit_entry", "credit_delta", "credit_rollup", "credit_source", "transfer", "account", "idempotency", "product",
    "listing_row", "cart_line",
)  # fmt: skip


@dataclass
class Story:
    http: httpx.AsyncClient
    app: FastAPI
    database: Database

    @property
    def sandbox(self) -> Sandbox:
        found: Sandbox = self.app.state.sandbox
        return found

    async def work(self) -> None:
        """One sweep of every job that moves money, stock or credit, and of the one that makes listings."""
        gateway: PaymentGateway = self.app.state.gateway
        for _ in range(2):  # a refund that was sent tells its end by another event
            await self.sandbox.quiet()
            await handle_inbox(self.database, gateway, now=clock.now())
            await expire_due(self.database, gateway, now=clock.now())
        await refresh_touched(self.database)
        await deliver_due(self.database, self.app.state.settings)

    async def fold(self) -> None:
        await fold_deltas(self.database)

    async def until(self, check: Callable[[], Awaitable[object]]) -> None:
        for _ in range(3):
            if await check():
                return
            await self.work()
        assert await check(), "it never came about, however often the worker worked"

    async def employee(self) -> Caller:
        return await sign_in(self.http, "employee@demo.test")

    async def staff(self) -> Caller:
        return await sign_in(self.http, "staff@demo.test")

    async def bought(self, who: Caller, goods: Mapping[str, int]) -> Json:
        """An order that was paid and settled."""
        order = await who.order(goods)
        await who.pay(await who.open_payment(order["id"]))
        await self.work()
        seen = await who.seen(order["id"])
        assert (seen["state"], seen["payment_state"]) == ("confirmed", "paid")
        return seen

    async def post_order(self, who: Caller, body: Mapping[str, Any], *, key: str = "key") -> httpx.Response:
        """With the usual address, unless the body names another."""
        document = {"address": ADDRESS, **body}
        return await self.http.post("/api/v1/orders", json=document, headers={**who.headers, "Idempotency-Key": key})

    async def everything(self) -> dict[str, str]:
        """A fingerprint of each table that money, stock, credit or goods stand in."""
        async with self.database.snapshot() as session:
            return {
                table: await session.scalar(
                    text(f"SELECT coalesce(md5(string_agg(t::text, ';' ORDER BY t::text)), '') FROM {table} t")
                )
                or ""
                for table in WATCHED
            }

    async def rows(self, statement: str, **facts: Any) -> list[tuple[Any, ...]]:
        async with self.database.reading() as session:
            return [tuple(row) for row in await session.execute(text(statement), facts)]

    async def proven(self) -> dict[str, Identity]:
        async with self.database.snapshot() as session:
            found = await identities(session)
        assert [one for one in found if not one.holds] == []
        return {one.code: one for one in found}
