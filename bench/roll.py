"""The roll of 50,000 members as PDF, by department: memory must not grow with it."""

import asyncio
import os
import re
import tempfile
import zipfile
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.goods import analyzed
from bench.layout import LOAD_CORE, WEB_CORE, Server, migrated, server
from orders.bulk.choice.leader import led_by
from orders.roll.draw_up import draw_up
from orders.roll.export import Format, export_roll
from shop.access.permissions import Permission
from shop.core import clock
from shop.core.database import Database
from tests.make.bulk import Plan, a_desk
from tests.make.roll import a_roll

LIMIT_MIB = 64
WARM = 2_000
FORMATS: Final[tuple[Format, ...]] = ("csv", "xlsx", "pdf")


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    count = 5_000 if quick else 50_000
    with server() as running:
        os.sched_setaffinity(0, {LOAD_CORE, WEB_CORE})
        asyncio.run(migrated(running))
        found = asyncio.run(_export(running, count))
    return [{"name": "roll_export_mib", "goal": LIMIT_MIB, "better": "lower", **found}]


async def _export(running: Server, count: int) -> dict[str, Any]:
    """Growth of the process over a roll of all members, after one of 2,000 (fonts and code are loaded then)."""
    database = await Database.open(running.url(), size=4)
    desk = await a_desk(database, members=count, branches=4, budget_fen=10**12)
    small = await a_roll(desk, departments=10, person_ids=list(desk.members[:WARM]))
    large = await a_roll(desk, departments=count // 200)
    await analyzed(running)
    seconds, grown, pdfs = {}, {}, 0
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "roll"
        for requested in FORMATS:
            await _one(database, small, requested, to)
        before = _memory_mib("VmRSS")
        for requested in FORMATS:
            _forget_peak()
            began = perf_counter()
            await _one(database, large, requested, to)
            seconds[f"{requested}_s"] = round(perf_counter() - began, 1)
            grown[f"{requested}_mib"] = round(_memory_mib("VmHWM") - before, 1)
        with zipfile.ZipFile(to) as archive:
            pdfs = len(archive.namelist())
    await database.close()
    return {
        "ratio": max(grown.values()),
        "detail": {"members": count, "pdfs": pdfs, **grown, **seconds, "rss_mib_before": round(before)},
    }


async def _one(database: Database, plan: Plan, requested: Format, to: Path) -> None:
    now = clock.now()
    async with database.transaction() as session:
        led = await led_by(session, plan.desk.clerk, plan.id, now, Permission.BULK_READ)
        await draw_up(session, led.purchase)
    await export_roll(
        database,
        led.purchase,
        None,
        requested=requested,
        named=True,
        public_url="https://bench.invalid",
        actor=plan.desk.clerk,
        to=to,
        now=now,
    )


def _memory_mib(kind: str) -> float:
    found = re.search(rf"{kind}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")
