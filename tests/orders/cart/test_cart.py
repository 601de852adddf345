"""The cart through the API: wishes are kept, and what is wrong with them is said."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.cart.jobs import forget_carts
from orders.cart.merge import merge
from orders.cart.put_line import LINES_MAX, CartFull, add_line, put_line
from orders.cart.queries import lines_of
from orders.cart.visitor import new_visitor, visitor_id_of
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import as_caller, refused
from tests.make.shop import buyer, small_shop

pytestmark = pytest.mark.anyio


async def test_a_cart_is_quoted_and_changed(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database, pieces=5)
    async with as_caller(app, await buyer(database, works_at=shop.branch)) as caller:
        empty = (await caller.get("/api/v1/cart")).json()
        assert (empty["lines"], empty["can_order"], empty["total_fen"]) == ([], False, None)
        for quantity in (3, 6):  # the second replaces the first
            cart = (await caller.put(f"/api/v1/cart/lines/{shop.skus[0]}", json={"quantity": quantity})).json()
        (line,) = cart["lines"]
        assert (line["quantity"], line["available"], line["trouble"]["code"]) == (6, 5, "out_of_stock")
        assert line["trouble"]["title"] == "库存不足，还剩 5 件"
        assert (cart["goods_fen"], cart["freight_fen"]) == (6_000, None), "nobody said where to"
        for _ in range(2):
            assert (await caller.delete(f"/api/v1/cart/lines/{shop.skus[0]}")).status_code == 204
        assert (await caller.get("/api/v1/cart")).json()["lines"] == []


async def test_freight_is_quoted_for_where_the_last_order_went(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    address = {"name": "收货人甲", "phone": "13800138000", "region_code": "310101", "street": "示例路一号"}
    async with as_caller(app, await buyer(database)) as caller:
        requested = {"lines": [{"sku_id": str(shop.skus[0]), "quantity": 1}], "address": address}
        await caller.post("/api/v1/orders", json=requested, headers={"Idempotency-Key": "k"})
        cart = (await caller.put(f"/api/v1/cart/lines/{shop.skus[1]}", json={"quantity": 1})).json()
    assert (cart["region_code"], cart["freight_fen"], cart["total_fen"]) == ("310101", 600, 2_600)


@pytest.mark.parametrize("quantity", [0, -1, 10**12, 10_000, 1.5, "2", True, None])
async def test_a_wrong_quantity_changes_nothing(app: FastAPI, database: Database, quantity: object) -> None:
    shop = await small_shop(database)
    actor = await buyer(database)
    async with as_caller(app, actor) as caller:
        answer = await caller.put(f"/api/v1/cart/lines/{shop.skus[0]}", json={"quantity": quantity})
        refused(answer, 422, "invalid")
        refused(await caller.put(f"/api/v1/cart/lines/{uuid4()}", json={"quantity": 1}), 422, "unknown_sku")
    async with database.reading() as session:
        assert await lines_of(session, actor.user_id) == []


async def test_two_merges_at_once_move_each_piece_once_and_stop_at_the_most(database: Database) -> None:
    shop = await small_shop(database)
    user_id, visitor_id = (await buyer(database)).user_id, visitor_id_of(new_visitor())
    async with database.transaction() as session:
        await put_line(session, owner_id=user_id, sku_id=shop.skus[0], quantity=9_000, now=clock.now())
        await put_line(session, owner_id=user_id, sku_id=shop.skus[1], quantity=1, now=clock.now())
        for sku_id in shop.skus[:3]:
            await put_line(session, owner_id=visitor_id, sku_id=sku_id, quantity=1_500, now=clock.now())

    async def once() -> None:
        async with database.transaction() as session:
            await merge(session, visitor_id, user_id)

    await asyncio.gather(*(once() for _ in range(4)))
    async with database.reading() as session:
        assert await lines_of(session, visitor_id) == []
        assert dict(await lines_of(session, user_id)) == {
            shop.skus[0]: 9_999,
            shop.skus[1]: 1_501,
            shop.skus[2]: 1_500,
        }


async def test_a_cart_has_room_for_a_hundred_kinds(database: Database) -> None:
    shop = await small_shop(database)
    actor, now = await buyer(database), clock.now()
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO sku (id, product_id, code, spec, net_grams, active)"
                " SELECT gen_random_uuid(), product_id, 'X' || n, spec, net_grams, active"
                " FROM sku, generate_series(1, :most) n WHERE code = 'S0'"
            ),
            {"most": LINES_MAX},
        )
        await session.execute(
            text("INSERT INTO cart_line SELECT :owner, id, 1, :now FROM sku WHERE code LIKE 'X%'"),
            {"owner": actor.user_id, "now": now},
        )
    with pytest.raises(CartFull):
        async with database.transaction() as session:
            await add_line(session, owner_id=actor.user_id, sku_id=shop.skus[0], quantity=1, now=now)
    async with database.transaction() as session:
        (sku_id, _), *_ = await lines_of(session, actor.user_id)
        await add_line(session, owner_id=actor.user_id, sku_id=sku_id, quantity=1, now=now)
        assert len(await lines_of(session, actor.user_id)) == LINES_MAX


async def test_only_visitors_carts_are_forgotten(database: Database) -> None:
    shop = await small_shop(database)
    user_id, visitor_id, now = (await buyer(database)).user_id, visitor_id_of("somebody"), clock.now()
    async with database.transaction() as session:
        for owner_id in (user_id, visitor_id):
            await put_line(session, owner_id=owner_id, sku_id=shop.skus[0], quantity=1, now=now)
    for days, left in ((59, 1), (61, 0)):
        await forget_carts(database, now=now + timedelta(days=days))
        async with database.reading() as session:
            assert len(await lines_of(session, visitor_id)) == left
            assert len(await lines_of(session, user_id)) == 1
