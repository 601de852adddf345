"""The web process is killed half-way through placing a joint order: nothing is left, and trying again places it."""

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.identity import identities
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.caller import token_of
from tests.make.joint_order import joint_purchase
from tests.make.processes import Processes, processes

pytestmark = pytest.mark.anyio

TABLES = ("shop_order", "delivery", "order_line", "payer_share", "share_component", "attribution", "allocation",
          "freight_share", "stock_hold", "acceptance_duty", "idempotency")  # fmt: skip
# The order's rows are all written when it waits for the stock.
_WAITING = text("""
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND query LIKE '%stock_item%'
""")


async def rows(database: Database) -> dict[str, int]:
    async with database.reading() as session:
        return {table: await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0 for table in TABLES}


async def answers(shop: Processes) -> None:
    async with httpx.AsyncClient() as http:
        for _ in range(200):
            try:
                if (await http.get(f"{shop.url}/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise AssertionError((shop.folder / "web.log").read_text())


async def waits(database: Database) -> None:
    for _ in range(200):
        async with database.reading() as session:
            if await session.scalar(_WAITING):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the order never came to its stock")


async def test_killed_half_way_and_placed_again(
    app: FastAPI, database: Database, settings: Settings, tmp_path: Path
) -> None:
    joint = await joint_purchase(database, members=[[0, 1] * 20] * 10, spares=3)
    headers = token_of(app, joint.requester) | {"idempotency-key": "place-once"}
    path = f"/api/v1/bulk-purchases/{joint.purchase_id}/place"
    with processes(settings, tmp_path) as shop:
        shop.start("web")
        await answers(shop)
        async with httpx.AsyncClient(timeout=60) as http:
            async with database.transaction() as held:
                await held.execute(text("SELECT FROM stock_item FOR UPDATE"))
                asked = asyncio.create_task(http.post(shop.url + path, headers=headers))
                await waits(database)
                shop.kill("web")
                with pytest.raises(httpx.TransportError):
                    await asked
            await nobody_waits(database)
            assert await rows(database) == dict.fromkeys(TABLES, 0)
            async with database.reading() as session:
                assert await session.scalar(text("SELECT state FROM bulk_purchase")) == "noticed"
                assert await session.scalar(text("SELECT sum(held_pieces) FROM stock_item")) == 0
            shop.start("web")
            await answers(shop)
            placed = await http.post(shop.url + path, headers=headers)
            assert placed.status_code == 201, placed.text
            again = await http.post(shop.url + path, headers=headers)
            assert again.json() == placed.json()
    assert (await rows(database))["shop_order"] == 1
    async with database.snapshot() as session:
        assert all(one.holds for one in await identities(session))


async def nobody_waits(database: Database) -> None:
    """The server has noticed that the caller of the open transaction is gone."""
    for _ in range(200):
        async with database.reading() as session:
            if not await session.scalar(_WAITING):
                return
        await asyncio.sleep(0.05)
