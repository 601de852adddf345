"""What is left of an order, and taking a refund out of it: reserved when requested, so refunds never exceed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.rules import Part, Remaining
from orders.order.take_out import Leaving, take_out
from orders.payment.ask_refund import (
    FIRST_CHECK,
    Kind,
    RefundFreightRow,
    RefundLineRow,
    RefundPartRow,
    RefundRow,
    RefundRows,
    ask_refund,
)
from orders.payment.kept_advance import is_kept, put_back_kept, take_kept
from orders.payment.taken import taken_by
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id


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
    kind: Kind
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


_LEFT = text("""
SELECT l.id AS line_id, l.supplier_id, l.title, l.quantity - l.refunded_quantity AS pieces, s.id AS share_id,
    c.id AS component_id, c.net_fen - c.refunded_fen AS fen, c.grams - c.refunded_grams AS grams,
    c.quantity_milli - c.refunded_milli AS quantity_milli
FROM order_line l JOIN line_share s ON s.line_id = l.id JOIN share_component c ON c.share_id = s.id
WHERE l.order_id = :order
ORDER BY l.position, s.position, c.position
""")
_OF_ALLOWANCES = text("""
SELECT c.id FROM share_component c JOIN line_share s ON s.id = c.share_id
WHERE c.order_id = :order AND s.payer_kind = 'allowance'
""")


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


async def reserve(session: WriteSession, requested: RefundRequest, *, now: datetime) -> UUID:
    """Write the refund with its parts and take them from what is left; returns its id.

    The caller holds the order's lock and has computed the parts from what is left; the tables' CHECKs hold besides.
    """
    if not requested.parts and not requested.freight:
        await _take_from_kept(session, requested)
    rows = _rows(requested, set(await session.scalars(_OF_ALLOWANCES, {"order": requested.order_id})), now)
    await ask_refund(session, rows)
    leaving = [Leaving(part.component_id, part.fen, part.grams, part.quantity_milli) for part in requested.parts]
    await take_out(session, parts=leaving, pieces=requested.lines or {}, freight=requested.freight)
    await record_change(
        session,
        actor_id=requested.requested_by,
        action="refund.request",
        subject=f"refund:{rows.refund.id}",
        after={"order_id": str(requested.order_id), "kind": requested.kind, "amount_fen": requested.amount_fen},
        reason=requested.reason,
        now=now,
    )
    return rows.refund.id


async def return_reservation(session: WriteSession, refund_id: UUID) -> None:
    """The refund failed: what it had taken is left again. The caller holds the order's lock."""
    taken = await taken_by(session, refund_id)
    await take_out(
        session,
        parts=[Leaving(part.component_id, -part.fen, -part.grams, -part.quantity_milli) for part in taken.parts],
        pieces={line_id: -pieces for line_id, pieces in taken.lines.items()},
        freight={parcel_id: -fen for parcel_id, fen in taken.freight.items()},
    )
    await put_back_kept(session, refund_id=refund_id)


def _rows(requested: RefundRequest, of_allowances: set[UUID], now: datetime) -> RefundRows:
    return RefundRows(
        refund=RefundRow(
            id=new_id(),
            payment_id=requested.payment_id,
            order_id=requested.order_id,
            kind=requested.kind,
            amount_fen=requested.amount_fen,
            allowance_fen=sum(part.fen for part in requested.parts if part.component_id in of_allowances),
            currency=requested.currency,
            reason=requested.reason,
            requested_by=requested.requested_by,
            idempotency_key=requested.idempotency_key,
            requested_at=now,
            check_at=now + FIRST_CHECK,
            dispute_id=requested.dispute_id,
            retries_id=requested.retries_id,
        ),
        parts=[RefundPartRow(part.component_id, part.fen, part.grams, part.quantity_milli) for part in requested.parts],
        lines=[RefundLineRow(*line) for line in (requested.lines or {}).items()],
        freight=[RefundFreightRow(*parcel) for parcel in (requested.freight or {}).items()],
    )


async def _take_from_kept(session: WriteSession, requested: RefundRequest) -> None:
    """Money that two people had kept leaves what is left of it; money nobody kept has no such row."""
    if not await is_kept(session, requested.payment_id):
        return
    if await take_kept(session, payment_id=requested.payment_id, fen=requested.amount_fen) is None:
        raise AdvanceGone("请刷新页面，按剩余金额办理。")
