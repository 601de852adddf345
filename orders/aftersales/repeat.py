"""A refund that failed is taken out of the order once more, as a refund of its own."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.refund import RefundExceeds
from orders.aftersales.reserve import RefundRequest, reserve, what_is_left
from orders.aftersales.rules import Part
from orders.payment.taken import Taken, taken_by
from shop.core.database import WriteSession

_FREIGHT_LEFT = text("SELECT id, freight_fen - refunded_freight_fen AS fen FROM parcel WHERE order_id = :order")
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
    taken = await taken_by(session, refund_id)
    await _must_be_left(session, failed.order_id, taken)
    return await reserve(
        session,
        RefundRequest(
            order_id=failed.order_id,
            payment_id=failed.payment_id,
            kind=_AGAIN[failed.kind],
            amount_fen=failed.amount_fen,
            reason=failed.reason,
            parts=[Part(part.component_id, part.fen, part.grams, part.quantity_milli) for part in taken.parts],
            lines=taken.lines,
            freight=taken.freight,
            requested_by=requested_by,
            retries_id=refund_id,
        ),
        now=now,
    )


async def _must_be_left(session: WriteSession, order_id: UUID, taken: Taken) -> None:
    found = await what_is_left(session, order_id)
    remaining = {part.component_id: part for line in found for part in line.parts}
    pieces = {line.line_id: line.pieces for line in found}
    freight = {row.id: row.fen for row in await session.execute(_FREIGHT_LEFT, {"order": order_id})}
    enough = (
        all(
            one.fen <= remaining[one.component_id].fen
            and one.grams <= remaining[one.component_id].grams
            and one.quantity_milli <= remaining[one.component_id].quantity_milli
            for one in taken.parts
        )
        and all(quantity <= pieces[line_id] for line_id, quantity in taken.lines.items())
        and all(fen <= freight[parcel_id] for parcel_id, fen in taken.freight.items())
    )
    if not enough:
        left_fen = sum(line.fen for line in found) + sum(freight[parcel_id] for parcel_id in taken.freight)
        raise RefundExceeds(
            "其中一部分已由另一笔退款退回，请在订单里按剩余部分重新申请。", extra={"left_fen": left_fen}
        )
