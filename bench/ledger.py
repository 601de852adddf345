"""The ledger at size: ten million entries of 832 counties; reports from entries and rollup; seals and their proof."""

import asyncio
import os
import resource
from datetime import date
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bench.layout import LOAD_CORE, WEB_CORE, Server, migrated, server
from orders.credit.models import REFUND_SIDE, CreditEntry
from orders.report.figures import parts
from orders.report.question import Question
from orders.report.sales import sales
from orders.report.visibility import Visibility
from orders.seal.key import DEVELOPMENT_SEED, SealKey
from orders.seal.seal import seal_new
from orders.seal.verify import verify
from shop.core import clock
from shop.core.database import Database
from shop.core.postgres import embedded

COUNTIES, PRODUCERS, MONTHS, CHANNELS, PERSONS = 832, 5_000, 36, 6, 200_000
BANK = UUID(int=1)
DAY_OF_SEALS = 100_000
_YEAR, _COUNTY = Question(date(2025, 1, 1), date(2026, 1, 1), ("county",)), "100417"

# One month's entries. Each fact follows from its number, so a run can be repeated; every second one is personal.
_FACTS: dict[str, str] = {
    "id": "gen_random_uuid()",
    "period_month": "k.month",
    "kind": "CASE WHEN n % 50 = 0 THEN 'refund' ELSE 'sale' END",
    "cause_id": "gen_random_uuid()",
    "component_id": "gen_random_uuid()",
    "order_line_id": "md5('l' || k.month || n)::uuid",
    "order_id": "md5('o' || k.month || n / 2)::uuid",
    "amount_fen": "CASE WHEN n % 50 = 0 THEN -500 ELSE 1000 + n % 9000 END",
    "quantity_milli": "1000",
    "grams": "CASE WHEN n % 50 = 0 THEN -500 ELSE 500 END",
    "occurred_on": "make_date(k.month / 100, k.month % 100, 1 + n % 28)",
    "sale_on": "make_date(k.month / 100, k.month % 100, 1 + n % 28)",
    "recorded_at": "now()",
    "grade": "CASE n % 40 WHEN 0 THEN 'D' WHEN 1 THEN 'C' ELSE 'A' END",
    "person_id": "CASE WHEN n % 2 = 0 THEN md5('p' || (n::bigint * 7919) % k.persons)::uuid END",
    "credit_kind": "CASE WHEN n % 3 = 0 THEN 'assisted_sale' ELSE 'direct_purchase' END",
    "buyer_kind": "'employee'",
    "unit_id": "md5('u' || n % 40)::uuid",
    "unit_name": "'示例分行' || n % 40",
    "unit_path": "ARRAY[md5('u' || n % 40)::uuid, k.bank]",
    "fund_source": "'personal'",
    "channel": "CASE n % k.channels WHEN 0 THEN 'shop' ELSE 'channel-' || n % k.channels END",
    "county_code": "(100000 + n % k.counties)::text",
    "county_name": "'示例县' || n % k.counties",
    "province": "'示例省' || n % k.counties / 30",
    "designations": "ARRAY['lifted_out']",
    "pairing_unit_ids": "'{}'",
    "producer_id": "md5('m' || n % k.producers)::uuid",
    "producer_name": "'示例合作社' || n % k.producers",
    "supplier_id": "md5('s' || n % 900)::uuid",
    "supplier_name": "'示例供应商' || n % 900",
    "product_id": "md5('g' || n % 20000)::uuid",
    "category": "'杂粮'",
    "counted": "true",
}
_FILL = text(
    f"INSERT INTO credit_entry ({', '.join(_FACTS)}) SELECT {', '.join(_FACTS.values())} "  # noqa: S608
    "FROM (SELECT CAST(:month AS int) AS month, CAST(:persons AS int) AS persons, CAST(:channels AS int) AS channels,"
    " CAST(:counties AS int) AS counties, CAST(:producers AS int) AS producers, CAST(:bank AS uuid) AS bank) k,"
    " generate_series(CAST(:first AS int), CAST(:last AS int)) n"
)
_ROLL = text(f"""
INSERT INTO credit_rollup (top_unit_id, period_month, county_code, county_name, province, credit_kind, standing,
    sale_fen, refund_fen, quantity_milli, grams)
SELECT CAST(:bank AS uuid), period_month, county_code, county_name, province, credit_kind,
    CASE WHEN grade = 'D' THEN 'unverified' ELSE 'headline' END,
    coalesce(sum(amount_fen) FILTER (WHERE kind NOT IN {REFUND_SIDE}), 0),
    coalesce(sum(amount_fen) FILTER (WHERE kind IN {REFUND_SIDE}), 0), sum(quantity_milli), sum(grams)
FROM credit_entry GROUP BY 2, 3, 4, 5, 6, 7
""")  # noqa: S608
_YEARS = text("""
INSERT INTO credit_rollup_year SELECT top_unit_id, period_month / 100, county_code, county_name, province, credit_kind,
    standing, max(period_month), sum(sale_fen), sum(refund_fen), sum(quantity_milli), sum(grams)
FROM credit_rollup GROUP BY 1, 2, 3, 4, 5, 6, 7
""")
_TAIL = text("""
INSERT INTO credit_delta (id, top_unit_id, period_month, county_code, county_name, province, credit_kind, standing,
    sale_fen, refund_fen, quantity_milli, grams)
SELECT gen_random_uuid(), CAST(:bank AS uuid), 202512, (100000 + n % 832)::text, '示例县' || n % 832,
    '示例省' || n % 832 / 30, 'direct_purchase', 'headline', 0, 0, 0, 0 FROM generate_series(1, 10000) n
""")


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    entries = 1_000_000 if quick else 10_000_000
    os.sched_setaffinity(0, {WEB_CORE})
    with server() as running:
        asyncio.run(migrated(running))
        sealed = asyncio.run(_seals(running, DAY_OF_SEALS))
        asyncio.run(_fill(running, entries))
        return [*sealed, *asyncio.run(_reports(running, entries))]


