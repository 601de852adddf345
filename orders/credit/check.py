"""Does the rollup still say what the entries say? For `shop doctor`, tests, and whoever does not believe it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from orders.credit.models import REFUND_SIDE
from orders.month.shut import TOP_UNIT
from shop.core.database import ReadSession

_KEY = "top_unit_id, period_month, county_code, county_name, province, credit_kind, standing"
_CHECK = text(f"""
WITH entered AS (
    SELECT {TOP_UNIT.format("")} AS top_unit_id,
        period_month, county_code, county_name, province, credit_kind, CASE WHEN NOT counted THEN not_counted_reason
            WHEN grade = 'D' THEN 'unverified' ELSE 'headline' END AS standing,
        coalesce(sum(amount_fen) FILTER (WHERE kind NOT IN {REFUND_SIDE}), 0) AS sale_fen,
        coalesce(sum(amount_fen) FILTER (WHERE kind IN {REFUND_SIDE}), 0) AS refund_fen,
        sum(quantity_milli) AS quantity_milli, sum(grams) AS grams
    FROM credit_entry GROUP BY 1, 2, 3, 4, 5, 6, 7
), rolled AS (
    SELECT {_KEY}, sum(sale_fen) AS sale_fen, sum(refund_fen) AS refund_fen, sum(quantity_milli) AS quantity_milli,
        sum(grams) AS grams
    FROM (SELECT {_KEY}, sale_fen, refund_fen, quantity_milli, grams FROM credit_rollup
        UNION ALL SELECT {_KEY}, sale_fen, refund_fen, quantity_milli, grams FROM credit_delta) both_of_them
    GROUP BY {_KEY}
), compared AS (
    SELECT {_KEY},
        coalesce(e.sale_fen, 0)::bigint AS entry_sale_fen, coalesce(r.sale_fen, 0)::bigint AS rollup_sale_fen,
        coalesce(e.refund_fen, 0)::bigint AS entry_refund_fen, coalesce(r.refund_fen, 0)::bigint AS rollup_refund_fen,
        coalesce(e.quantity_milli, 0)::bigint AS entry_quantity_milli,
        coalesce(r.quantity_milli, 0)::bigint AS rollup_quantity_milli,
        coalesce(e.grams, 0)::bigint AS entry_grams, coalesce(r.grams, 0)::bigint AS rollup_grams
    FROM entered e FULL JOIN rolled r USING ({_KEY})
)
SELECT * FROM compared
WHERE (entry_sale_fen, entry_refund_fen, entry_quantity_milli, entry_grams)
    <> (rollup_sale_fen, rollup_refund_fen, rollup_quantity_milli, rollup_grams)
ORDER BY {_KEY}
""")  # noqa: S608  # only names of our own columns are put in


# The years' rows and the months' are written by the same statement; here they are compared.
_YEARS = text("""
WITH months AS (
    SELECT top_unit_id, period_month / 100 AS year, county_code, county_name, province, credit_kind, standing,
        max(period_month) AS last_month, sum(sale_fen) AS sale_fen, sum(refund_fen) AS refund_fen,
        sum(quantity_milli) AS quantity_milli, sum(grams) AS grams
    FROM credit_rollup GROUP BY 1, 2, 3, 4, 5, 6, 7
)
SELECT count(*) FROM months m
FULL JOIN credit_rollup_year y USING (top_unit_id, year, county_code, county_name, province, credit_kind, standing)
WHERE (m.last_month, m.sale_fen, m.refund_fen, m.quantity_milli, m.grams)
    IS DISTINCT FROM (y.last_month, y.sale_fen, y.refund_fen, y.quantity_milli, y.grams)
""")


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of the rollup whose sums (fen, milli-pieces, grams) are not those of its entries."""

    top_unit_id: UUID
    period_month: int
    county_code: str
    county_name: str
    province: str
    credit_kind: str
    standing: str
    entry_sale_fen: int
    rollup_sale_fen: int
    entry_refund_fen: int
    rollup_refund_fen: int
    entry_quantity_milli: int
    rollup_quantity_milli: int
    entry_grams: int
    rollup_grams: int


async def differences(session: ReadSession) -> list[Difference]:
    """Every key at which rollup + deltas and entries disagree; empty when the figures can be trusted.

    One statement, so it compares one moment, whatever is bought or folded meanwhile.
    """
    return [Difference(**row) for row in (await session.execute(_CHECK)).mappings()]


async def years_apart(session: ReadSession) -> int:
    """How many rows of the years are not the sum of their months; 0 when the figures can be trusted."""
    return int((await session.execute(_YEARS)).scalar_one())
