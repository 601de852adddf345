"""Web and worker are killed again and again while three hundred people buy: what is paid is kept, credited once."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.settings import Settings
from shop.organisation.models import Membership
from tests.make.audit import audited
from tests.make.people import PASSWORD, SINCE, somebody
from tests.make.processes import Processes, processes
from tests.make.shop import ADDRESS, SmallShop, small_shop

pytestmark = pytest.mark.anyio

PURCHASES, ACCOUNTS, CONNECTIONS = 300, 16, 64
CANCELLED = range(0, PURCHASES, 10)
"""These change their minds after paying, so that refunds are under way too when the axe falls."""
KILLS = {90: ("web",), 240: ("worker",), 390: ("web", "worker"), 540: ("worker",), 660: ("web",), 800: ("worker",)}
"""Who dies after how many steps: an order placed, a page opened, a payment made."""
LATER = {"try_again", "goods_changed", "payment_provider_unavailable"}
PAUSE_S, HEALING_S = 0.3, 30
_CHARGED = text(
    "SELECT EXISTS (SELECT FROM sandbox_object WHERE kind = 'payment_intent'"
    " AND body->'metadata'->>'payment_id' = :payment AND body->>'status' = 'succeeded')"
)
# What the provider was paid, against what the shop made of it: settled, given back whole, or held for two people.
_OPEN = text(
    """
SELECT count(*) FROM sandbox_object s LEFT JOIN payment p ON p.id::text = s.body->'metadata'->>'payment_id'
LEFT JOIN shop_order o ON o.id = p.order_id LEFT JOIN refund r ON r.payment_id = p.id AND r.state = 'succeeded'
WHERE s.kind = 'payment_intent' AND s.body->>'status' = 'succeeded'
  AND NOT coalesce((o.state = 'confirmed' AND p.state = 'succeeded')
    OR (o.state = 'cancelled' AND (r.amount_fen = p.received_fen OR p.state = 'held')), false)
