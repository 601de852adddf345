"""A unit and everything above it on a day, as SQL: who asks for many units at once asks it in one statement."""

from typing import Final

from shop.core.window import in_force

DEPTH_MAX: Final = 32
"""No tree of units is deeper; a ring, which no verb makes, would end here."""


def path_on(unit: str, day: str) -> str:
    """SQL of rows (unit_id, depth), the unit itself at 0. unit, day: SQL of a uuid and of a date."""
    return f"""
WITH RECURSIVE path (unit_id, depth) AS (
    SELECT {unit}, 0
    UNION ALL
    SELECT above.parent_id, path.depth + 1 FROM path JOIN unit_parent above ON above.unit_id = path.unit_id
    WHERE {in_force("above", day)} AND path.depth < {DEPTH_MAX}
)
SELECT unit_id, depth FROM path"""  # noqa: S608  # expressions of our own
