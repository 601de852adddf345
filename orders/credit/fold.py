"""Fold what was appended into the rollup. At every commit a row is in the one or in the other, never in both."""

from sqlalchemy import text

from shop.core.database import WriteSession

BATCH = 10_000

# One statement takes and adds, so a reader sees all of it or nothing. Workers skip what another one has taken; rows of
# the rollup are written in the order of their key, so two workers wait for each other instead of deadlocking.
_ADD = """
        sale_fen = r.sale_fen + excluded.sale_fen,
        refund_fen = r.refund_fen + excluded.refund_fen,
        quantity_milli = r.quantity_milli + excluded.quantity_milli,
        grams = r.grams + excluded.grams"""
_FOLD = text(f"""
WITH taken AS (
    DELETE FROM credit_delta
    WHERE id = ANY (ARRAY(SELECT id FROM credit_delta LIMIT :batch FOR UPDATE SKIP LOCKED))
    RETURNING *
), added AS (
    INSERT INTO credit_rollup AS r (top_unit_id, period_month, county_code, county_name, province, credit_kind,
        standing, sale_fen, refund_fen, quantity_milli, grams)
    SELECT top_unit_id, period_month, county_code, county_name, province, credit_kind, standing,
        sum(sale_fen), sum(refund_fen), sum(quantity_milli), sum(grams)
    FROM taken GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (top_unit_id, period_month, county_code, county_name, province, credit_kind, standing)
    DO UPDATE SET {_ADD}
    RETURNING 1
), years AS (
    INSERT INTO credit_rollup_year AS r (top_unit_id, year, county_code, county_name, province, credit_kind, standing,
        last_month, sale_fen, refund_fen, quantity_milli, grams)
    SELECT top_unit_id, period_month / 100, county_code, county_name, province, credit_kind, standing,
        max(period_month), sum(sale_fen), sum(refund_fen), sum(quantity_milli), sum(grams)
    FROM taken WHERE (SELECT count(*) FROM added) > 0  -- months are locked before years, by everybody
    GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (top_unit_id, year, county_code, county_name, province, credit_kind, standing)
    DO UPDATE SET last_month = greatest(r.last_month, excluded.last_month), {_ADD}
)
SELECT count(*) FROM taken
""")  # noqa: S608  # composed of our own constants


async def fold(session: WriteSession, *, batch: int = BATCH) -> int:
    """Add up to `batch` deltas to the rollup and remove them; returns how many. 0: nothing was left to take."""
    taken: int = (await session.execute(_FOLD, {"batch": batch})).scalar_one()
    return taken
