"""Orders whose time to pay is over."""

import asyncio
from datetime import timedelta

import pytest

from orders.checkout.jobs import expire_due
from orders.checkout.payable import OrderOver
from shop.core import clock
from shop.core.database import Database
from tests.make.payments import till
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio

HELD = "SELECT sum(held_pieces)::int FROM stock_item"


async def test_an_expired_order_gives_its_goods_back_and_nobody_can_pay_on_its_page(database: Database) -> None:
    shop = await small_shop(database)
    actor = await buyer(database, works_at=shop.branch)
    async with till(database) as desk:
        order = await placed(database, actor, {shop.skus[0]: 2})
        unpaid = await placed(database, actor, {shop.skus[1]: 1})
        opened = await desk.open(actor, order.id)
        now = clock.now()
        assert await expire_due(database, desk.gateway, now=now) == 0
        assert await desk.one(HELD) == 3
        assert await expire_due(database, desk.gateway, now=now + timedelta(minutes=31)) == 1, (
            "an open page holds longer"
        )
        assert await desk.one("SELECT state FROM shop_order WHERE id = :o", o=unpaid.id) == "expired"
        assert await desk.one(HELD) == 2
        assert await expire_due(database, desk.gateway, now=now + timedelta(minutes=37)) == 1
        assert await desk.one(HELD) == 0
        assert await desk.one("SELECT state FROM payment") == "cancelled"
        assert (await desk.sandbox.look(opened.payment_id)).state == "expired"
        with pytest.raises(OrderOver):
            await desk.open(actor, order.id)


async def test_a_page_that_was_paid_in_that_moment_is_left_to_be_settled(database: Database) -> None:
    shop = await small_shop(database)
    actor = await buyer(database, works_at=shop.branch)
    async with till(database) as desk:
        order = await placed(database, actor, {shop.skus[0]: 2})
        opened = await desk.open(actor, order.id)
        await desk.sandbox.succeed(opened.payment_id)
        assert await expire_due(database, desk.gateway, now=clock.now() + timedelta(minutes=37)) == 1
        assert await desk.one("SELECT state FROM payment") == "pending"
        await desk.work()
        assert await desk.one("SELECT state, payment_state FROM shop_order") == ("confirmed", "paid")
        assert await desk.one(HELD) == 0


async def test_two_sweeps_at_once_expire_each_order_once(database: Database) -> None:
    shop = await small_shop(database)
    actor = await buyer(database)
    async with till(database) as desk:
        for _ in range(12):
            await placed(database, actor, {shop.skus[0]: 1})
        later = clock.now() + timedelta(minutes=31)
        counts = await asyncio.gather(*(expire_due(database, desk.gateway, now=later) for _ in range(4)))
        assert sum(counts) == 12
        assert await desk.one(HELD) == 0
        assert await desk.one("SELECT count(*) FROM order_event WHERE state = 'expired'") == 12
