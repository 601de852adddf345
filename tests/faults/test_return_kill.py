"""The worker is killed between the two halves: the provider has sent the money back, and nobody has written it down."""

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.checkout.open_payment import open_payment
from orders.payment_desk.turn import return_payment
from orders.switchboard import handle_inbox, reconcile
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.identities import identities_hold
from tests.make.processes import PROJECT
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio

# It carries out what two people decided; told to, it stops when the provider has answered and nothing is written yet.
_SENDER = """
import asyncio, sys
from uuid import UUID
from orders.aftersales.give_back import send
from shop.adapters.stripe.open import open_payments
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings

async def main():
    settings = Settings(_env_file=None, shop_env="development", database_url=sys.argv[1], database_schema=sys.argv[2])
    database = await Database.open(sys.argv[1], schema=sys.argv[2])
    async with open_payments(settings, database, now=clock.now) as payments:
        ask = payments.gateway.refund

        async def answered(**asked):
            await ask(**asked)
            print("sent", flush=True)
            await asyncio.sleep(600)

        payments.gateway.refund = answered
        await send(database, payments.gateway, refund_id=UUID(sys.argv[3]), now=clock.now())

asyncio.run(main())
"""


async def decided(app: FastAPI, database: Database) -> UUID:
    """A payment of another amount that two people send back: reserved, and not sent yet."""
    shop = await small_shop(database)
    who = await buyer(database, works_at=shop.branch)
    order = await placed(database, who, {shop.skus[0]: 2})
    opened = await open_payment(
        database, app.state.gateway, actor=who, order_id=order.id, method="stripe", now=clock.now()
    )
    await app.state.sandbox.succeed(opened.payment_id, amount_fen=5_000)
    await handle_inbox(database, app.state.gateway, now=clock.now())
    refund_id = None
    grants = (Grant(Role.STAFF, "unit", str(shop.bank)),)
    for clerk in [replace(await buyer(database), grants=grants) for _ in range(2)]:
        async with database.transaction() as session:
            done = await return_payment(
                session, actor=clerk, payment_id=opened.payment_id, reason="买家不要了", now=clock.now()
            )
        refund_id = done.refund_id
    assert refund_id is not None
    return refund_id


def killed(url: str, schema: str, refund_id: UUID, folder: Path) -> None:
    """A process that sends the refund, ended by SIGKILL when the provider has answered."""
    command = [sys.executable, "-c", _SENDER, url, schema, str(refund_id)]
    with subprocess.Popen(
        command, cwd=folder, env={"PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, text=True
    ) as sender:
        said = next((line for line in sender.stdout or () if line == "sent\n"), "")
        sender.send_signal(signal.SIGKILL)
    assert said == "sent\n", "it ended before it could be killed"


async def test_what_was_sent_before_the_worker_died_is_written_down_once(
    app: FastAPI, database: Database, settings: Settings, tmp_path: Path
) -> None:
    refund_id = await decided(app, database)
    killed(str(settings.database_url), settings.database_schema, refund_id, tmp_path)
    async with database.reading() as session:
        assert await session.scalar(text("SELECT state FROM refund")) == "requested"
    await identities_hold(database)
    for minutes in (2, 4, 8):
        later = datetime.now(UTC) + timedelta(minutes=minutes)
        await reconcile(database, app.state.gateway, now=later, everything=True)
        await app.state.sandbox.quiet()
        await handle_inbox(database, app.state.gateway, now=later)
    async with database.reading() as session:
        rows = await session.execute(text("SELECT state, amount_fen FROM refund"))
        assert [tuple(row) for row in rows] == [("succeeded", 5_000)]
        there = await session.scalar(text("SELECT count(*) FROM sandbox_object WHERE kind = 'refund'"))
        assert there == 1, "the provider was asked twice under one name, and sent it once"
        assert await session.scalar(text("SELECT count(*) FROM provider_refund")) == 0
    await identities_hold(database)
