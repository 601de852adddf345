"""Old ticks are thinned, by a dated rule; what somebody was told of stays for ever."""

from datetime import datetime

from sqlalchemy import text

from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database

# The last tick of each hour (later: of each day) stays, and the first of all. The tick before those that go answers for
# their moments from now on. Two foreign keys hold the ticks of published reports and of filings besides.
_THIN = text("""
WITH rule AS (
    SELECT valid_from, CAST(:now AS timestamptz) - make_interval(days => every_days) AS hourly_before,
        CAST(:now AS timestamptz) - make_interval(days => hourly_days) AS daily_before
    FROM tick_rule WHERE valid_from <= :today ORDER BY valid_from DESC LIMIT 1
), old AS (
    SELECT k.at, k.told OR row_number() OVER (ORDER BY k.at) = 1 AS stays, lead(k.at) OVER (ORDER BY k.at) AS next_at,
        CASE WHEN k.at < r.daily_before THEN 'day' ELSE 'hour' END AS each
    FROM knowledge k, rule r WHERE k.at < r.hourly_before
), sorted AS (
    SELECT at, next_at, stays OR next_at IS NULL
        OR date_trunc(each, at, 'Asia/Shanghai') <> date_trunc(each, next_at, 'Asia/Shanghai') AS stays
    FROM old
), gone AS (
    DELETE FROM knowledge k USING sorted s WHERE k.at = s.at AND NOT s.stays AND NOT k.told RETURNING k.at
), left_over AS (
    SELECT at, next_at, lead(at) OVER (ORDER BY at) AS until FROM sorted WHERE stays
), answering AS (
    UPDATE knowledge k SET holds_until = l.until FROM left_over l WHERE k.at = l.at AND l.next_at <> l.until
)
SELECT r.valid_from, (SELECT count(*) FROM gone) AS ticks FROM rule r
""")


async def thin_ticks(database: Database, *, now: datetime) -> int:
    """Apply the rule of the day; returns how many ticks went."""
    async with database.transaction() as session:
        row = (await session.execute(_THIN, {"now": now, "today": clock.business_day(now)})).one_or_none()
        if row is None or not row.ticks:
            return 0
        await record_change(
            session,
            actor_id=None,
            action="ticks.thinned",
            subject=f"tick_rule:{row.valid_from}",
            before=None,
            after={"ticks": row.ticks},
            reason=None,
            now=now,
        )
    return int(row.ticks)
