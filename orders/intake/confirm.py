"""A second person confirms a batch: all of it enters the credit, or nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.credit.record import Grade, Recognised, record
from orders.intake.freeze import freeze
from orders.intake.problems import AlreadyDecided, BatchHasErrors, ChangedMeanwhile, SecondPersonNeeded
from orders.intake.remember import remember
from orders.intake.row import SaleRow
from orders.intake.sort_out import Known, Sorted, sort_out
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound
from shop.core.locks import Lock
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids

GRADES: dict[str | None, Grade] = {"bank_record": "A", "e_invoice": "B", "document": "C", None: "D"}
"""What a paper proves when a second person has looked at it; without one a row is only typed."""

_BATCH = text("SELECT * FROM intake_batch WHERE id = :id")
_UNITS = text("SELECT DISTINCT unit_id FROM intake_row WHERE batch_id = :id AND unit_id IS NOT NULL")
_ROWS = text("SELECT * FROM intake_row WHERE batch_id = :id AND why IS NULL ORDER BY number")
# Confirmations and decisions are made one after the other: what one reads of earlier sales holds until it has written.
_DESK = text(f"SELECT pg_advisory_xact_lock({Lock.INTAKE})")
_DECIDE = text("""
UPDATE intake_batch SET state = :state, decided_by = :actor, decided_at = :now, decision = :decision
WHERE id = :id AND state = 'staged' AND uploaded_by IS DISTINCT FROM :actor RETURNING id
""")
_SALES = text("""
INSERT INTO outside_sale (id, row_id, channel_code, external_number, external_line, unit_id, invoice_number, day,
    amount_fen, grams, quantity_milli, refunded_fen, refunded_grams, refunded_milli)
SELECT r.id, w.id, :channel, w.external_number, w.external_line, w.unit_id, w.invoice_number, w.day, w.amount_fen,
    w.grams, w.quantity_milli, 0, 0, 0
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, row_id uuid) JOIN intake_row w ON w.id = r.row_id
ORDER BY r.id
""")
_CLAIMS = text("""
INSERT INTO intake_claim (id, sale_id, row_id, why, channel_code, external_number, external_line, unit_id,
    first_unit_id, amount_fen, state, claimed_by, opened_at)
SELECT r.id, r.sale_id, w.id, r.why, :channel, w.external_number, w.external_line, w.unit_id, s.unit_id, w.amount_fen,
    'open', :claimed_by, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, sale_id uuid, row_id uuid, why text)
JOIN intake_row w ON w.id = r.row_id JOIN outside_sale s ON s.id = r.sale_id ORDER BY r.id
""")
_REFUNDS = text("""
WITH given AS (
    INSERT INTO outside_refund (sale_id, channel_code, refund_number, row_id, amount_fen, grams, quantity_milli, day)
    SELECT r.sale_id, :channel, w.refund_number, w.id, w.amount_fen, w.grams, w.quantity_milli, w.day
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(sale_id uuid, row_id uuid) JOIN intake_row w ON w.id = r.row_id
    ORDER BY r.sale_id, w.refund_number RETURNING *
)
UPDATE outside_sale s SET refunded_fen = s.refunded_fen + g.fen, refunded_grams = s.refunded_grams + g.grams,
    refunded_milli = s.refunded_milli + g.milli
