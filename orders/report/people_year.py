"""What one's own purchases did in a year: for oneself, and for nobody else."""

from datetime import date

from sqlalchemy import text

from orders.credit.models import BOUGHT_KINDS, REFUND_SIDE, TAKEN_KINDS
from orders.report.people_schemas import CountyYear, MyYear
from shop.access.permissions import Actor
from shop.core.database import ReadSession

# Found by the buyer's own orders: an entry knows a random person only, the one whom his account was of at that time.
_BY_COUNTY = text(f"""
WITH mine AS (
    SELECT e.* FROM shop_order o JOIN order_line l ON l.order_id = o.id JOIN credit_entry e ON e.order_line_id = l.id
    WHERE o.buyer_id = :user AND e.person_id = o.person_id AND e.occurred_on >= :since
        AND e.occurred_on < :until AND e.period_month BETWEEN :first_month AND :last_month
), bought AS (
    SELECT order_id, county_code FROM mine GROUP BY 1, 2
    HAVING bool_or(kind IN {BOUGHT_KINDS}) AND (sum(amount_fen) <> 0 OR NOT bool_or(kind IN {TAKEN_KINDS}))
), stated AS (
    SELECT DISTINCT ON (m.county_code, b.producer_id) m.county_code, jsonb_build_object('producer', m.producer_name,
        'period', b.period, 'households', b.households, 'persons', b.persons, 'mode', b.mode, 'source', b.source,
        'stated_on', b.stated_on) AS said
    FROM mine m JOIN benefit_statement b ON b.producer_id = m.producer_id
    WHERE b.stated_on < :until ORDER BY m.county_code, b.producer_id, b.stated_on DESC
)
SELECT m.county_code AS code, (array_agg(m.county_name ORDER BY m.occurred_on DESC, m.id))[1] AS name,
    (array_agg(m.province ORDER BY m.occurred_on DESC, m.id))[1] AS province,
    coalesce(sum(m.amount_fen) FILTER (WHERE m.counted), 0)::bigint AS credited_fen,
    coalesce(sum(m.amount_fen) FILTER (WHERE NOT m.counted), 0)::bigint AS not_counted_fen,
    coalesce(-sum(m.amount_fen) FILTER (WHERE m.kind IN {REFUND_SIDE}), 0)::bigint AS refunded_fen,
    sum(m.grams)::bigint AS grams,
    (SELECT count(*) FROM bought b WHERE b.county_code IS NOT DISTINCT FROM m.county_code) AS orders,
    array_agg(DISTINCT m.producer_name ORDER BY m.producer_name) AS producers,
    coalesce((SELECT jsonb_agg(s.said ORDER BY s.said ->> 'producer') FROM stated s
        WHERE s.county_code = m.county_code), '[]') AS statements
FROM mine m GROUP BY m.county_code ORDER BY credited_fen DESC, code
""")  # noqa: S608  # a constant of our own


async def my_year(session: ReadSession, actor: Actor, year: int) -> MyYear:
    """The caller's own sums by county, by day of the event, net of refunds."""
    named = {
        "user": actor.user_id,
        "since": date(year, 1, 1),
        "until": date(year + 1, 1, 1),
        "first_month": year * 100 + 1,
        "last_month": year * 100 + 12,
    }
    rows = [CountyYear.model_validate(row) for row in await session.execute(_BY_COUNTY, named)]
    return MyYear(
        year=year,
        credited_fen=sum(row.credited_fen for row in rows),
        not_counted_fen=sum(row.not_counted_fen for row in rows),
        refunded_fen=sum(row.refunded_fen for row in rows),
        grams=sum(row.grams for row in rows),
        counties=rows,
    )
