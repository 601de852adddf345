"""Draw up the roll: each member of the day a line on a page, department by department, and there it stays."""

from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import Row, text

from orders.roll.paper import PAGE_ROWS
from shop.core.database import WriteSession
from shop.core.errors import Problem

ROLL_STATES: Final = frozenset({"ordered", "shipped", "accepted", "distributed", "archived"})


class RollTooEarly(Problem):
    """Who belongs to the purchase can still change before it is ordered."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "roll_too_early"
    title: ClassVar[str] = "还没有签领表"


_MISSING = text("""
SELECT EXISTS (SELECT FROM bulk_member m WHERE m.purchase_id = :purchase AND NOT EXISTS (
    SELECT FROM roll_row r WHERE r.purchase_id = m.purchase_id AND r.person_id = m.person_id))
""")
_LOCK = text("SELECT id FROM bulk_purchase WHERE id = :purchase FOR NO KEY UPDATE")
# Late joiners come on pages after the last, so that no printed page changes.
_DRAW = text(f"""
WITH missing AS (
    SELECT m.person_id, m.unit_id, m.department, u.code,
        row_number() OVER (PARTITION BY m.unit_id, m.department ORDER BY m.position, m.person_id) - 1 AS n
    FROM bulk_member m JOIN unit u ON u.id = m.unit_id
    WHERE m.purchase_id = :purchase AND NOT EXISTS (
        SELECT FROM roll_row r WHERE r.purchase_id = m.purchase_id AND r.person_id = m.person_id)
)
INSERT INTO roll_row (purchase_id, person_id, page, line, unit_id, department)
SELECT :purchase, person_id,
    dense_rank() OVER (ORDER BY code, unit_id, department, n / {PAGE_ROWS})
        + (SELECT coalesce(max(page), 0) FROM roll_row WHERE purchase_id = :purchase),
    n % {PAGE_ROWS} + 1, unit_id, department
FROM missing
""")  # noqa: S608  # only a number is put in


async def draw_up(session: WriteSession, purchase: Row[Any]) -> None:
    """Give every member without a line one. Drawn up before is success. Raises RollTooEarly."""
    if purchase.state not in ROLL_STATES:
        raise RollTooEarly("下单之后，人员固定了，才能打印签领表。")
    named: dict[str, UUID] = {"purchase": purchase.id}
    if await session.scalar(_MISSING, named):
        await session.execute(_LOCK, named)  # two at once: the second finds the lines of the first
        await session.execute(_DRAW, named)