FROM (SELECT sale_id, sum(amount_fen) AS fen, sum(grams) AS grams, sum(quantity_milli) AS milli FROM given GROUP BY 1) g
WHERE s.id = g.sale_id
""")
_STATES = text("""
UPDATE intake_row w SET state = r.state, claim_id = r.claim_id, first_unit_id = r.first_unit_id
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, state text, claim_id uuid, first_unit_id uuid)
WHERE w.id = r.id
""")


async def hold_desk(session: WriteSession) -> None:
    """Nobody else confirms or decides before this transaction ends."""
    await session.execute(_DESK)


async def confirm(session: WriteSession, *, actor: Actor, batch_id: UUID, now: datetime) -> None:
    """Enter what is new, hold what somebody else has, leave out what is known. Confirming says: I looked at the paper.

    Confirmed before by the same person is success. Raises NotFound, SecondPersonNeeded, AlreadyDecided,
    BatchHasErrors, ChangedMeanwhile.
    """
    await hold_desk(session)
    batch = await batch_for(session, actor, batch_id, Permission.INTAKE_CONFIRM, day=clock.business_day(now))
    if not await _taken(session, batch, "confirmed", actor, None, now):
        return
    rows = [row_of(batch.channel_code, one) for one in await session.execute(_ROWS, {"id": batch_id})]
    known = await remember(session, rows)
    done = sort_out(rows, known)
    _refuse_changed(rows)
    await _enter(session, batch, done, known, now)
    states = [
        {
            "id": str(row.id),
            "state": "entered" if row.state == "staged" else row.state,
            "claim_id": str(row.claim_id) if row.claim_id else None,
            "first_unit_id": str(row.first_unit_id) if row.first_unit_id else None,
        }
        for row in rows
    ]
    await session.execute(_STATES, {"rows": as_rows(states)})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="intake.confirm",
        subject=f"intake_batch:{batch_id}",
        before={"state": "staged"},
        after={
            "state": "confirmed",
            "sales": len(done.sales),
            "sales_fen": sum(row.amount_fen for row in done.sales),
            "refunds": len(done.refunds),
            "refunds_fen": sum(row.amount_fen for row, _ in done.refunds),
            "held": len(done.claims),
            "grade": GRADES[batch.evidence_kind],
        },
        now=now,
    )


async def reject(session: WriteSession, *, actor: Actor, batch_id: UUID, reason: str, now: datetime) -> None:
    """Another person than the uploader sends it back; the same bytes may be handed in again. Raises as `confirm`."""
    await hold_desk(session)
    batch = await batch_for(session, actor, batch_id, Permission.INTAKE_CONFIRM, day=clock.business_day(now))
    if await _taken(session, batch, "rejected", actor, reason, now):
        await record_change(
            session,
            actor_id=actor.user_id,
            action="intake.reject",
            subject=f"intake_batch:{batch_id}",
            before={"state": "staged"},
            after={"state": "rejected"},
            reason=reason,
            now=now,
        )


async def batch_for(
    session: ReadSession, actor: Actor, batch_id: UUID, permission: Permission, *, day: date
) -> Row[Any]:
    """A batch all of whose units the actor reaches, or that is his own; where no row names a unit (all are set aside),
    one of a desk of his. Raises NotFound for everybody else's.
    """
    batch = (await session.execute(_BATCH, {"id": batch_id})).one_or_none()
    visible = await visible_unit_ids(session, actor, permission, day)
    if batch is not None and (visible is None or batch.uploaded_by == actor.user_id):
        return batch
    if batch is not None:
        units = set(await session.scalars(_UNITS, {"id": batch_id})) or {batch.unit_id} - {None}
        if units and units <= (visible or frozenset()):
            return batch
    raise NotFound("没有这份对账单，或者它不在您的范围内。")


async def _taken(
    session: WriteSession, batch: Row[Any], state: str, actor: Actor, decision: str | None, now: datetime
) -> bool:
    named = {"id": batch.id, "state": state, "actor": actor.user_id, "now": now, "decision": decision}
    if batch.state == "staged" and batch.uploaded_by != actor.user_id and await session.scalar(_DECIDE, named):
        return True
    if batch.state == "refused":
        raise BatchHasErrors("请改正后重新上传。")
    if batch.state == "staged":
        raise SecondPersonNeeded("上传人不能确认自己上传的对账单。")
    if (batch.state, batch.decided_by) == (state, actor.user_id):
        return False
    raise AlreadyDecided("请刷新页面查看结果。")


def row_of(channel: str, kept: Row[Any]) -> SaleRow:
    row = SaleRow(kept.id, channel, kept.number, kept.cells)
    for name in (
        "type", "external_number", "external_line", "refund_number", "credit_kind", "fund_source", "unit_id",
        "invoice_number", "county_code", "producer_id", "supplier_id", "product_id", "category", "quantity_milli",
        "grams", "amount_fen", "day",
    ):  # fmt: skip
        setattr(row, name, getattr(kept, name))
    return row


def _refuse_changed(rows: Sequence[SaleRow]) -> None:
    details = [
        Detail(f"/rows/{row.number}/{one.column}", one.code, f"第 {row.number} 行：{one.said}")
        for row in rows
        for one in row.mistakes
    ]
    if details:
        first = "；".join(one.detail for one in details[:3])
        raise ChangedMeanwhile(f"{first}。请退回这份对账单，改正后重新上传。", details[:200])


async def _enter(session: WriteSession, batch: Row[Any], done: Sorted, known: Known, now: datetime) -> None:
    channel = batch.channel_code
    await freeze(session, done.sales)
    sales = as_rows({"id": str(row.sale_id), "row_id": str(row.id)} for row in done.sales)
    await session.execute(_SALES, {"rows": sales, "channel": channel})
    claims = as_rows(
        {"id": str(row.claim_id), "sale_id": str(sale_id), "row_id": str(row.id), "why": why}
        for row, sale_id, why in done.claims
    )
    named = {"rows": claims, "channel": channel, "claimed_by": batch.uploaded_by, "now": now}
    await session.execute(_CLAIMS, named)
    grade = GRADES[batch.evidence_kind]
    entries = [
        Recognised(
            "sale", row.id, row.sale_id, row.amount_fen, row.grams, row.quantity_milli, row.day, row.day, grade,
            evidence_sha256=batch.evidence_sha256,
        )
        for row in done.sales
        if row.day is not None
    ]  # fmt: skip
    await record(session, entries, now=now)
    await give_back(session, channel, [(row, sale_id, known.sales[sale_id].day) for row, sale_id in done.refunds], now)


async def give_back(
    session: WriteSession, channel: str, refunds: Sequence[tuple[SaleRow, UUID, date]], now: datetime
) -> None:
    """Enter refunds, each with the sale it is of and its day: the caller has sorted them out and holds the desk."""
    if not refunds:
        return
    rows = as_rows({"sale_id": str(sale_id), "row_id": str(row.id)} for row, sale_id, _ in refunds)
    await session.execute(_REFUNDS, {"rows": rows, "channel": channel})
    entries = [
        Recognised(
            "refund", row.id, sale_id, -row.amount_fen, -row.grams, -row.quantity_milli, row.day, sale_on, "D",
        )
        for row, sale_id, sale_on in refunds
        if row.day is not None
    ]  # fmt: skip
    await record(session, entries, now=now)