"""
)
_OUTCOMES = text("SELECT state, count(*) FROM shop_order GROUP BY state ORDER BY state")
_CHARGES = text("SELECT count(*) FROM sandbox_object WHERE kind = 'payment_intent' AND body->>'status' = 'succeeded'")
_CREDITED = text("SELECT sum(amount_fen)::bigint FROM credit_entry")


@dataclass
class Crowd:
    """People who try again until they have an answer, with the same key, as their shopping app would."""

    http: httpx.AsyncClient
    database: Database
    shop: SmallShop
    tokens: list[str] = field(default_factory=list)
    goods_fen: dict[int, int] = field(default_factory=dict)
    steps: int = 0
    milestones: dict[int, asyncio.Event] = field(default_factory=lambda: {after: asyncio.Event() for after in KILLS})
    answers: Counter[str] = field(default_factory=Counter)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    def step(self) -> None:
        self.steps += 1
        if self.steps in self.milestones:
            self.milestones[self.steps].set()

    async def post(self, path: str, **more: Any) -> httpx.Response:
        """One attempt; after a broken connection a pause, which others wait through too."""
        async with self.gate:
            try:
                return await self.http.post(path, **more)
            except httpx.TransportError as error:
                self.answers[type(error).__name__] += 1
                await asyncio.sleep(PAUSE_S)
                raise

    async def insist(self, number: int, path: str, expected: int, **more: Any) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[number % ACCOUNTS]}", "idempotency-key": f"purchase-{number}"}
        while True:
            try:
                answer = await self.post(path, headers=headers, **more)
            except httpx.TransportError:
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.status_code == expected:
                self.step()
                return answer.json()
            assert answer.json()["code"] in LATER, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json().keys() <= {"type", "title", "status", "code", "detail", "retry_after_s"}
            await asyncio.sleep(PAUSE_S)

    async def pay_once(self, payment_id: str) -> None:
        """A payer whose browser broke down looks at the wallet first: a webhook lost by the kill stays lost."""
        while True:
            try:
                (await self.post(f"/sandbox/payments/{payment_id}/succeed")).raise_for_status()
            except (httpx.TransportError, httpx.HTTPStatusError):
                async with self.database.reading() as session:
                    charged = await session.scalar(_CHARGED, {"payment": payment_id})
                if not charged:
                    continue
            self.step()
            return

    async def buy(self, number: int) -> None:
        sku_ids = [*self.shop.skus, self.shop.box]
        lines = [{"sku_id": str(sku_ids[(number + k) % 5]), "quantity": 1 + k} for k in range(1 + number % 2)]
        body = {"lines": lines, "address": ADDRESS.model_dump()}
        order = await self.insist(number, "/api/v1/orders", 201, json=body)
        self.goods_fen[number] = order["goods_fen"]
        path = f"/api/v1/orders/{order['id']}"
        page = await self.insist(number, f"{path}/pay", 200, json={"method": "stripe"})
        await self.pay_once(page["payment_id"])
        if number in CANCELLED:
            await self.insist(number, f"{path}/cancel", 200)

    async def sign_in(self, email: str) -> None:
        body = {"username": email, "password": PASSWORD}
        while True:
            try:
                answer = await self.http.post("/api/v1/auth/token", data=body)
            except httpx.ConnectError:
                await asyncio.sleep(PAUSE_S)  # it is only just starting
                continue
            self.tokens.append(answer.json()["access_token"])
            return


async def axe(shop: Processes, crowd: Crowd) -> None:
    for after, victims in KILLS.items():
        await crowd.milestones[after].wait()
        shop.kill(*victims)
        shop.start(*victims)


async def healed(shop: Processes, crowd: Crowd) -> None:
    """Five minutes pass on the shop's clock, and nobody does anything."""
    answer = await crowd.http.put("/sandbox/clock", json={"now": str(clock.wall() + timedelta(minutes=5))})
    assert answer.status_code == 200
    shop.kill("worker")
    shop.start("worker")
    deadline = monotonic() + HEALING_S
    while True:
        async with crowd.database.reading() as session:
            left = await session.scalar(_OPEN)
        if left == 0:
            return
        assert monotonic() < deadline, f"{left} payments are neither settled nor given back"
        await asyncio.sleep(0.2)


@pytest.fixture
async def crowd(database: Database, settings: Settings, tmp_path: Path) -> Any:
    shop = await small_shop(database, pieces=5_000)
    people = [
        await somebody(database, f"buyer{n}@example.com", Grant(Role.EMPLOYEE, "all", "*")) for n in range(ACCOUNTS)
    ]
    async with database.transaction() as session:
        for one in people:
            session.add(Membership(id=new_id(), person_id=one.person_id, unit_id=shop.branch, valid_from=SINCE))
    with processes(settings, tmp_path) as running:
        running.start("web", "worker")
        limits = httpx.Limits(max_connections=CONNECTIONS)
        async with httpx.AsyncClient(base_url=running.url, limits=limits, timeout=60, trust_env=False) as http:
            made = Crowd(http, database, shop)
            for one in people:
                await made.sign_in(one.email)
            yield running, made


async def test_nothing_paid_is_lost_and_nothing_credited_twice(
    crowd: tuple[Processes, Crowd], database: Database
) -> None:
    running, buyers = crowd
    await asyncio.gather(axe(running, buyers), *(buyers.buy(number) for number in range(PURCHASES)))
    assert buyers.answers["201"] == PURCHASES
    assert sum(n for name, n in buyers.answers.items() if name.endswith("Error")) > 0, (
        "nobody was in the way of the axe"
    )
    await healed(running, buyers)
    await audited(database)
    async with database.reading() as session:
        outcomes = [tuple(row) for row in await session.execute(_OUTCOMES)]
        charges = await session.scalar(_CHARGES)
        credited = await session.scalar(_CREDITED)
    assert outcomes == [("cancelled", len(CANCELLED)), ("confirmed", PURCHASES - len(CANCELLED))]
    assert charges == PURCHASES
    assert credited == sum(fen for number, fen in buyers.goods_fen.items() if number not in CANCELLED)
