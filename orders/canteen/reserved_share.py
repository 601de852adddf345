"""The reserved share: what a budget unit's canteens buy on the 832 platform, against what they plan to buy in a year.

A dated rule and a sum that is only read. It concerns units that have a duty of the year: a bank has none.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import Date, Integer, Uuid, bindparam, text

from orders.canteen.visibility import Kitchen
from shop.core.database import ReadSession
from shop.core.window import in_force

PLATFORM: Final = "platform_832"
"""The channel of purchases made on the 832 platform and brought in as sales made elsewhere."""
_FIGURE: Final = text(f"""
SELECT d.fiscal_year, d.planned_fen, r.basis_points, r.source, r.province,
    (SELECT coalesce(sum(e.amount_fen), 0)::bigint FROM credit_entry e
        WHERE e.unit_id = d.unit_id AND e.fund_source = 'canteen' AND e.channel = :platform
        AND e.period_month BETWEEN d.fiscal_year * 100 + 1 AND d.fiscal_year * 100 + 12) AS bought_fen
FROM reserved_share_duty d CROSS JOIN LATERAL (
    SELECT basis_points, source, province FROM reserved_share_rule
    WHERE (province IS NULL OR province = :province) AND {in_force("", ":day")}
    ORDER BY basis_points DESC, valid_from DESC LIMIT 1) r
WHERE d.unit_id = :unit AND d.fiscal_year = :year
""").bindparams(bindparam("unit", type_=Uuid), bindparam("day", type_=Date), bindparam("year", type_=Integer))  # noqa: S608


@dataclass(frozen=True, slots=True)
class ReservedShare:
    """Money in fen, shares in basis points: done of planned, and what the rule asks for."""

    fiscal_year: int
    planned_fen: int
    bought_fen: int
    asked_basis_points: int
    source: str

    @property
    def done_basis_points(self) -> int:
        return self.bought_fen * 10_000 // self.planned_fen

    @property
    def missing_fen(self) -> int:
        """What must still be bought, rounded up."""
        return max(0, -(-self.planned_fen * self.asked_basis_points // 10_000) - self.bought_fen)


async def reserved_share_of(session: ReadSession, kitchen: Kitchen, day: date) -> ReservedShare | None:
    """None for a unit that has no such duty, or where no rule holds on that day. The stricter rule holds."""
    named: dict[str, str | date | int | UUID | None] = {
        "unit": kitchen.unit_id,
        "province": kitchen.province,
        "day": day,
        "year": day.year,
        "platform": PLATFORM,
    }
    row = (await session.execute(_FIGURE, named)).one_or_none()
    if row is None:
        return None
    return ReservedShare(row.fiscal_year, row.planned_fen, row.bought_fen, row.basis_points, row.source)
