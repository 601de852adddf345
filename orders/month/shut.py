"""The words in which SQL asks about months: whose it is, whether it takes anything, which one comes next."""

from orders.month.models import SHOP

SHUT = "({0}.state = 'closed' OR ({0}.state = 'adjusting' AND {0}.adjusts_until <= CAST(:today AS date)))"
"""SQL: whether the `unit_month` of that alias takes nothing any more, on the business day `:today`."""
TOP_UNIT = f"coalesce({{0}}unit_path[array_upper({{0}}unit_path, 1)], '{SHOP}')"
"""SQL: whose months a sale belongs to: the last of its frozen path. {0}: the alias with its dot, or nothing."""


def following(month: str) -> str:
    """SQL: the month after the one that this expression gives."""
    return f"({month} + CASE WHEN {month} % 100 = 12 THEN 89 ELSE 1 END)"


# The chain of shut months that begins with the one asked about ends somewhere; the month after it is open, whether it
# has a row or not.
FIRST_OPEN = f"""(SELECT min({following("n.month")}) FROM unit_month n
    WHERE n.unit_id = {{0}}.top_unit_id AND n.month >= {{0}}.month AND {SHUT.format("n")} AND NOT EXISTS (
        SELECT FROM unit_month o
        WHERE o.unit_id = n.unit_id AND o.month = {following("n.month")} AND {SHUT.format("o")}))"""  # noqa: S608
"""SQL: the first open month behind a shut one, of the alias with `top_unit_id` and `month`."""
