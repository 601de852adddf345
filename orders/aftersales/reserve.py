"""What is left of an order, and taking a refund out of it: reserved when requested, so refunds never exceed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.aftersales.rules import Part, Remaining
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id

FIRST_CHECK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LineLeft:
    """A line with the pieces that no refund has taken. parts: its components in their order."""

    line_id: UUID
    supplier_id: UUID
    title: str
    pieces: int
    parts: tuple[Remaining, ...]

    @property
    def fen(self) -> int:
        return sum(part.fen for part in self.parts)


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A refund to reserve. lines: line → pieces; freight: parcel → fen. No parts: the payment was never credited.

    dispute_id: the card scheme takes it; retries_id: a failed refund that this one repeats.
    """

    order_id: UUID
    payment_id: UUID
    kind: Literal["lines", "amount", "cancel", "late_payment", "kept_advance", "dispute", "adopted"]
    amount_fen: int
    reason: str
    parts: Sequence[Part] = ()
    lines: Mapping[UUID, int] | None = None
    freight: Mapping[UUID, int] | None = None
    requested_by: UUID | None = None
    idempotency_key: str | None = None
    currency: str = "cny"
    dispute_id: UUID | None = None
    retries_id: UUID | None = None


class AdvanceGone(Problem):
    """The kept money was matched or returned meanwhile."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "advance_gone"
    title: ClassVar[str] = "这笔预收款已经不够"


_LEFT = text(
    """
SELECT l.id AS line_id, l.supplier_id, l.title, l.quantity - l.refunded_quantity AS pieces, s.id AS share_id,
    c.id AS component_id, c.net_fen - c.refunded_fen AS fen, c.grams - c.refunded_grams AS grams,
    c.quantity_milli - c.refunded_milli AS quantity_milli
FROM order_line l JOIN line_share s ON s.line_id = l.id JOIN share_component c ON c.share_id = s.id
WHERE l.order_id = :order
ORDER BY l.position, s.position, c.position
"""
)
_RESERVE = text(
    """
WITH doc AS (SELECT CAST(:document AS jsonb) AS d),
parts AS (
    SELECT r.* FROM doc, jsonb_to_recordset(d->'parts')
        AS r(component_id uuid, fen bigint, grams bigint, quantity_milli bigint)
), lines AS (
    SELECT r.* FROM doc, jsonb_to_recordset(d->'lines') AS r(line_id uuid, quantity bigint)
), freight AS (
    SELECT r.* FROM doc, jsonb_to_recordset(d->'freight') AS r(parcel_id uuid, fen bigint)
), asked AS (
    INSERT INTO refund (id, payment_id, order_id, kind, amount_fen, reason, state, requested_by, idempotency_key,
        requested_at, check_at, currency, dispute_id, retries_id, allowance_fen)
    VALUES (:id, :payment, :order, :kind, :amount, :reason, 'requested', :by, :key, :now, :check_at, :currency,
        :dispute, :retries,
        (SELECT coalesce(sum(p.fen), 0) FROM parts p JOIN share_component c ON c.id = p.component_id
            JOIN line_share s ON s.id = c.share_id WHERE s.payer_kind = 'allowance'))
), noted_parts AS (
    INSERT INTO refund_part (refund_id, component_id, fen, grams, quantity_milli)
    SELECT :id, component_id, fen, grams, quantity_milli FROM parts
), noted_lines AS (
    INSERT INTO refund_line (refund_id, line_id, quantity) SELECT :id, line_id, quantity FROM lines
), noted_freight AS (
    INSERT INTO refund_freight (refund_id, parcel_id, fen) SELECT :id, parcel_id, fen FROM freight
), of_lines AS (
    UPDATE order_line l SET refunded_quantity = refunded_quantity + r.quantity FROM lines r WHERE l.id = r.line_id
), of_parcels AS (
    UPDATE parcel p SET refunded_freight_fen = refunded_freight_fen + r.fen FROM freight r WHERE p.id = r.parcel_id
)
UPDATE share_component c
SET refunded_fen = refunded_fen + r.fen, refunded_grams = refunded_grams + r.grams,
    refunded_milli = refunded_milli + r.quantity_milli
FROM parts r WHERE c.id = r.component_id
"""
)
_RETURN = text(
    """
