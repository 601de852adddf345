"""A refund that failed is taken out of the order once more, as a refund of its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text

from orders.aftersales.refund import RefundExceeds
from orders.aftersales.reserve import RefundRequest, reserve, what_is_left
from orders.aftersales.rules import Part
from shop.core.database import WriteSession

_PARTS = text("SELECT component_id, fen, grams, quantity_milli FROM refund_part WHERE refund_id = :refund")
_LINES = text("SELECT line_id, quantity FROM refund_line WHERE refund_id = :refund")
_FREIGHT = text("""
SELECT f.parcel_id, f.fen, p.freight_fen - p.refunded_freight_fen AS left_fen
FROM refund_freight f JOIN parcel p ON p.id = f.parcel_id WHERE f.refund_id = :refund
""")
_FAILED = text("SELECT kind, reason, order_id, payment_id, amount_fen FROM refund WHERE id = :refund")
_AGAIN: dict[str, Literal["lines", "amount", "cancel"]] = {
    "lines": "lines", "amount": "amount", "cancel": "cancel", "adopted": "amount", "dispute": "cancel",
}  # fmt: skip
"""What a refund is that repeats one of this kind."""


async def repeat(session: WriteSession, *, refund_id: UUID, requested_by: UUID, now: datetime) -> UUID:
    """Reserve the same parts again; returns the new refund, which says what it repeats. The caller holds the order's
    lock and has seen that nobody repeated it before.

    Raises RefundExceeds when another refund took them meanwhile.
    """
    failed = (await session.execute(_FAILED, {"refund": refund_id})).one()
    parts = [Part(*row) for row in await session.execute(_PARTS, {"refund": refund_id})]
    lines = {row.line_id: row.quantity for row in await session.execute(_LINES, {"refund": refund_id})}
    freight = (await session.execute(_FREIGHT, {"refund": refund_id})).all()
    await _must_be_left(session, failed.order_id, parts, lines, freight)
    return await reserve(
        session,
        RefundRequest(
            order_id=failed.order_id,
            payment_id=failed.payment_id,
            kind=_AGAIN[failed.kind],
            amount_fen=failed.amount_fen,
            reason=failed.reason,
            parts=parts,
            lines=lines,
            freight={row.parcel_id: row.fen for row in freight},
            requested_by=requested_by,
            retries_id=refund_id,
        ),
        now=now,
    )


async def _must_be_left(
    session: WriteSession, order_id: UUID, parts: list[Part], lines: dict[UUID, int], freight: Sequence[Row[Any]]
) -> None:
    found = await what_is_left(session, order_id)
    remaining = {part.component_id: part for line in found for part in line.parts}
    pieces = {line.line_id: line.pieces for line in found}
    enough = (
        all(
            one.fen <= remaining[one.component_id].fen
            and one.grams <= remaining[one.component_id].grams
            and one.quantity_milli <= remaining[one.component_id].quantity_milli
            for one in parts
        )
        and all(quantity <= pieces[line_id] for line_id, quantity in lines.items())
        and all(row.fen <= row.left_fen for row in freight)
    )
    if not enough:
        left_fen = sum(line.fen for line in found) + sum(row.left_fen for row in freight)
        raise RefundExceeds(
            "其中一部分已由另一笔退款退回，请在订单里按剩余部分重新申请。", extra={"left_fen": left_fen}
        )
