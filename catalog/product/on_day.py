"""What a product's papers say on a day, as SQL: who asks for many goods at once asks it in one statement."""

from typing import Final

from shop.core.window import in_force

FOOD_PAPERS: Final = "('licence', 'conformity', 'inspection')"


def recognised_on(product: str, day: str) -> str:
    """SQL of one row. product, day: SQL of a uuid and of a date.

    (recognition_number, of the one that ends last, or NULL; recognised_once: one had begun by then; recognised_later:
    one begins after it).
    """
    return f"""
SELECT (array_agg(n.number ORDER BY n.valid_to DESC) FILTER (WHERE {in_force("n", day)}))[1] AS recognition_number,
    coalesce(bool_or(n.valid_from <= {day}), false) AS recognised_once,
    coalesce(bool_or(n.valid_from > {day}), false) AS recognised_later
FROM recognition n WHERE n.product_id = {product}"""  # noqa: S608  # expressions of our own


def papers_expired_on(product: str, day: str) -> str:
    """SQL of whether of some kind of food paper there are, and none holds."""
    return f"""EXISTS (
SELECT FROM document d WHERE d.product_id = {product} AND d.kind IN {FOOD_PAPERS}
GROUP BY d.kind HAVING NOT bool_or({in_force("d", day, unknown=True)}))"""
