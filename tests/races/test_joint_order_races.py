"""A joint order placed twice at once, accepted twice at once, and the last stock wanted by somebody else meanwhile."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.acceptance.problems import AlreadyAccepted
from orders.balance.identity import identities
from orders.bulk.joint.place import StockShort
from orders.checkout.place import GoodsChanged
from orders.checkout.problems import OutOfStock
from shop.core.database import Database
from tests.make.joint_order import accept_as, expected, joint_purchase, placed_joint
from tests.make.shop import buyer, placed

pytestmark = pytest.mark.anyio


async def count(database: Database, statement: str) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text(statement)) or 0)


async def all_holds(database: Database) -> None:
    async with database.snapshot() as session:
        assert {one.code: one.apart for one in await identities(session) if not one.holds} == {}


async def test_placed_twelve_times_at_once_is_one_order(database: Database) -> None:
    joint = await joint_purchase(database, spares=2)
    orders = await asyncio.gather(*(placed_joint(database, joint) for _ in range(12)))
    assert len(set(orders)) == 1
    assert await count(database, "SELECT count(*) FROM shop_order") == 1
    assert await count(database, "SELECT count(*) FROM bulk_event WHERE state = 'ordered'") == 1
    await all_holds(database)


async def test_one_delivery_is_accepted_once(database: Database) -> None:
    joint = await joint_purchase(database)
    order_id = await placed_joint(database, joint)
    delivery_id = (await expected(database, order_id))[0].delivery_id

    async def attempt(number: int) -> UUID | None:
        people = (joint.receiver, joint.witness) if number % 2 else (joint.witness, joint.receiver)
        try:
            return await accept_as(database, *people, order_id, delivery_id, key=f"k{number}")
        except AlreadyAccepted:
            return None

    done = [one for one in await asyncio.gather(*(attempt(n) for n in range(10))) if one]
    assert len(done) == 1
    assert await count(database, "SELECT count(*) FROM acceptance") == 1
    await all_holds(database)


async def test_all_deliveries_at_once_end_the_order_once(database: Database) -> None:
    joint = await joint_purchase(database, members=[[0, 1]] * 8)
    order_id = await placed_joint(database, joint)
    deliveries = list(dict.fromkeys(one.delivery_id for one in await expected(database, order_id)))
    await asyncio.gather(
        *(accept_as(database, joint.receiver, joint.witness, order_id, one, key=str(one)) for one in deliveries)
    )
    assert await count(database, "SELECT count(*) FROM shop_order WHERE state = 'received'") == 1
    assert await count(database, "SELECT count(*) FROM order_event WHERE state = 'received'") == 1
    assert await count(database, "SELECT sum(held_pieces) FROM stock_item") == 0
    await all_holds(database)


@pytest.mark.parametrize("pieces", [12, 13])
async def test_the_last_stock_goes_to_one_of_them(database: Database, pieces: int) -> None:
    """Twelve pieces are wanted by the union, and two a head by visitors of the shop."""
    joint = await joint_purchase(database, members=[[0] * 6, [0] * 6], packages=({0: 1},), pieces=pieces)
    actors = [await buyer(database, works_at=joint.shop.branch) for _ in range(4)]

    async def union() -> bool:
        try:
            await placed_joint(database, joint)
        except StockShort:
            return False
        return True

    async def visitor(number: int) -> bool:
        try:
            await placed(database, actors[number], {joint.shop.skus[0]: 2}, now=datetime.now(UTC))
        except (OutOfStock, GoodsChanged):
            return False
        return True

    ordered, *bought = await asyncio.gather(union(), *(visitor(n) for n in range(4)))
    held = await count(database, "SELECT held_pieces FROM stock_item ORDER BY held_pieces DESC LIMIT 1")
    assert held == 12 * ordered + 2 * sum(bought)
    assert held <= pieces
    assert not (ordered and any(bought))
    assert ordered or any(bought)
    await all_holds(database)
