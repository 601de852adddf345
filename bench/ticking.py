"""What it costs to keep what was known: settling with a worker's ticks at their real rate, and without."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

from bench.goods import stage
from bench.layout import WEB_CORE, Server, migrated, server, web
from bench.settling import BATCH, OPEN, orders
from orders.checkout.settle import Paid, settle
from orders.report.tick import EVERY_SECONDS, tick
from shop.core.database import Database


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    count, rounds = (4_000, 1) if quick else (12_000, 3)
    os.sched_setaffinity(0, {WEB_CORE})
    with server() as running:
        asyncio.run(migrated(running))
        with web(running) as (_, port):
            staged = asyncio.run(stage(running, port))
        measured = [asyncio.run(_cost(running, staged.shop.branch, staged.skus, count)) for _ in range(rounds)]
    pairs = [pair for one in measured for pair in one.pairs]
    alone_ms = median(one.alone_ms for one in measured)
    return [
        {
            "name": "tick_settle_cost",
            "ratio": round(median(pairs), 3),
            "goal": 0.02,
            "better": "lower",
            "detail": {
                "pairs": len(pairs),
                "payments_per_s": round(median(one.payments_per_s for one in measured)),
                "look_alone_ms": round(alone_ms, 1),
                "of_the_time": round(alone_ms / 1_000 / EVERY_SECONDS, 3),
            },
        }
    ]


@dataclass(frozen=True)
class Measured:
    """pairs: by which part settling was slower with ticks than without, in two stretches side by side. alone_ms: a look
    at what was just settled, with nobody in its way.
    """

    pairs: list[float]
    payments_per_s: float
    alone_ms: float


async def _cost(running: Server, branch: UUID, skus: Sequence[UUID], count: int) -> Measured:
    """The worker settles and looks in one loop: a stretch is as long as it waits between two looks."""
    database = await Database.open(running.url(), size=8)
    await orders(database, branch, skus, count)
    now = datetime.now(UTC)
    async with database.transaction() as session:
        paid = [Paid(r.id, f"pi_{r.id}", r.amount_fen, "cny", "wechat_pay", now) for r in await session.execute(OPEN)]
    waiting = [paid[start : start + BATCH] for start in range(0, len(paid) - len(paid) % BATCH, BATCH)]
    pairs: list[float] = []
    rates, alone = [], []
    while waiting:
        each = {}
        for with_tick in (True, False) if len(pairs) % 2 else (False, True):
            began, batches = perf_counter(), 0
            looking = asyncio.create_task(tick(database)) if with_tick else None
            while waiting and perf_counter() - began < EVERY_SECONDS:
                async with database.transaction() as session:
                    await settle(session, waiting.pop(), now=now)
                batches += 1
            if looking and await looking is None:
                raise RuntimeError("somebody else was looking")
            each[with_tick] = (perf_counter() - began) / max(batches, 1)
        if waiting:  # a stretch that was cut short tells nothing
            pairs.append(1 - each[False] / each[True])
            rates.append(BATCH / each[False])
        began = perf_counter()
        await tick(database)
        alone.append(perf_counter() - began)
    await database.close()
    return Measured(pairs, median(rates), median(alone) * 1_000)
