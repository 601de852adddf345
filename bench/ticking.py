"""What it costs to keep what was known: settling with a worker's ticks at their real rate, and without."""

import asyncio
import os
from collections.abc import Sequence
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
    cost, look_ms, payments, ticks = (median(one) for one in zip(*measured, strict=True))
    return [
        {
            "name": "tick_settle_cost",
            "ratio": round(cost, 3),
            "goal": 0.02,
            "better": "lower",
            "detail": {
                "look_ms": round(look_ms, 1),
                "looks_per_s": 1 / EVERY_SECONDS,
                "payments_per_s": round(payments),
                "ticks": round(ticks),
            },
        }
    ]


async def _cost(running: Server, branch: UUID, skus: Sequence[UUID], count: int) -> tuple[float, float, float, int]:
    """(which part of settling goes into ticks, ms from the beginning of a look to its end, payments per second, looks).

    The worker settles and looks in one loop. Every second stretch as long as it waits between two looks goes without
    one, so noise hits both alike.
    """
    database = await Database.open(running.url(), size=8)
    await orders(database, branch, skus, count)
    now = datetime.now(UTC)
    async with database.transaction() as session:
        paid = [Paid(r.id, f"pi_{r.id}", r.amount_fen, "cny", "wechat_pay", now) for r in await session.execute(OPEN)]
    waiting = [paid[start : start + BATCH] for start in range(0, len(paid) - len(paid) % BATCH, BATCH)]
    took, settled, looks = {True: 0.0, False: 0.0}, {True: 0, False: 0}, []

    async def look() -> None:
        began = perf_counter()
        if await tick(database) is None:
            raise RuntimeError("somebody else was looking")
        looks.append(perf_counter() - began)

    with_ticks = False
    while waiting:
        began, batches = perf_counter(), 0
        looking = asyncio.create_task(look()) if with_ticks else None
        while waiting and perf_counter() - began < EVERY_SECONDS:
            async with database.transaction() as session:
                await settle(session, waiting.pop(), now=now)
            batches += 1
        if looking:
            await looking
        if waiting:  # a stretch that was cut short tells nothing
            took[with_ticks] += perf_counter() - began
            settled[with_ticks] += batches
        with_ticks = not with_ticks
    await database.close()
    each = {one: took[one] / settled[one] for one in took}
    return 1 - each[False] / each[True], median(looks) * 1_000, BATCH / each[False], len(looks)