def _months() -> list[int]:
    return [clock.add_months(202401, n) for n in range(MONTHS)]


async def _add(connection: AsyncConnection, month: int, first: int, last: int) -> None:
    sizes = {"persons": PERSONS, "bank": BANK, "channels": CHANNELS, "counties": COUNTIES, "producers": PRODUCERS}
    await connection.execute(_FILL, sizes | {"month": month, "first": first, "last": last})
    await connection.commit()


async def _fill(running: Server, entries: int) -> None:
    """As the owner, month by month; then the rollup that a fold would have made, and a tail of unfolded deltas."""
    engine = create_async_engine(
        running.url(embedded.OWNER_ROLE), connect_args={"server_settings": {"synchronous_commit": "off"}}
    )
    each = entries // MONTHS
    async with engine.connect() as connection:
        for month in _months():
            await _add(connection, month, 1, each)
        await connection.execute(text("DELETE FROM credit_rollup"))
        await connection.execute(_ROLL, {"bank": BANK})
        await connection.execute(_YEARS)
        await connection.execute(_TAIL, {"bank": BANK})
        await connection.commit()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE credit_entry")
        await connection.exec_driver_sql("VACUUM ANALYZE credit_rollup")
        await connection.exec_driver_sql("VACUUM ANALYZE credit_rollup_year")
        await connection.exec_driver_sql("VACUUM ANALYZE credit_delta")
    await engine.dispose()


async def _reports(running: Server, entries: int) -> list[dict[str, Any]]:
    database = await Database.open(running.url())
    visibility = Visibility(unit_id=BANK, unit_name="示例银行（虚构）")
    county = Question(_YEAR.since, _YEAR.until, ("month",), county=_COUNTY)
    found = []
    try:
        year = await _both(database, _YEAR, visibility)
        month = await _both(database, county, visibility)
        scan = await _time(database, county, visibility, "entries", by_index=False)
        whole = Question(_YEAR.since, _YEAR.until, ("county", "month"), unit=None)
        started = perf_counter()
        table = await sales(database, whole, actor=None, now=clock.now())
        full = perf_counter() - started
    finally:
        await database.close()
    found.append(_result("report_year_by_county", year[0] / year[1], 100, year, entries))
    found.append(_result("report_county_by_month", scan / month[1], 300, (scan, month[1]), entries))
    found.append(_result("report_entries_one_county", scan / month[0], 20, (scan, month[0]), entries))
    found.append(
        {
            "name": "report_full_table",
            "ratio": round(full / 10, 3),
            "goal": 1,
            "better": "lower",
            "detail": {"seconds": round(full, 2), "limit_s": 10, "rows": len(table.rows), "entries": entries},
        }
    )
    return found


