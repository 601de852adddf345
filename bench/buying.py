"""Placing orders through HTTP: against pgbench, and one hot SKU against many."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bench.goods import Stage, orders, stage
from bench.layout import LOAD_CORE, Server, crowd, migrated, rss_mib, server, web
from shop.core.database import Database

SCRIPT = Path(__file__).with_name("place_order.sql").resolve()
CONNECTIONS = 16


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    seconds, rounds = (2, 1) if quick else (6, 3)
    with server() as running:
        asyncio.run(migrated(running))
        with web(running) as (process, port):
            staged = asyncio.run(stage(running, port))

            def place(skus: Sequence[UUID], buyers: int, lines: int) -> tuple[float, dict[int, int]]:
                return asyncio.run(_crowd(port, staged, list(skus), buyers, seconds, lines))

            place(staged.skus, CONNECTIONS, 3)  # warm
            placed, limit = [], []
            for _ in range(rounds):
                limit.append(running.pgbench(SCRIPT, clients=CONNECTIONS, seconds=seconds))
                placed.append(place(staged.skus, CONNECTIONS, 3))
            hot = {
                n: [(place(staged.skus, n, 1), place(staged.skus[:1], n, 1)) for _ in range(rounds)] for n in (16, 128)
            }
            asyncio.run(_nothing_oversold(running))
            rss = rss_mib(process)
    return [
        {
            "name": "place_order",
            "ratio": median(p[0] / most for p, most in zip(placed, limit, strict=True)),
            "goal": 0.25,
            "better": "higher",
            "detail": {
                "orders_per_s": round(median(p[0] for p in placed)),
                "pgbench_per_s": round(median(limit)),
                "statuses": placed[-1][1],
            },
        },
        {
            "name": "hot_sku",
            "ratio": min(median(one[0] / spread[0] for spread, one in pairs) for pairs in hot.values()),
            "goal": 0.9,
            "better": "higher",
            "detail": {
                f"{n}_buyers": f"{round(median(o[0] for _, o in pairs))} hot, "
                f"{round(median(s[0] for s, _ in pairs))} spread"
                for n, pairs in hot.items()
            }
            | {"oversold": 0},
        },
        {"name": "web_rss_mib", "ratio": rss, "goal": 150, "better": "lower", "detail": {"after": "this run"}},
    ]


async def _crowd(
    port: int, staged: Stage, skus: list[UUID], buyers: int, seconds: float, lines: int
) -> tuple[float, dict[int, int]]:
    os.sched_setaffinity(0, {LOAD_CORE})
    streams = [orders(staged.tokens[n], skus, Random(), lines) for n in range(buyers)]
    rate, statuses = await crowd(port, buyers, seconds, streams)
    if set(statuses) != {201}:
        raise RuntimeError(f"not every order was placed: {statuses}")
    return rate, statuses


async def _nothing_oversold(running: Server) -> None:
    """Held pieces are exactly the sum of the holds (pgbench's own rows have none)."""
    database = await Database.open(running.url(), size=1)
    async with database.reading() as session:
        wrong = await session.scalar(
            text(
                """SELECT count(*) FROM stock_item i WHERE held_pieces > on_hand_pieces OR held_pieces <
                (SELECT coalesce(sum(pieces), 0) FROM stock_hold h WHERE h.sku_id = i.sku_id AND h.state = 'held')"""
            )
        )
    await database.close()
    if wrong:
        raise RuntimeError("promised more than there is")
