"""Submitting and approving a plan: rules asked, caps taken, budget set aside. Does a union's long past make it slow?"""

import asyncio
import os
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import text

from bench.goods import analyzed
from bench.layout import LOAD_CORE, WEB_CORE, Server, migrated, server
from shop.core.database import Database
from shop.core.postgres import embedded
from tests.make.bulk import Plan, a_plan, approved, submitted

MEMBERS = 100
_MADE = "CROSS JOIN LATERAL jsonb_populate_record({0}, jsonb_build_object({1})) AS made"
_PURCHASE = "md5('purchase' || n)::uuid"
_DECISION = "md5('decision' || n)::uuid"
_ONE_ID = "md5(one.id::text || n)::uuid"
_ITS_DECISION = "(SELECT decision_id FROM bulk_purchase WHERE id = :plan)"
# The first plan, many times over: each copy is a purchase of earlier years, with its members, approvals and caps.
_COPIED = {
    "bulk_purchase": (f"'id', {_PURCHASE}, 'number', 'H' || n, 'idempotency_key', 'H' || n", "one.id = :plan"),
    "bulk_package": (f"'id', md5('package' || n)::uuid, 'purchase_id', {_PURCHASE}", "one.purchase_id = :plan"),
    "bulk_member": (
        f"'purchase_id', {_PURCHASE}, 'package_id', NULL, 'link_sha256', NULL",
        "one.purchase_id = :plan",
    ),
    "bulk_approval": (f"'id', {_ONE_ID}, 'purchase_id', {_PURCHASE}", "one.purchase_id = :plan"),
    "bulk_event": (f"'id', {_ONE_ID}, 'purchase_id', {_PURCHASE}", "one.purchase_id = :plan"),
    "audit_event": (f"'id', {_ONE_ID}", "one.subject = 'bulk_purchase:' || CAST(:plan AS uuid)"),
    "spending_decision": (f"'id', {_DECISION}, 'purchase_id', {_PURCHASE}", f"one.id = {_ITS_DECISION}"),
    "spending_take": (f"'decision_id', {_DECISION}, 'purchase_id', {_PURCHASE}", "one.purchase_id = :plan"),
    "spending_taken": (f"'decision_id', {_DECISION}", f"one.decision_id = {_ITS_DECISION}"),
    "transfer": (f"'id', {_ONE_ID}", "one.reference = :plan"),
}
# What members got in earlier years, and what everybody else got: a line each.
_COUNTERS = text("""
INSERT INTO spending_counter (owner_id, cap_key, cap_year, used_fen, cap_fen)
SELECT person_id, 'year', 2026 - year, 100, 1000 FROM bulk_member, generate_series(1, 20) year WHERE purchase_id = :plan
UNION ALL SELECT gen_random_uuid(), 'year', 2026, 100, 1000 FROM generate_series(1, CAST(:lines AS int))
""")


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    many, rounds = (100_000, 8) if quick else (1_000_000, 40)
    os.sched_setaffinity(0, {WEB_CORE})
    with server() as running:
        os.sched_setaffinity(0, {WEB_CORE, LOAD_CORE})
        embedded.prepare(running.socket, "bench_long")
        young, old = running, Server(running.socket, "bench_long")
        short, long_, rows = asyncio.run(_both(young, old, many, rounds))
    return [
        {
            "name": "rule_check_growth",
            "ratio": median(long_) / median(short),
            "goal": 1.3,
            "better": "lower",
            "detail": {
                "members": MEMBERS,
                "ms_at_1000_lines": round(median(short) * 1_000, 1),
                f"ms_at_{many}_lines": round(median(long_) * 1_000, 1),
                "history_rows": rows,
            },
        }
    ]


async def _both(young: Server, old: Server, many: int, rounds: int) -> tuple[list[float], list[float], int]:
    """Seconds of each round, the two unions in turn; and how many rows of history the old one has."""
    (short, first), (long_, second) = await _union(young, 1_000), await _union(old, many)
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(-3, rounds):  # the first three only warm up
        for seconds, plan in ((took[0], first), (took[1], second)):
            one = await _approve(plan)
            if number >= 0:
                seconds.append(one)
    rows = await _rows(long_)
    await short.close()
    await long_.close()
    return *took, rows


async def _union(running: Server, lines: int) -> tuple[Database, Plan]:
    """A union with so many lines of past purchases, and its first plan."""
    await migrated(running)
    database = await Database.open(running.url(), size=2)
    plan = await a_plan(database, members=MEMBERS)
    facts = {"plan": plan.id, "copies": lines // MEMBERS}
    async with database.transaction() as session:
        await session.execute(_COUNTERS, {"plan": plan.id, "lines": lines})
        for table, (changed, which) in _COPIED.items():
            made = _MADE.format("one", changed)
            await session.execute(
                text(
                    f"INSERT INTO {table} SELECT made.* FROM {table} one "  # noqa: S608  # our own names
                    f"CROSS JOIN generate_series(1, CAST(:copies AS int)) n {made} WHERE {which}"
                ),
                facts,
            )
    await analyzed(running)
    return database, plan


async def _approve(plan: Plan) -> float:
    """Seconds to submit and approve one more plan like the first."""
    fresh = await a_plan(plan.desk.database, desk=plan.desk, state="draft")
    began = perf_counter()
    await submitted(fresh)
    await approved(fresh)
    return perf_counter() - began


async def _rows(database: Database) -> int:
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in (*_COPIED, "spending_counter"))  # noqa: S608
    async with database.reading() as session:
        found: int = await session.scalar(text(f"SELECT {counts}"))
    return found
