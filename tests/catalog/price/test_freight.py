"""Freight through its doors: a supplier's own table, from a day on, and what the checkout then asks."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from orders.checkout.problems import CannotArrive
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.sandbox_clock import set_clock
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio
TABLE = [
    {"region": "", "first_fen": 800, "step_fen": 200, "free_from_fen": 9_900},
    {"region": "31", "first_fen": 1_200, "step_fen": 300},
    {"region": "54", "served": False},
]


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    """Nobody has said what its goods cost to send."""
    made = await small_shop(database)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM freight_rate"))
    return made


async def put(caller: AsyncClient, supplier: UUID, since: Any, rates: Any) -> Any:
    return await caller.put(f"/api/v1/suppliers/{supplier}/freight", json={"valid_from": str(since), "rates": rates})


async def days_later(database: Database, days: int) -> None:
    async with database.transaction() as session:
        await set_clock(session, timedelta(days=days))
    clock.set_ahead(timedelta(days=days))


async def test_goods_that_came_by_import_can_be_sold_once_freight_is_said(
    app: FastAPI, database: Database, shop: SmallShop
) -> None:
    who = await buyer(database, works_at=shop.branch)
    with pytest.raises(CannotArrive):
        await placed(database, who, {shop.skus[0]: 1})
    supplier = await worker(database, Role.SUPPLIER, "supplier", shop.suppliers[0])
    today = clock.today()
    async with as_caller(app, supplier) as caller:
        before = (await caller.get(f"/api/v1/suppliers/{shop.suppliers[0]}/freight")).json()
        assert before == {"rates": [], "arrives_somewhere": False}
        assert (await put(caller, shop.suppliers[0], today, [])).json() == before  # nothing said of nothing
        said = (await put(caller, shop.suppliers[0], today, TABLE)).json()
    assert said["arrives_somewhere"] is True
    assert [(one["region"], one["served"], one["first_fen"], one["valid_to"]) for one in said["rates"]] == [
        ("", True, 800, None), ("31", True, 1_200, None), ("54", False, 0, None),
    ]  # fmt: skip
    order = await placed(database, who, {shop.skus[0]: 3})  # 1.5 kg to Shanghai
    assert order.freight_fen == 1_200 + 300
    with pytest.raises(CannotArrive):  # the other supplier has still said nothing
        await placed(database, who, {shop.skus[0]: 1, shop.skus[2]: 1})


async def test_what_is_charged_today_stays_and_a_plan_may_be_planned_again(
    app: FastAPI, database: Database, shop: SmallShop
) -> None:
    supplier = await worker(database, Role.SUPPLIER, "supplier", shop.suppliers[0])
    today = clock.today()
    tomorrow, later = today + timedelta(days=1), today + timedelta(days=9)
    who = await buyer(database, works_at=shop.branch)
    async with as_caller(app, supplier) as caller:
        await put(caller, shop.suppliers[0], today, TABLE)
        refused(await put(caller, shop.suppliers[0], today, TABLE[:1]), 422, "freight_in_the_past")
        refused(await put(caller, shop.suppliers[0], today - timedelta(days=9), TABLE[:1]), 422, "freight_in_the_past")
        refused(await put(caller, shop.suppliers[0], tomorrow, [TABLE[0], TABLE[0]]), 422, "freight_region_twice")
        await put(caller, shop.suppliers[0], later, [{"region": "", "first_fen": 1}])
        said = (await put(caller, shop.suppliers[0], tomorrow, [{"region": "", "first_fen": 5}])).json()
    assert [(one["region"], one["valid_from"], one["valid_to"]) for one in said["rates"]] == [
        ("", str(today), str(tomorrow)), ("31", str(today), str(tomorrow)), ("54", str(today), str(tomorrow)),
        ("", str(tomorrow), None),
    ]  # fmt: skip
    assert (await placed(database, who, {shop.skus[0]: 1})).freight_fen == 1_200
    await days_later(database, 1)
    assert (await placed(database, who, {shop.skus[0]: 1}, now=clock.now())).freight_fen == 5
    async with database.reading() as session:
        noted = text("SELECT count(*) FROM audit_event WHERE action = 'freight.set'")
        assert await session.scalar(noted) == 3


async def test_only_the_supplier_himself_and_the_platform(app: FastAPI, database: Database, shop: SmallShop) -> None:
    platform = await worker(database, Role.STAFF, "all", "*")
    for role, scope, of in (
        (Role.SUPPLIER, "supplier", shop.suppliers[1]),
        (Role.STAFF, "unit", shop.bank),
    ):
        async with as_caller(app, await worker(database, role, scope, of)) as caller:
            for answer in (
                await put(caller, shop.suppliers[0], clock.today(), TABLE),
                await caller.get(f"/api/v1/suppliers/{shop.suppliers[0]}/freight"),
            ):
                assert answer.status_code in {403, 404}, answer.text
            page = await caller.get(f"/supplier/freight?supplier={shop.suppliers[0]}")
            assert page.status_code in {403, 404}, page.text
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM freight_rate")) == 0
    async with as_caller(app, platform) as caller:
        assert (await put(caller, shop.suppliers[0], clock.today(), TABLE)).status_code == 200


async def test_the_page_keeps_what_was_typed_and_says_where_it_is_wrong(
    app: FastAPI, database: Database, shop: SmallShop
) -> None:
    supplier = await worker(database, Role.SUPPLIER, "supplier", shop.suppliers[0])
    today = clock.today()
    typed = {
        "supplier": str(shop.suppliers[0]), "valid_from": str(today), "region-0": "else", "served-0": "yes",
        "first_kg-0": "1", "first_yuan-0": "8 块", "step_kg-0": "1", "step_yuan-0": "2", "free_yuan-0": "-1",
        "region-1": "54", "served-1": "no", "first_kg-1": "", "first_yuan-1": "", "step_kg-1": "", "step_yuan-1": "",
        "free_yuan-1": "", "region-2": "",
    }  # fmt: skip
    async with as_caller(app, supplier) as caller:
        assert "现在哪里都送不到" in (await caller.get("/supplier/freight")).text
        again = await caller.post("/supplier/freight", data=typed)
        assert (again.status_code, 'value="8 块"' in again.text, "包邮门槛要在" in again.text) == (422, True, True)
        done = await caller.post("/supplier/freight", data=typed | {"first_yuan-0": "8", "free_yuan-0": "99"})
        assert done.status_code == 303, done.text
        page = (await caller.get(done.headers["location"])).text
    assert "现在哪里都送不到" not in page
    assert [word for word in ("首重", "¥8.00", "送不到") if word not in page] == []
    order = await placed(database, await buyer(database), {shop.skus[0]: 1})
    assert order.freight_fen == 800