WITH of_lines AS (
    UPDATE order_line l SET refunded_quantity = refunded_quantity - r.quantity
    FROM refund_line r WHERE r.refund_id = :refund AND l.id = r.line_id
), of_parcels AS (
    UPDATE parcel p SET refunded_freight_fen = refunded_freight_fen - r.fen
    FROM refund_freight r WHERE r.refund_id = :refund AND p.id = r.parcel_id
)
UPDATE share_component c
SET refunded_fen = refunded_fen - r.fen, refunded_grams = refunded_grams - r.grams,
    refunded_milli = refunded_milli - r.quantity_milli
FROM refund_part r WHERE r.refund_id = :refund AND c.id = r.component_id
"""
)


_KEPT = text("SELECT EXISTS (SELECT FROM kept_advance WHERE payment_id = :payment)")
_TAKE_FROM_KEPT = text(
    """
UPDATE kept_advance SET left_fen = left_fen - :fen WHERE payment_id = :payment AND left_fen >= :fen RETURNING left_fen
"""
)
# A payment's money is kept only while no refund of it is on its way: whatever fails afterwards came out of it.
_RETURN_TO_KEPT = text(
    """
UPDATE kept_advance k SET left_fen = k.left_fen + r.amount_fen FROM refund r
WHERE r.id = :refund AND k.payment_id = r.payment_id AND r.requested_at >= k.kept_at
"""
)


async def what_is_left(session: WriteSession, order_id: UUID) -> list[LineLeft]:
    """Per line, after every refund that did not fail. The caller holds the order's lock."""
    rows = (await session.execute(_LEFT, {"order": order_id})).all()
    lines: dict[UUID, list[Remaining]] = {}
    for row in rows:
        lines.setdefault(row.line_id, []).append(
            Remaining(row.line_id, row.share_id, row.component_id, row.fen, row.grams, row.quantity_milli)
        )
    heads = {row.line_id: row for row in rows}
    return [
        LineLeft(line_id, heads[line_id].supplier_id, heads[line_id].title, heads[line_id].pieces, tuple(parts))
        for line_id, parts in lines.items()
    ]


async def reserve(session: WriteSession, wanted: RefundRequest, *, now: datetime) -> UUID:
    """Write the refund with its parts and take them from what is left; returns its id.

    The caller holds the order's lock and has computed the parts from what is left; the tables' CHECKs hold besides.
    """
    refund_id = new_id()
    if not wanted.parts and not wanted.freight:
        await _take_from_kept(session, wanted)
    document = {
        "parts": [
            {
                "component_id": part.component_id,
                "fen": part.fen,
                "grams": part.grams,
                "quantity_milli": part.quantity_milli,
            }
            for part in wanted.parts
        ],
        "lines": [{"line_id": line, "quantity": pieces} for line, pieces in (wanted.lines or {}).items()],
        "freight": [{"parcel_id": parcel, "fen": fen} for parcel, fen in (wanted.freight or {}).items()],
    }
    await session.execute(
        _RESERVE,
        {
            "document": msgspec.json.encode(document).decode(),
            "id": refund_id,
            "payment": wanted.payment_id,
            "order": wanted.order_id,
            "kind": wanted.kind,
            "amount": wanted.amount_fen,
            "reason": wanted.reason,
            "by": wanted.requested_by,
            "key": wanted.idempotency_key,
            "now": now,
            "check_at": now + FIRST_CHECK,
            "currency": wanted.currency,
            "dispute": wanted.dispute_id,
            "retries": wanted.retries_id,
        },
    )
    await record_change(
        session,
        actor_id=wanted.requested_by,
        action="refund.request",
        subject=f"refund:{refund_id}",
        before=None,
        after={"order_id": str(wanted.order_id), "kind": wanted.kind, "amount_fen": wanted.amount_fen},
        reason=wanted.reason,
        now=now,
    )
    return refund_id


async def return_reservation(session: WriteSession, refund_id: UUID) -> None:
    """The refund failed: what it had taken is left again. The caller holds the order's lock."""
    await session.execute(_RETURN, {"refund": refund_id})
    await session.execute(_RETURN_TO_KEPT, {"refund": refund_id})


async def _take_from_kept(session: WriteSession, wanted: RefundRequest) -> None:
    """Money that two people had kept leaves what is left of it; money nobody kept has no such row."""
    named = {"payment": wanted.payment_id, "fen": wanted.amount_fen}
    if await session.scalar(_KEPT, named) and await session.scalar(_TAKE_FROM_KEPT, named) is None:
        raise AdvanceGone("请刷新页面，按剩余金额办理。")
