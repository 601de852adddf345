"""`shop reconcile` as it is run: its verdict is that of its own run, and its day is the shop's."""

import asyncio
import json
import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.run import run_balance
from shop.core import clock
from shop.core.database import Database
from shop.core.sandbox_clock import set_clock
from shop.core.settings import Settings
from tests.make.shop import buyer, placed, small_shop
from tests.make.started import run

pytestmark = pytest.mark.anyio
PROJECT = Path(__file__).parents[4]


async def reconcile(settings: Settings, folder: Path) -> tuple[int, dict[str, Any]]:
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "DATABASE_URL": settings.database_url or "",
        "DATABASE_SCHEMA": settings.database_schema, "SHOP_ENV": "development",
    }  # fmt: skip
    command = partial(run, "shop.app.cli", "reconcile", "--json", folder=folder, environment=environment)
    done = await asyncio.to_thread(command)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


async def spoiled(database: Database) -> None:
    shop = await small_shop(database)
    await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1})
    async with database.transaction() as session:  # a component says that something left it, and nothing did
        await session.execute(text("UPDATE share_component SET refunded_fen = refunded_fen + 1"))


async def test_a_run_that_another_one_overtook_still_says_what_it_found(
    app: FastAPI, database: Database, settings: Settings, tmp_path: Path
) -> None:
    await spoiled(database)
    await run_balance(database, app.state.gateway, now=clock.now() + timedelta(days=70))
    code, told = await reconcile(settings, tmp_path)
    assert (code, told["holds"]) == (1, False)
    assert [one["code"] for one in told["differences"]] == ["given_back"]


async def test_a_run_is_dated_by_the_shops_clock(database: Database, settings: Settings, tmp_path: Path) -> None:
    await small_shop(database)
    async with database.transaction() as session:
        await set_clock(session, timedelta(days=76))
    code, told = await reconcile(settings, tmp_path)
    assert (code, told["holds"], told["differences"]) == (0, True, [])
    async with database.reading() as session:
        dated = await session.scalar(text("SELECT max(balanced_at) FROM balance_run"))
    assert dated - clock.now() > timedelta(days=75)
