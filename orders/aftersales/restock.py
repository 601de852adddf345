"""Goods that had not left the barn can be sold again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.stock import moving
from shop.core.database import WriteSession

# Shares of several payers may cut a piece in thousandths; together they are whole pieces again.
_PIECES = text(
    """
SELECT c.stock_sku_id, round(sum(r.quantity_milli) / 1000.0)::bigint AS pieces
FROM refund_part r JOIN share_component c ON c.id = r.component_id
WHERE r.refund_id = :refund GROUP BY c.stock_sku_id
"""
)
_REST = text(
    """
SELECT stock_sku_id, round(sum(quantity_milli - refunded_milli) / 1000.0)::bigint AS pieces
FROM share_component WHERE order_id = :order GROUP BY stock_sku_id
"""
)


async def restock(session: WriteSession, refund_id: UUID, *, now: datetime) -> None:
    """Put the pieces of a refund back, once: the movement's reference is the refund."""
    rows = (await session.execute(_PIECES, {"refund": refund_id})).all()
    await _take_back(session, f"refund:{refund_id}", rows, now)


async def restock_rest(session: WriteSession, order_id: UUID, *, now: datetime) -> None:
    """Put back, once, what no refund has taken yet: the whole order is cancelled."""
    rows = (await session.execute(_REST, {"order": order_id})).all()
    await _take_back(session, f"cancel:{order_id}", rows, now)


async def _take_back(session: WriteSession, reference: str, rows: Sequence[Row[Any]], now: datetime) -> None:
    pieces = {row.stock_sku_id: row.pieces for row in rows if row.pieces > 0}
    await moving.take_back(session, reference=reference, pieces=pieces, now=now)
