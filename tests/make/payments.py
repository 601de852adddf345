"""A till: the sandbox provider, the shop's real webhook door, and the hands that pay, work and look."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text

from orders.checkout.open_payment import Opened, open_payment
from orders.order.schemas import OrderOut
from orders.payment.api import routes
from orders.switchboard import handle_inbox
from shop.access.permissions import Actor
from shop.adapters.stripe.fake.sandbox import Sandbox, sandbox_gateway
from shop.adapters.stripe.fake.store import MemoryStore
from shop.adapters.stripe.real import StripeGateway
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from tests.make.shop import placed

SECRET = "whsec_test"


@dataclass
class Till:
    database: Database
    sandbox: Sandbox
    door: httpx.AsyncClient

    @property
    def gateway(self) -> StripeGateway:
        return self.sandbox.gateway

    async def open(self, actor: Actor, order_id: UUID, *, now: datetime | None = None) -> Opened:
        return await open_payment(
            self.database, self.gateway, actor=actor, order_id=order_id, method="stripe", now=now or datetime.now(UTC)
        )

    async def work(self, *, now: datetime | None = None) -> int:
        """What the worker does of what has come through the door."""
        await self.sandbox.quiet()
        return await handle_inbox(self.database, self.gateway, now=now or datetime.now(UTC))

    async def paid(self, actor: Actor, lines: dict[UUID, int]) -> OrderOut:
        """An order that was placed, paid and settled."""
        order = await placed(self.database, actor, lines)
        opened = await self.open(actor, order.id)
        await self.sandbox.succeed(opened.payment_id)
        assert await self.work() == 1
        return order

    async def one(self, statement: str, **values: Any) -> Any:
        """The only row of a query, or its only value."""
        async with self.database.reading() as session:
            row = (await session.execute(text(statement), values)).one()
        return row[0] if len(row) == 1 else tuple(row)

    async def all(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.database.reading() as session:
            return [tuple(row) for row in await session.execute(text(statement), values)]


@asynccontextmanager
async def till(database: Database) -> AsyncIterator[Till]:
    app = FastAPI()
    app.include_router(routes)
    app.add_exception_handler(Problem, _as_problem)
    app.state.database = database
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as door:

        async def deliver(body: bytes, headers: dict[str, str]) -> None:
            (await door.post("/hooks/stripe", content=body, headers=headers)).raise_for_status()

        sandbox = sandbox_gateway(
            store=MemoryStore(), deliver=deliver, webhook_secret=SECRET, public_url="http://shop", now=clock.now
        )
        app.state.gateway = sandbox.gateway
        yield Till(database, sandbox, door)
        await sandbox.aclose()


async def _as_problem(_: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)
    return JSONResponse(problem.as_json(), problem.status, media_type="application/problem+json")


async def books(desk: Till) -> dict[str, int]:
    """What an auditor adds up, in fen: the identity goods + freight + advances = payments + receivables."""
    clearing, claims, advances = await desk.one(
        """
        SELECT coalesce(sum(amount) FILTER (WHERE kind = 'clearing'), 0)::bigint,
            -coalesce(sum(amount) FILTER (WHERE kind = 'claim'), 0)::bigint,
            -coalesce(sum(amount) FILTER (WHERE kind = 'advance'), 0)::bigint
        FROM (
            SELECT a.kind, t.amount_fen AS amount FROM transfer t JOIN account a ON a.id = t.debit_account_id
            UNION ALL SELECT a.kind, -t.amount_fen FROM transfer t JOIN account a ON a.id = t.credit_account_id
        ) moved
        """
    )
    credited = await desk.one("SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry")
    freight = await desk.one(
        """
        SELECT coalesce(sum(p.freight_fen), 0)::bigint - coalesce((SELECT sum(f.fen) FROM refund_freight f
            JOIN refund r ON r.id = f.refund_id WHERE r.state = 'succeeded'), 0)::bigint
        FROM parcel p JOIN payment y ON y.order_id = p.order_id AND y.state = 'succeeded'
        """
    )
    assert credited + freight == claims, "goods and freight are what the suppliers may claim"
    assert claims + advances == clearing, "and what came in is theirs or a buyer's"
    return {"payments": clearing, "goods": credited, "freight": freight, "advances": advances}
