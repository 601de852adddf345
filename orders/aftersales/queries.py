"""Refunds as they stand."""

from uuid import UUID

from sqlalchemy import text

from orders.aftersales.schemas import RefundLineOut, RefundOut
from shop.core.database import ReadSession
from shop.core.errors import NotFound

_REFUND = text("""
SELECT id, order_id, payment_id, kind, state, amount_fen, reason, requested_at, succeeded_at
FROM refund WHERE id = :refund
""")
_LINES = text("""
SELECT r.line_id, r.quantity FROM refund_line r JOIN order_line l ON l.id = r.line_id
WHERE r.refund_id = :refund ORDER BY l.position
""")


async def refund_of(session: ReadSession, refund_id: UUID) -> RefundOut:
    """One refund. Whether the caller may know of it is decided before."""
    row = (await session.execute(_REFUND, {"refund": refund_id})).one_or_none()
    if row is None:
        raise NotFound("没有这笔退款。")
    lines = await session.execute(_LINES, {"refund": refund_id})
    return RefundOut(**row._mapping, lines=[RefundLineOut(*line) for line in lines])  # noqa: SLF001  # its public name