def _result(name: str, ratio: float, goal: float, seconds: tuple[float, float], entries: int) -> dict[str, Any]:
    slow, quick = (round(one * 1_000, 2) for one in seconds)
    return {
        "name": name,
        "ratio": round(ratio, 1),
        "goal": goal,
        "better": "higher",
        "detail": {"slow_ms": slow, "quick_ms": quick, "entries": entries},
    }


async def _both(database: Database, question: Question, visibility: Visibility) -> tuple[float, float]:
    """Seconds from the entries and from the rollup; the sums are compared first."""
    async with database.snapshot() as session:
        slow = await parts(session, question, visibility, source="entries", limit=100_000)
        quick = await parts(session, question, visibility, source="rollup", limit=100_000)
    assert sum(one.sale_fen + one.refund_fen for one in slow) == sum(one.sale_fen + one.refund_fen for one in quick)
    return await _time(database, question, visibility, "entries"), await _time(database, question, visibility, "rollup")


async def _time(
    database: Database, question: Question, visibility: Visibility, source: Any, *, by_index: bool = True
) -> float:
    taken = []
    async with database.reading() as session:
        await session.execute(text("SET plan_cache_mode = force_custom_plan"))  # not a plan of the other settings
        for name in ("enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"):
            await session.execute(text(f"SET {name} = {'on' if by_index else 'off'}"))
        for _ in range(21 if source == "rollup" else 5):
            started = perf_counter()
            await parts(session, question, visibility, source=source, limit=100_000)
            taken.append(perf_counter() - started)
        await session.execute(text("RESET ALL"))
    return median(taken)


async def _seals(running: Server, entries: int) -> list[dict[str, Any]]:
    """A day of entries sealed; then verified, with the memory that this took."""
    engine = create_async_engine(running.url(embedded.OWNER_ROLE))
    month = clock.month_of(clock.today())
    async with engine.connect() as connection:
        await _add(connection, month, 1, entries)
        await connection.exec_driver_sql(
            "INSERT INTO credit_source SELECT kind, cause_id, component_id FROM credit_entry"
        )
        await connection.commit()
        await connection.exec_driver_sql("ANALYZE credit_entry")
        await connection.commit()
    database = await Database.open(running.url())
    key = SealKey.of(DEVELOPMENT_SEED)
    try:
        started = perf_counter()
        done = await seal_new(database, key, now=clock.now())
        sealing = perf_counter() - started
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started, used = perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        verified = await verify(database, public_keys=[key.public_hex])
        verifying, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    finally:
        await database.close()
    async with engine.connect() as connection:
        await connection.exec_driver_sql("TRUNCATE seal, seal_member, credit_entry, credit_source")
        await connection.commit()
    await engine.dispose()
    assert done.entries == verified.entries == entries
    assert verified.holds
    own = after.ru_utime - used.ru_utime
    per_s = entries / verifying
    return [
        {
            "name": "seal_100k_s",
            "ratio": round(sealing / 10, 3),
            "goal": 1,
            "better": "lower",
            "detail": {"seconds": round(sealing, 2), "limit_s": 10, "seals": done.seals},
        },
        {
            "name": "verify_per_s",
            "ratio": round(per_s / 100_000, 2),
            "goal": 1,
            "better": "higher",
            "detail": {
                "entries_per_s": round(per_s),
                "own_cpu_s": round(own, 2),
                "memory_growth_mib": round((after.ru_maxrss - before) / 1024, 1),
            },
        },
    ]


assert set(_FACTS) <= set(CreditEntry.model_fields), LOAD_CORE
