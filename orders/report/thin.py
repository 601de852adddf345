"""Old ticks are thinned, by a dated rule; what somebody was told of stays for ever."""

from datetime import datetime

from sqlalchemy import text

from orders.report.knowledge import GAP
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database

# The last tick of each hour (later: of each day) stays, the first of all, the first after a stretch that nobody
# watched, and the last before it. The tick before those that go answers for their moments from now on, as far as the
# last of them did: where it was refused, it stays refused. Two foreign keys hold the ticks of published reports and of
# filings besides.
_THIN = text("""
WITH rule AS (
    SELECT valid_from, CAST(:now AS timestamptz) - make_interval(days => every_days) AS hourly_before,
        CAST(:now AS timestamptz) - make_interval(days => hourly_days) AS daily_before
    FROM tick_rule WHERE valid_from <= :today ORDER BY valid_from DESC LIMIT 1
), old AS (
    SELECT k.at, k.told OR k.holds_until IS NULL AS ends, coalesce(k.holds_until, k.at) AS until,
        lead(k.at) OVER (ORDER BY k.at) AS next_at,
        lag(k.holds_until) OVER (ORDER BY k.at) AS watched_until,
        CASE WHEN k.at < r.daily_before THEN 'day' ELSE 'hour' END AS each
    FROM knowledge k, rule r WHERE k.at < r.hourly_before
), sorted AS (
    SELECT at, until, ends OR next_at IS NULL OR watched_until IS NULL OR at - watched_until > :gap
        OR date_trunc(each, at, 'Asia/Shanghai') <> date_trunc(each, next_at, 'Asia/Shanghai') AS stays
    FROM old
), answered AS (
    SELECT at, until, stays, count(*) FILTER (WHERE stays) OVER (ORDER BY at) AS by FROM sorted
), gone AS (
    DELETE FROM knowledge k USING answered a WHERE k.at = a.at AND NOT a.stays AND NOT k.told RETURNING k.at
), answering AS (
    UPDATE knowledge k SET holds_until = a.until
    FROM (SELECT min(at) AS at, max(until) AS until FROM answered GROUP BY by HAVING count(*) > 1) a WHERE k.at = a.at
)
SELECT r.valid_from, (SELECT count(*) FROM gone) AS ticks FROM rule r
""")


async def thin_ticks(database: Database, *, now: datetime) -> int:
    """Apply the rule of the day; returns how many ticks went."""
    async with database.transaction() as session:
        row = (await session.execute(_THIN, {"now": now, "today": clock.business_day(now), "gap": GAP})).one_or_none()
        if row is None or not row.ticks:
            return 0
        await record_change(
            session,
            actor_id=None,
            action="ticks.thinned",
            subject=f"tick_rule:{row.valid_from}",
            after={"ticks": row.ticks},
            now=now,
        )
    return int(row.ticks)
