"""An order of one's own paid by bank transfer, from the button to the credit."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.identity import identities
from orders.checkout.expire import expire
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.banking import Row, balance, brought, grades, icbc
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    return await small_shop(database)


async def ordered(database: Database, shop: SmallShop) -> tuple[Actor, OrderOut]:
    actor = await buyer(database, works_at=shop.branch)
    return actor, await placed(database, actor, {shop.skus[0]: 2})


async def pay(app: FastAPI, actor: Actor, order: OrderOut, method: str = "bank_transfer") -> httpx.Response:
    async with as_caller(app, actor) as caller:
        return await caller.post(f"/api/v1/orders/{order.id}/pay", json={"method": method})


async def states(database: Database) -> tuple[str, str]:
    async with database.reading() as session:
        row = (await session.execute(text("SELECT state, payment_state FROM shop_order"))).one()
        return row.state, row.payment_state


async def returned(app: FastAPI, desk: Actor, share_id: str, fen: int, reference: str) -> httpx.Response:
    body = {"amount_fen": fen, "bank_reference": reference, "returned_on": "2026-11-21", "reason": "退回"}
    async with as_caller(app, desk) as caller:
        return await caller.post(
            f"/api/v1/payer-shares/{share_id}/pay-back", json=body, headers={"Idempotency-Key": str(new_id())}
        )


async def share_id(database: Database) -> str:
    async with database.reading() as session:
        return str(await session.scalar(text("SELECT id FROM payer_share")))


async def test_a_transfer_with_the_code_settles_the_order(app: FastAPI, database: Database, shop: SmallShop) -> None:
    actor, order = await ordered(database, shop)
    opened = (await pay(app, actor, order)).json()
    assert (opened["state"], opened["redirect_url"]) == ("pending", None)
    assert (await pay(app, actor, order)).json() == opened
    async with database.transaction() as session:
        assert await expire(session, now=datetime.now(UTC) + timedelta(days=2, hours=23)) == []
    desk = await worker(database, Role.STAFF, "unit", shop.bank)
    half, rest = order.total_fen // 2, order.total_fen - order.total_fen // 2
    name = {"name": "张三丰", "account": ""}
    await brought(app, database, desk, icbc([Row("S1", f"{half / 100:.2f}", opened["transfer_code"], **name)]))
    assert await states(database) == ("placed", "pending")
    assert await balance(database, "clearing", "bank") == half
    done = await brought(
        app, database, desk, icbc([Row("S2", f"{(rest + 5) / 100:.2f}", opened["transfer_code"], **name)])
    )
    assert done["matched"] == 1
    assert await states(database) == ("confirmed", "paid")
    assert await grades(database, order.id) == {"C": 2_000}
    assert await balance(database, "clearing", "bank") == order.total_fen + 5
    assert await balance(database, "advance", await share_id(database)) == -5
    refused(await pay(app, actor, order), 409, "already_paid")
    staff = await worker(database, Role.STAFF, "unit", shop.bank)
    refused(await returned(app, staff, await share_id(database), 6, "OUT1"), 409, "nothing_to_return")
    assert (await returned(app, staff, await share_id(database), 5, "OUT1")).status_code == 201
    async with database.snapshot() as session:
        wrong = [one for one in await identities(session) if not one.holds]
    assert wrong == []


async def test_strangers_get_no_code_and_the_page_comes_before_the_transfer(
    app: FastAPI, database: Database, shop: SmallShop
) -> None:
    actor, order = await ordered(database, shop)
    refused(await pay(app, await buyer(database), order), 404, "not_found")
    assert (await pay(app, actor, order)).status_code == 200
    page = (await pay(app, actor, order, "stripe")).json()  # the buyer thought better of it
    assert page["redirect_url"]
    refused(await pay(app, actor, order), 409, "payment_page_open")
    async with database.reading() as session:
        rows = (await session.execute(text("SELECT method, state FROM payment ORDER BY created_at"))).all()
    assert [tuple(row) for row in rows] == [("bank_transfer", "cancelled"), ("stripe", "pending")]


async def test_money_for_an_order_that_is_over_stays_the_payers_and_goes_back(
    app: FastAPI, database: Database, shop: SmallShop
) -> None:
    actor, order = await ordered(database, shop)
    code = (await pay(app, actor, order)).json()["transfer_code"]
    async with as_caller(app, actor) as caller:
        assert (await caller.post(f"/api/v1/orders/{order.id}/cancel")).status_code == 200
    desk = await worker(database, Role.STAFF, "unit", shop.bank)
    await brought(app, database, desk, icbc([Row("S1", f"{order.total_fen / 100:.2f}", code, name="张三丰")]))
    assert (await states(database))[0] == "cancelled"
    assert await grades(database, order.id) == {}
    share = await share_id(database)
    assert await balance(database, "advance", share) == -order.total_fen
    async with as_caller(app, desk) as caller:  # the payments desk names it, and the bank desk returns it
        (seen,) = (await caller.get("/api/v1/payments/held")).json()["items"]
        assert (seen["why"], seen["by_bank"], seen["amount_fen"]) == ("too_late", True, order.total_fen)
        answer = await caller.post(f"/api/v1/payments/{seen['payment_id']}/return", json={"reason": "退回"})
        refused(answer, 409, "not_that_way")
    assert (await returned(app, desk, share, order.total_fen, "OUT1")).status_code == 201
    assert await balance(database, "clearing", "bank") == 0
    async with as_caller(app, desk) as caller:
        assert (await caller.get("/api/v1/payments/held")).json()["items"] == []


async def test_a_refund_of_a_transfer_waits_for_the_bank_desk_and_is_credited_back_then(
    app: FastAPI, database: Database, shop: SmallShop
) -> None:
    actor, order = await ordered(database, shop)
    code = (await pay(app, actor, order)).json()["transfer_code"]
    desk = await worker(database, Role.STAFF, "unit", shop.bank)
    await brought(app, database, desk, icbc([Row("S1", f"{order.total_fen / 100:.2f}", code, name="张三丰")]))
    async with as_caller(app, actor) as caller:
        refund = (await caller.post(f"/api/v1/orders/{order.id}/cancel")).json()["refund_id"]
    assert await grades(database, order.id) == {"C": 2_000}
    async with as_caller(app, desk) as caller:
        told = {"bank_reference": "OUT1-0001", "returned_on": "2026-11-22"}
        for _ in range(2):
            assert (await caller.post(f"/api/v1/bank-refunds/{refund}/returned", json=told)).status_code == 200
    assert await grades(database, order.id) == {}
    assert await balance(database, "clearing", "bank") == 0
    stranger = await worker(database, Role.STAFF, "unit", new_id())
    async with as_caller(app, stranger) as caller:
        refused(await caller.post(f"/api/v1/bank-refunds/{refund}/returned", json=told), 404, "not_found")
    async with database.snapshot() as session:
        assert [one for one in await identities(session) if not one.holds] == []
