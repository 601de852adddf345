"""Rows of months: made ahead for every top unit, and by whoever comes first where one is missing."""

from datetime import datetime

from sqlalchemy import text

from orders.month.models import LAST_MONTH, SHOP
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.window import in_force

AHEAD = 24
# In sorted order: of two who come first at once, one waits for the other's commit.
_MISSING = text("""
INSERT INTO unit_month (unit_id, month, state)
SELECT r.unit_id, r.month, 'open' FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(unit_id uuid, month int)
ORDER BY r.unit_id, r.month ON CONFLICT DO NOTHING
""")
_AHEAD = text(f"""
INSERT INTO unit_month (unit_id, month, state)
SELECT t.unit_id, m.month, 'open'
FROM (SELECT CAST(:shop AS uuid) AS unit_id UNION SELECT unit_id FROM unit_month
    UNION SELECT id FROM unit u WHERE NOT EXISTS (SELECT FROM unit_parent p WHERE p.unit_id = u.id
        AND {in_force("p", ":today")})) t
CROSS JOIN LATERAL (SELECT (extract(year FROM day) * 100 + extract(month FROM day))::int AS month
    FROM generate_series(CAST(:first AS date), CAST(:last AS date), INTERVAL '1 month') AS day) m
WHERE NOT EXISTS (SELECT FROM unit_month p WHERE p.unit_id = t.unit_id AND p.month = m.month)
ORDER BY t.unit_id, m.month ON CONFLICT DO NOTHING
""")  # noqa: S608  # our own words


async def add_missing(session: WriteSession, rows: str) -> None:
    """rows: `[{"unit_id", "month"}]` as JSON. A month that has a row already keeps it."""
    await session.execute(_MISSING, {"rows": rows})


async def add_ahead(database: Database, *, now: datetime) -> None:
    """Job: this month and the two years after it, for each unit that stands at the top or has months already."""
    today = clock.business_day(now)
    last = min(clock.add_months(clock.month_of(today), AHEAD), LAST_MONTH)
    facts = {"shop": SHOP, "today": today, "first": today.replace(day=1), "last": clock.first_of(last)}
    async with database.transaction() as session:
        await session.execute(_AHEAD, facts)
