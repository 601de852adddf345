"""Raise flags: one statement a kind, over everything at once. It reads what was done and stops nobody from buying."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from orders.integrity.flag_disputes import flag_disputes
from orders.integrity.suspicions import SUSPICIONS
from orders.integrity.thresholds import thresholds
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.locks import Lock

LOOKS_BACK = timedelta(days=400)
"""A year and what came back after it."""
_ONE_AT_A_TIME = text(f"SELECT pg_advisory_xact_lock({Lock.FLAGS})")
# What was raised once stays as it was raised; while nobody has decided it, lines that belong to it come to it.
_RAISE = """
WITH found AS MATERIALIZED ({suspicion}), raised AS (
    INSERT INTO flag (id, kind, subject, unit_id, facts, raised_at)
    SELECT gen_random_uuid(), :kind, subject, unit_id, facts, :now FROM found
    ON CONFLICT (kind, subject) DO NOTHING RETURNING id, subject
), all_of_them AS (
    SELECT id, subject FROM raised
    UNION ALL SELECT f.id, f.subject FROM flag f JOIN found USING (subject)
    WHERE f.kind = :kind AND NOT EXISTS (SELECT FROM flag_decision d WHERE d.flag_id = f.id)
), lines AS (
    INSERT INTO flag_line (flag_id, order_line_id)
    SELECT DISTINCT a.id, line FROM all_of_them a JOIN found f USING (subject), unnest(f.lines) AS line
    WHERE line IS NOT NULL ON CONFLICT DO NOTHING
)
SELECT count(*) FROM raised
"""


async def scan(session: WriteSession, *, now: datetime) -> dict[str, int]:
    """Kind → how many flags are new."""
    today = clock.business_day(now)
    holding = await thresholds(session, today)
    since = now - LOOKS_BACK
    moments: dict[str, Any] = {
        "now": now,
        "today": today,
        "since": since,
        "since_day": clock.business_day(since),
        "since_month": clock.month_of(clock.business_day(since)),
        "since_january": clock.business_day(since).year * 100 + 1,
    }
    await session.execute(_ONE_AT_A_TIME)
    raised = {"dispute_open": await flag_disputes(session, now=now)}
    for kind, suspicion in SUSPICIONS.items():
        statement = text(_RAISE.format(suspicion=suspicion))
        named = {name: value for name, value in moments.items() if f":{name}" in suspicion} | holding[kind]
        raised[kind] = int(await session.scalar(statement, named | {"kind": kind, "now": now}) or 0)
    return raised


async def scan_all(database: Database, *, now: datetime) -> None:
    """Job: whatever has become worth a look."""
    async with database.transaction() as session:
        await scan(session, now=now)
