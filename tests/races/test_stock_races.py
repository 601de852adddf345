"""Sixty-four buyers on real connections reach for the same goods and boxes: was more promised than there was?"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.checkout.place import GoodsChanged
from orders.checkout.problems import OutOfStock
from shop.core.database import Database
from shop.core.postgres import embedded
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio

BUYERS, ATTEMPTS, PIECES = 64, 2_000, 400


@pytest.fixture
async def crowd(postgres: Path, database_name: str, schema: str) -> AsyncIterator[Database]:
    url = embedded.url(postgres, database_name, embedded.APP_ROLE)
    opened = await Database.open(url, schema=schema, size=BUYERS, hot_size=BUYERS)
    yield opened
    await opened.close()


def contents(shop: SmallShop) -> dict[UUID, dict[UUID, int]]:
    """SKU → what one piece takes out of the barn."""
    return {sku: {sku: 1} for sku in shop.skus[:3]} | {shop.box: {shop.skus[0]: 2, shop.skus[2]: 1}}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_is_held_is_what_was_answered(crowd: Database, seed: int) -> None:
    chance = random.Random(seed)
    shop = await small_shop(crowd, pieces=PIECES)
    inside = contents(shop)
    actors = [await buyer(crowd, works_at=shop.branch) for _ in range(8)]
    gate = asyncio.Semaphore(BUYERS)

    async def attempt(number: int) -> Counter[UUID]:
        requested = {sku: chance.randint(1, 3) for sku in chance.sample(list(inside), chance.randint(1, 3))}
        async with gate:
            try:
                await placed(crowd, actors[number % len(actors)], requested)
            except (OutOfStock, GoodsChanged):
                return Counter()
        return sum((Counter({s: n * k for s, n in inside[sku].items()}) for sku, k in requested.items()), Counter())

    answered = sum(await asyncio.gather(*(attempt(n) for n in range(ATTEMPTS))), Counter())
    async with crowd.reading() as session:
        held = dict((await session.execute(text("SELECT sku_id, held_pieces FROM stock_item"))).all())
        holds = dict(
            (await session.execute(text("SELECT sku_id, sum(pieces)::bigint FROM stock_hold GROUP BY 1"))).all()
        )
        orders = (await session.execute(text("SELECT count(*) FROM shop_order"))).scalar_one()
        deadlocks = await session.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
    assert {sku: n for sku, n in held.items() if n} == dict(answered) == holds
    assert orders > 200
    assert all(n <= PIECES for n in held.values())
    assert PIECES - max(held.values()) <= 2  # nobody was turned away for nothing
    assert deadlocks == 0
