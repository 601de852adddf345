"""Settling payments in one worker process: against pgbench, and all sales in one county against many."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import text

import orders.credit.record as recording
from bench.goods import stage
from bench.layout import WEB_CORE, Server, migrated, server, web
from orders.checkout.settle import Paid, settle
from shop.access.permissions import Actor
from shop.core.database import Database
from tests.make.payments import till
from tests.make.shop import buyer, placed

SCRIPT = Path(__file__).with_name("settle.sql").resolve()
BATCH = 32

OPEN = text(
    """
INSERT INTO payment (id, order_id, method, amount_fen, currency, state, created_at, expires_at, check_at)
SELECT gen_random_uuid(), o.id, 'stripe', (SELECT sum(net_fen) FROM share_component c WHERE c.order_id = o.id)
    + (SELECT sum(freight_fen) FROM parcel p WHERE p.order_id = o.id), 'cny', 'pending', now(), now(), now()
FROM shop_order o WHERE o.state = 'placed' AND NOT EXISTS (SELECT FROM payment p WHERE p.order_id = o.id)
RETURNING id, amount_fen
"""
)


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    count, rounds, seconds = (500, 1, 2) if quick else (3_000, 3, 4)
    os.sched_setaffinity(0, {WEB_CORE})
    spread, one, limit, whole, cost = [], [], [], [], []
    with server() as running:
        asyncio.run(migrated(running))
        with web(running) as (_, port):
            staged = asyncio.run(stage(running, port))
        for _ in range(rounds):
            spread.append(asyncio.run(_settle(running, staged.shop.branch, staged.skus, count)))
            one.append(asyncio.run(_settle(running, staged.shop.branch, staged.skus[:3], count)))
            cost.append(
                (
                    asyncio.run(_credit_cost(running, staged.shop.branch, staged.skus, count)),
                    asyncio.run(_credit_cost(running, staged.shop.branch, staged.skus[:3], count)),
                )
            )
            asyncio.run(_prepare_limit(running, staged.shop.branch, staged.skus, count * 3))
            limit.append(running.pgbench(SCRIPT, clients=16, seconds=seconds))
            whole.append(asyncio.run(_whole_way(running, staged.shop.branch, staged.skus, 200)))
    return [
        {
            "name": "settle",
            "ratio": median(s / most for s, most in zip(spread, limit, strict=True)),
            "goal": 0.25,
            "better": "higher",
            "detail": {
                "payments_per_s": round(median(spread)),
                "pgbench_per_s": round(median(limit)),
                "webhook_to_credited_per_s": round(median(whole)),
                "one_county_to_spread": round(median(o / s for o, s in zip(one, spread, strict=True)), 2),
            },
        },
        {
            "name": "settle_credit_cost",
            "ratio": round(median(max(pair) for pair in cost), 3),
            "goal": 0.10,
            "better": "lower",
            "detail": {
                "spread": round(median(pair[0] for pair in cost), 3),
                "one_county": round(median(pair[1] for pair in cost), 3),
            },
        },
    ]


async def orders(database: Database, branch: UUID, skus: Sequence[UUID], count: int) -> None:
    actors: list[Actor] = [await buyer(database, works_at=branch) for _ in range(8)]
    chance, gate = Random(1), asyncio.Semaphore(8)

    async def one(number: int) -> None:
        async with gate:
            await placed(database, actors[number % 8], dict.fromkeys(chance.sample(list(skus), 3), 1))

    await asyncio.gather(*(one(n) for n in range(count)))


async def _settle(running: Server, branch: UUID, skus: Sequence[UUID], count: int) -> float:
    """Payments settled per second, in batches as the inbox hands them over."""
    database = await Database.open(running.url(), size=8)
    await orders(database, branch, skus, count)
    now = datetime.now(UTC)
    async with database.transaction() as session:
        paid = [Paid(r.id, f"pi_{r.id}", r.amount_fen, "cny", "wechat_pay", now) for r in await session.execute(OPEN)]
    began = perf_counter()
    for start in range(0, len(paid), BATCH):
        async with database.transaction() as session:
            done = await settle(session, paid[start : start + BATCH], now=now)
        if any(one.outcome != "settled" for one in done):
            raise RuntimeError("not everything settled")
    took = perf_counter() - began
    await database.close()
    return len(paid) / took


# Settling without what only reports need: the same statement that records credit, less the rollup's deltas.
_FULL = recording.RECORD
_HEAD, _, _REST = _FULL.text.partition(", changed AS (")
_BARE = text(_HEAD + "\n" + _REST[_REST.index("SELECT (SELECT count(DISTINCT (kind,") :])


async def _credit_cost(running: Server, branch: UUID, skus: Sequence[UUID], count: int) -> float:
    """Which part of settling goes into deltas; every second batch goes without them, so noise hits both alike."""
    database = await Database.open(running.url(), size=8)
    await orders(database, branch, skus, count)
    now = datetime.now(UTC)
    async with database.transaction() as session:
        paid = [Paid(r.id, f"pi_{r.id}", r.amount_fen, "cny", "wechat_pay", now) for r in await session.execute(OPEN)]
    took = {True: 0.0, False: 0.0}
    try:
        for number, start in enumerate(range(0, len(paid) - len(paid) % (2 * BATCH), BATCH)):
            recording.RECORD = _FULL if number % 2 else _BARE
            began = perf_counter()
            async with database.transaction() as session:
                await settle(session, paid[start : start + BATCH], now=now)
            took[recording.RECORD is _FULL] += perf_counter() - began
    finally:
        recording.RECORD = _FULL
        await database.close()
    return 1 - took[False] / took[True]


async def _whole_way(running: Server, branch: UUID, skus: Sequence[UUID], count: int) -> float:
    """Webhooks per second from the signed event at the door, read back from the sandbox provider, to credited."""
    database = await Database.open(running.url(), size=8)
    actor = await buyer(database, works_at=branch)
    async with till(database) as desk:
        opened = []
        for number in range(count):
            order = await placed(database, actor, {skus[number % len(skus)]: 1})
            opened.append(await desk.open(actor, order.id))
        began = perf_counter()
        for one in opened:
            await desk.sandbox.succeed(one.payment_id)
        handled = await desk.work()
        took = perf_counter() - began
    await database.close()
    if handled != count:
        raise RuntimeError("not every webhook was handled")
    return count / took


async def _prepare_limit(running: Server, branch: UUID, skus: Sequence[UUID], count: int) -> None:
    """Open payments, numbered, for the script to take one after the other."""
    database = await Database.open(running.url(), size=8)
    await orders(database, branch, skus, count)
    async with database.transaction() as session:
        await session.execute(OPEN)
    await database.close()
    owner = await Database.open(running.url("bangfu_owner"), size=1)
    async with owner.transaction() as session:
        await session.execute(text("DROP TABLE IF EXISTS bench_payment"))
        await session.execute(text("DROP SEQUENCE IF EXISTS bench_next"))
        await session.execute(
            text(
                """CREATE TABLE bench_payment AS SELECT row_number() OVER () AS n, id, order_id FROM payment
                WHERE state = 'pending'"""
            )
        )
        await session.execute(text("CREATE UNIQUE INDEX ON bench_payment (n)"))
        await session.execute(text("CREATE SEQUENCE bench_next"))
        await session.execute(text("GRANT SELECT ON bench_payment TO bangfu_app"))
        await session.execute(text("GRANT USAGE ON bench_next TO bangfu_app"))
        await session.execute(text("ANALYZE"))
    await owner.close()
