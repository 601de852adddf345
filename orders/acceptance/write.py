"""Write down acceptances: who, what was counted, and what it did to each component."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, text

from orders.acceptance.count import CountedDelivery
from orders.acceptance.models import AcceptancePart
from orders.acceptance.received import Acceptors
from orders.acceptance.rules import NOBODY, Divided, whole_pieces
from orders.order.rows import ComponentRow
from orders.order.take_out import Leaving, take_out
from shop.core.database import WriteSession
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Written:
    """An acceptance to be written: its id, its key, its count."""

    id: UUID
    key: str
    counts: CountedDelivery


_WRITE = text("""
WITH accepted AS (
    INSERT INTO acceptance SELECT * FROM jsonb_populate_recordset(NULL::acceptance, CAST(:acceptances AS jsonb))
), lined AS (
    INSERT INTO acceptance_line SELECT * FROM jsonb_populate_recordset(NULL::acceptance_line, CAST(:lines AS jsonb))
)
INSERT INTO acceptance_part SELECT * FROM jsonb_populate_recordset(NULL::acceptance_part, CAST(:parts AS jsonb))
""")


async def write(
    session: WriteSession,
    order: Row[Any],
    acceptances: Sequence[Written],
    divided: Sequence[Sequence[Divided]],
    by: Acceptors,
    *,
    now: datetime,
) -> None:
    """Any number of acceptances at once; what did not come leaves the order. The database refuses duties in one hand,
    and a second round.
    """
    heads = [_head(order, one, by, now) for one in acceptances]
    lines = [line for one in acceptances for line in _lines(one)]
    parts = [
        {
            "acceptance_id": one.id,
            "component_id": part.component_id,
            "accepted_fen": part.accepted.fen,
            "accepted_grams": part.accepted.grams,
            "accepted_milli": part.accepted.quantity_milli,
            "gone_fen": part.gone.fen,
            "gone_grams": part.gone.grams,
            "gone_milli": part.gone.quantity_milli,
        }
        for one, found in zip(acceptances, divided, strict=True)
        for part in found
    ]
    named = {"acceptances": as_rows(heads), "lines": as_rows(lines), "parts": as_rows(parts)}
    await session.execute(_WRITE, named)
    gone = [part for found in divided for part in found]
    await take_out(
        session,
        parts=[Leaving(one.component_id, one.gone.fen, one.gone.grams, one.gone.quantity_milli) for one in gone],
        pieces=whole_pieces((count.line_id, count.gone_milli) for one in acceptances for _, count in one.counts.groups),
    )


async def accepted_by_another(session: WriteSession, acceptance_id: UUID, components: Sequence[ComponentRow]) -> None:
    """What had been accepted for one payer is another's: his components were accepted by the same acceptance."""
    rows = [
        {
            "acceptance_id": acceptance_id,
            "component_id": one.id,
            "accepted_fen": one.net_fen,
            "accepted_grams": one.grams,
            "accepted_milli": one.quantity_milli,
            "gone_fen": 0,
            "gone_grams": 0,
            "gone_milli": 0,
        }
        for one in components
    ]
    await session.execute(insert(AcceptancePart), rows)


def _head(order: Row[Any], one: Written, by: Acceptors, now: datetime) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": by.kind,
        "order_id": order.id,
        "delivery_id": one.counts.delivery_id,
        "round": 1,
        "requester_id": order.requester_id,
        "approver_id": order.approver_id,
        "received_by": by.actor.user_id,
        "witnessed_by": by.witness_id,
        "accepted_on": by.accepted_on,
        "note": by.note,
        "delivery_note": one.counts.delivery_note,
        "truck_driver": by.truck.driver if by.truck else None,
        "truck_plate": by.truck.plate if by.truck else None,
        "evidence_sha256": by.evidence_sha256,
        "idempotency_key": one.key,
        "recorded_at": now,
    }


def _lines(one: Written) -> list[dict[str, object]]:
    return [
        {
            "acceptance_id": one.id,
            "line_id": count.line_id,
            "payer_share_id": count.payer_share_id or NOBODY,
            "expected_milli": count.counted_milli,
            "accepted_milli": count.accepted_milli,
            "short_milli": count.short_milli,
            "damaged_milli": count.damaged_milli,
            "refused_milli": count.refused_milli,
            "reason": count.reason,
            "best_before": count.best_before,
            "batch_number": count.batch_number,
            "shelf_life_warning": one.counts.warnings.get((count.line_id, count.payer_share_id)),
        }
        for _, count in one.counts.groups
    ]
