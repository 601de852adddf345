"""The same wish many times at once has one effect; and whoever ends an order first, everybody agrees how it ended."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.aftersales.cancel import NotCancellable, cancel
from orders.checkout.jobs import expire_due
from orders.checkout.problems import OutOfStock
from orders.switchboard import act, reconcile
from shop.access.permissions import Actor
from shop.adapters.stripe.gateway import PaymentSeen
from shop.core.database import Database
from shop.core.postgres import embedded
from tests.make.audit import audited
from tests.make.caller import as_caller
from tests.make.payments import Till, till
from tests.make.shop import ADDRESS, SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio

AT_ONCE, CONNECTIONS, ORDERS = 20, 64, 80


@pytest.fixture
async def crowd(postgres: Path, database_name: str, schema: str) -> AsyncIterator[Database]:
    url = embedded.url(postgres, database_name, embedded.APP_ROLE)
    opened = await Database.open(url, schema=schema, size=CONNECTIONS, hot_size=CONNECTIONS)
    yield opened
    await opened.close()


async def figures(database: Database, *asked: str) -> list[int]:
    async with database.reading() as session:
        return [int(await session.scalar(text(f"SELECT count(*) FROM {what}"))) for what in asked]


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database)


@pytest.fixture
async def caller(app: FastAPI, database: Database, shop: SmallShop) -> AsyncIterator[httpx.AsyncClient]:
    async with as_caller(app, await buyer(database, works_at=shop.branch)) as http:
        yield http


def order_body(shop: SmallShop, quantity: int) -> dict[str, object]:
    return {"lines": [{"sku_id": str(shop.box), "quantity": quantity}], "address": ADDRESS.model_dump()}


async def test_one_order_and_the_same_answer_to_all(
    caller: httpx.AsyncClient, database: Database, shop: SmallShop
) -> None:
    headers = {"idempotency-key": "one-wish"}
    answers = await asyncio.gather(
        *(caller.post("/api/v1/orders", json=order_body(shop, 2), headers=headers) for _ in range(AT_ONCE))
    )
    assert [answer.status_code for answer in answers] == [201] * AT_ONCE
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    other = await caller.post("/api/v1/orders", json=order_body(shop, 1), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await figures(database, "shop_order", "idempotency") == [1, 1]
    await audited(database)


async def test_two_wishes_under_one_key_are_not_both_heard(
    caller: httpx.AsyncClient, database: Database, shop: SmallShop
) -> None:
    headers = {"idempotency-key": "two-wishes"}
    answers = await asyncio.gather(
        *(caller.post("/api/v1/orders", json=order_body(shop, 1 + n % 2), headers=headers) for n in range(AT_ONCE))
    )
    assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE // 2, 422: AT_ONCE // 2}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 422} == {"idempotency_key_reused"}
    assert await figures(database, "shop_order") == [1]
    await audited(database)


async def test_one_payment_page_for_all_who_click(
    caller: httpx.AsyncClient, database: Database, shop: SmallShop
) -> None:
    order = (
        await caller.post("/api/v1/orders", json=order_body(shop, 1), headers={"idempotency-key": "an-order"})
    ).json()
    path = f"/api/v1/orders/{order['id']}/pay"
    answers = await asyncio.gather(*(caller.post(path, json={"method": "stripe"}) for _ in range(AT_ONCE)))
    # Whoever comes while the provider is being asked under the same key may be told to ask again.
    answers = [
        answer if answer.status_code == 200 else await caller.post(path, json={"method": "stripe"})
        for answer in answers
    ]
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    assert len({answer.content for answer in answers}) == 1
    assert await figures(database, "payment", "sandbox_object WHERE kind = 'checkout.session'") == [1, 1]


class Melee:
    """Orders that are paid at the provider, of which the shop has not heard; everybody now acts at once."""

    def __init__(self, desk: Till, shop: SmallShop, buyers: list[Actor], seed: int) -> None:
        self.desk, self.shop, self.buyers = desk, shop, buyers
        self.chance = random.Random(seed)
        self.orders: dict[UUID, Actor] = {}
        self.seen: list[PaymentSeen] = []
        self.now = datetime.now(UTC)
        self.later = self.now + timedelta(hours=1)

    async def prepare(self) -> None:
        self.desk.sandbox.courier.mode = "dropped"
        goods = [*self.shop.skus, self.shop.box]
        for number in range(ORDERS):
            actor = self.buyers[number % len(self.buyers)]
            requested = {sku: self.chance.randint(1, 2) for sku in self.chance.sample(goods, 2)}
            order = await placed(self.desk.database, actor, requested, now=self.now)
            opened = await self.desk.open(actor, order.id, now=self.now)
            session_id = await self.desk.one("SELECT session_id FROM payment WHERE id = :id", id=opened.payment_id)
            if number % 4:  # the fourth never pays
                await self.desk.sandbox.succeed(opened.payment_id)
            self.orders[order.id] = actor
            self.seen.append(await self.desk.gateway.read_payment(session_id))

    async def call_off(self, order_id: UUID, actor: Actor) -> str:
        try:
            await cancel(self.desk.database, self.desk.gateway, actor=actor, order_id=order_id, now=self.now)
        except NotCancellable:
            return "too late to cancel"
        return "cancelled"

    async def follow(self, seen: list[PaymentSeen]) -> str:
        async with self.desk.database.transaction() as session:
            await act(session, seen, now=self.now)
        return "followed"

    async def expire(self) -> str:
        await expire_due(self.desk.database, self.desk.gateway, now=self.later)
        return "expired"

    async def snatch(self) -> str:
        """Somebody else wants what was just given back."""
        sku_id = self.chance.choice(self.shop.skus)
        try:
            await placed(self.desk.database, self.chance.choice(self.buyers), {sku_id: 2}, now=self.now)
        except OutOfStock:
            return "sold out"
        return "snatched"

    def all_at_once(self) -> list[Callable[[], Awaitable[str]]]:
        deeds: list[Callable[[], Awaitable[str]]] = [
            partial(self.call_off, order_id, actor)
            for order_id, actor in self.chance.sample(list(self.orders.items()), ORDERS // 2)
        ]
        for _ in range(ORDERS // 2):  # the same payment comes from several workers, in another order each time
            batch = self.chance.sample(self.seen, self.chance.randint(1, 8))
            deeds.append(partial(self.follow, batch))
        deeds += [self.expire] * 6 + [self.snatch] * 40
        self.chance.shuffle(deeds)
        return deeds


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_cancel_settle_and_expire_at_once(crowd: Database, seed: int) -> None:
    shop = await small_shop(crowd, pieces=3 * ORDERS)
    async with till(crowd) as desk:
        melee = Melee(desk, shop, [await buyer(crowd, works_at=shop.branch) for _ in range(8)], seed)
        await melee.prepare()
        gate = asyncio.Semaphore(CONNECTIONS)

        async def at_once(deed: Callable[[], Awaitable[str]]) -> str:
            async with gate:
                return await deed()

        what_happened = Counter(await asyncio.gather(*(at_once(deed) for deed in melee.all_at_once())))
        await audited(crowd)
        for _ in range(3):  # what nobody followed, the provider still knows
            await melee.expire()
            await reconcile(crowd, desk.gateway, now=melee.later, everything=True)
            await desk.sandbox.quiet()
        await audited(crowd)
        states = dict(await desk.all("SELECT state, count(*) FROM shop_order GROUP BY 1"))
        unfinished = await desk.all(
            "SELECT id FROM payment WHERE state IN ('created', 'pending') UNION ALL"
            " SELECT id FROM refund WHERE state <> 'succeeded'"
        )
        paid = await desk.one("SELECT count(*) FROM payment WHERE state IN ('succeeded', 'held')")
    assert unfinished == []
    assert paid == sum(one.state == "succeeded" for one in melee.seen)
    assert states.keys() == {"confirmed", "cancelled", "expired"}
    assert sum(states.values()) == ORDERS + what_happened["snatched"]
