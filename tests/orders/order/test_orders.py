"""Who may read which order, and that every sum of it is the sum of its parts."""

from datetime import UTC, datetime
from uuid import UUID

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from orders.aftersales.give_back import send
from orders.aftersales.refund import request_refund
from orders.aftersales.schemas import RefundIn
from orders.order.queries import helped_in, own_order
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.paging import cursor_of
from tests.make.caller import as_caller, refused
from tests.make.payments import till
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio


def somebody(role: Role, kind: str, scope: object = "*") -> Actor:
    return Actor(new_id(), new_id(), new_id(), (Grant(role, kind, str(scope)),))  # type: ignore[arg-type]


async def read(app: FastAPI, actor: Actor, order_id: UUID) -> httpx.Response:
    async with as_caller(app, actor) as caller:
        return await caller.get(f"/api/v1/orders/{order_id}")


async def bought(database: Database) -> tuple[SmallShop, Actor, OrderOut]:
    shop = await small_shop(database)
    actor = await buyer(database, works_at=shop.branch)
    return shop, actor, await placed(database, actor, {shop.skus[0]: 3, shop.skus[2]: 1, shop.box: 2})


async def test_an_order_reads_as_it_was_answered_when_it_was_placed(app: FastAPI, database: Database) -> None:
    _, actor, order = await bought(database)
    answer = await read(app, actor, order.id)
    seen = msgspec.json.decode(answer.content, type=OrderOut)
    assert seen.address is not None
    assert seen.address.street == "示例路一号"
    assert {f: getattr(seen, f) for f in seen.__slots__ if f not in {"address", "placed_at", "expires_at"}} == {
        f: getattr(order, f) for f in order.__slots__ if f not in {"address", "placed_at", "expires_at"}
    }
    assert abs((seen.placed_at - order.placed_at).total_seconds()) < 0.001


async def test_staff_see_money_but_no_address_and_suppliers_their_own_lines(app: FastAPI, database: Database) -> None:
    shop, _, order = await bought(database)
    for staff in (
        somebody(Role.STAFF, "unit", shop.branch), somebody(Role.STAFF, "unit", shop.bank), somebody(Role.STAFF, "all"),
    ):  # fmt: skip
        seen = (await read(app, staff, order.id)).json()
        assert (seen["address"], seen["total_fen"], len(seen["lines"])) == (None, order.total_fen, 3)
    supplier = await read(app, somebody(Role.SUPPLIER, "supplier", shop.suppliers[1]), order.id)
    seen = supplier.json()
    assert [line["sku_id"] for line in seen["lines"]] == [str(shop.skus[2])]
    assert (seen["address"], seen["unit"], seen["total_fen"], seen["freight_fen"]) == (None, None, 3_000, 0)
    assert "示例路" not in supplier.text


async def test_everybody_else_is_a_stranger(app: FastAPI, database: Database) -> None:
    shop, _, order = await bought(database)
    others = [
        await buyer(database, works_at=shop.branch),
        somebody(Role.STAFF, "unit", new_id()),
        somebody(Role.SUPPLIER, "supplier", new_id()),
        somebody(Role.UNION_APPROVER, "unit", shop.bank),
    ]
    for other in others:
        refused(await read(app, other, order.id), 404, "not_found")
    for role in (Role.AUDITOR, Role.ADMINISTRATOR, Role.COUNTY_REVIEWER):
        refused(await read(app, somebody(role, "all"), order.id), 403, "not_allowed")


async def test_my_orders_page_by_page(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    actor = await buyer(database, works_at=shop.branch)
    await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1})
    at = datetime(2026, 11, 20, tzinfo=UTC)  # all in one moment: the id decides
    numbers = [(await placed(database, actor, {shop.skus[n % 4]: 1}, now=at)).number for n in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    async with as_caller(app, actor) as caller:
        for size in (2, 2, 1):
            page = (
                await caller.get("/api/v1/orders", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            assert len(page["items"]) == size
            seen += [order["number"] for order in page["items"]]
            cursor = page["next_cursor"]
        assert page["items"][0] | {"placed_at": 0, "expires_at": 0, "id": 0} == {
            "id": 0, "number": numbers[0], "state": "placed", "payment_state": "unpaid", "placed_at": 0,
            "expires_at": 0, "total_fen": 1_600, "paid_fen": 0, "refunded_fen": 0, "titles": ["示例货0"],
        }  # fmt: skip
        for forged in ("!", cursor_of("2026-11-20T00:00:00", str(actor.user_id)), cursor_of(1)):
            refused(await caller.get("/api/v1/orders", params={"cursor": forged}), 422, "invalid")
        refused(await caller.get("/api/v1/orders", params={"limit": 101}), 422, "invalid")
    assert cursor is None
    assert seen == numbers[::-1]


async def test_what_was_paid_and_returned_is_summed_to_the_fen(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    actor = await buyer(database, works_at=shop.branch)
    async with till(database) as desk:
        order = await desk.paid(actor, {shop.skus[0]: 3, shop.box: 1})
        staff = somebody(Role.STAFF, "unit", shop.bank)
        async with database.transaction() as session:
            requested = RefundIn.model_validate(
                {"lines": [{"line_id": order.lines[1].id, "quantity": 1}], "reason": "破损"}
            )
            asked = await request_refund(session, actor=staff, order_id=order.id, requested=requested, now=clock.now())
        async with database.reading() as session:
            reserved = await own_order(session, actor, order.id)
            assert (reserved.paid_fen, reserved.refunded_fen) == (order.total_fen, 0), "asked for is not returned"
        await send(database, desk.gateway, refund_id=asked.refund_id, now=clock.now())
        await desk.work()
    async with database.reading() as session:
        seen = await own_order(session, actor, order.id)
        helped = await helped_in(session, actor, year=clock.today().year)
        nothing = await helped_in(session, actor, year=clock.today().year - 1)
    assert (seen.state, seen.payment_state, seen.refunded_fen) == ("confirmed", "paid", 4_500)
    assert [(line.refunded_quantity, line.refunded_fen) for line in seen.lines] == [(0, 0), (1, 4_500)]
    assert (helped.counties, helped.fen) == (1, 3_000)
    assert (nothing.counties, nothing.fen) == (0, 0)
