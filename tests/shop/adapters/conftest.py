"""A sandbox on either store, with a door that keeps what was brought to it."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from shop.adapters.stripe.fake.sandbox import Sandbox, sandbox_gateway
from shop.adapters.stripe.fake.store import MemoryStore, PostgresStore, Store
from shop.adapters.stripe.gateway import CheckoutLine, OpenCheckout
from shop.core.postgres import embedded
from tests.shop.adapters.door import WEBHOOK_SECRET, Clock, Door


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture(params=["memory", "postgres"])
def database_for_store(request: pytest.FixtureRequest) -> tuple[Path, str] | None:
    """Socket folder and name of a migrated database, or None for the store in memory."""
    if request.param == "memory":
        return None
    return request.getfixturevalue("postgres"), request.getfixturevalue("database_name")


@pytest.fixture
async def store(database_for_store: tuple[Path, str] | None, schema: str) -> AsyncIterator[Store]:
    if database_for_store is None:
        yield MemoryStore()
        return
    socket, database = database_for_store
    pool = await asyncpg.create_pool(
        host=str(socket),
        user=embedded.APP_ROLE,
        database=database,
        min_size=0,
        max_size=8,
        server_settings={"search_path": schema},
    )
    yield PostgresStore(pool.acquire)
    await pool.close()


@pytest.fixture
async def sandbox(store: Store, door: Door, clock: Clock) -> AsyncIterator[Sandbox]:
    made = sandbox_gateway(
        store=store, deliver=door.deliver, webhook_secret=WEBHOOK_SECRET, public_url="http://shop.test/", now=clock
    )
    yield made
    await made.aclose()


@pytest.fixture
def requested(clock: Clock) -> Callable[..., OpenCheckout]:
    def build(payment_id: UUID | None = None, **other: object) -> OpenCheckout:
        facts: dict[str, object] = {
            "payment_id": payment_id or uuid4(),
            "order_number": "20310301-0001",
            "amount_fen": 10_000,
            "lines": (CheckoutLine("大红袍花椒（虚构）", 3, 8_800), CheckoutLine("运费", 1, 1_200)),
            "success_url": "http://shop.test/orders/1?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://shop.test/orders/1",
            "expires_at": clock.moment + timedelta(minutes=30),
        }
        return OpenCheckout(**(facts | other))  # type: ignore[arg-type]

    return build
