"""What a refund takes of its order, as it was fixed when the refund was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from orders.payment.ask_refund import RefundPartRow
from shop.core.database import ReadSession

_PARTS: Final = text("""
SELECT component_id, fen, grams, quantity_milli FROM refund_part WHERE refund_id = :refund ORDER BY component_id
""")
_LINES: Final = text("SELECT line_id, quantity FROM refund_line WHERE refund_id = :refund ORDER BY line_id")
_FREIGHT: Final = text("SELECT parcel_id, fen FROM refund_freight WHERE refund_id = :refund ORDER BY parcel_id")


@dataclass(frozen=True, slots=True)
class Taken:
    """lines: line → whole pieces; freight: parcel → fen."""

    parts: Sequence[RefundPartRow]
    lines: Mapping[UUID, int]
    freight: Mapping[UUID, int]


async def taken_by(session: ReadSession, refund_id: UUID) -> Taken:
    named = {"refund": refund_id}
    return Taken(
        [RefundPartRow(*row) for row in await session.execute(_PARTS, named)],
        {row.line_id: row.quantity for row in await session.execute(_LINES, named)},
        {row.parcel_id: row.fen for row in await session.execute(_FREIGHT, named)},
    )
