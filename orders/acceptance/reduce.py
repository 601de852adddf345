"""An order with payer shares becomes cheaper: refunds after acceptance, protected prices, lines that fall away.

What is taken lowers what its payer owes; what he has paid too much then stands as his advance, to be paid back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.acceptance.owe import balances
from orders.acceptance.rules import NOBODY, Group, Left, whole_pieces
from orders.aftersales.rules import Part
from orders.credit.record import Recognised, record
from orders.credit.regrade import lift
from orders.funds.post import Moved, post
from orders.order.shares import lower_due
from orders.order.take_out import Leaving, pass_on, take_out
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken of one share component. of_accepted: of what was recognised, else of what is open."""

    left: Left
    part: Part
    of_accepted: bool


@dataclass(frozen=True, slots=True)
class Why:
    """A reduction's head. pieces: (line, owner) → milli-pieces that leave with the money."""

    kind: Literal["refund", "price_protection", "substitution", "spare_moved", "cancellation"]
    reason: str
    key: str
    pieces: Mapping[Group, int]
    of_accepted: bool = True
    to_share_id: UUID | None = None


_WRITE = text("""
WITH head AS (
    INSERT INTO reduction (id, kind, order_id, amount_fen, reason, requested_by, idempotency_key, occurred_on,
        recorded_at)
    VALUES (:id, :kind, :order, :amount, :reason, :actor, :key, :day, :now)
), parts AS (
    INSERT INTO reduction_part (reduction_id, component_id, of_accepted, fen, grams, quantity_milli)
    SELECT :id, component_id, of_accepted, fen, grams, quantity_milli
    FROM jsonb_to_recordset(CAST(:parts AS jsonb)) AS r(component_id uuid, of_accepted bool, fen bigint, grams bigint,
        quantity_milli bigint)
)
INSERT INTO reduction_line (reduction_id, line_id, payer_share_id, of_accepted, to_share_id, quantity_milli)
SELECT :id, line_id, payer_share_id, :of_accepted, CAST(:to_share AS uuid), milli
FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS r(line_id uuid, payer_share_id uuid, milli bigint)
""")
_ACCEPTED_ON = text("""
SELECT p.component_id, max(a.accepted_on) AS day FROM acceptance_part p JOIN acceptance a ON a.id = p.acceptance_id
WHERE p.component_id = ANY(:components) GROUP BY p.component_id
""").bindparams(bindparam("components", type_=ARRAY(Uuid)))
_COMPONENTS = text("""
SELECT c.id FROM line_share s JOIN share_component c ON c.share_id = s.id
JOIN acceptance_part p ON p.component_id = c.id
WHERE s.payer_id = ANY(:shares) AND s.payer_kind = 'branch' ORDER BY c.id
""").bindparams(bindparam("shares", type_=ARRAY(Uuid)))


async def reduce(
    session: WriteSession,
    *,
    actor: Actor | None,
    order_id: UUID,
    taken: Sequence[Taken],
    why: Why,
    occurred_on: date,
    now: datetime,
) -> UUID:
    """Write a reduction and all that follows from it; returns its id. The caller holds the order's lock and took the
    parts from what is left, so none of them exceeds it. actor: None where the shop itself does it on its day.
    """
    reduction_id = new_id()
    amount = sum(one.part.fen for one in taken)
    named = {
        "id": reduction_id,
        "kind": why.kind,
        "order": order_id,
        "amount": amount,
        "reason": why.reason,
        "actor": actor.user_id if actor else NOBODY,
        "key": why.key,
        "day": occurred_on,
        "now": now,
        "of_accepted": why.of_accepted,
        "to_share": why.to_share_id,
        "parts": as_rows(
            {
                "component_id": one.part.component_id,
                "of_accepted": one.of_accepted,
                "fen": one.part.fen,
                "grams": one.part.grams,
                "quantity_milli": one.part.quantity_milli,
            }
            for one in taken
        ),
        "lines": as_rows(
            {"line_id": line_id, "payer_share_id": share_id, "milli": milli}
            for (line_id, share_id), milli in why.pieces.items()
        ),
    }
    await session.execute(_WRITE, named)
    await _leave(session, taken, why)
    less: dict[UUID, int] = {}
    for one in taken:
        less[one.left.payer_share_id] = less.get(one.left.payer_share_id, 0) + one.part.fen
    shares = await lower_due(session, order_id, less)
    recognised = [one for one in taken if one.of_accepted]
    await _less_owed(session, reduction_id, recognised, occurred_on, now)
    back: Literal["refund", "reversal"] = "reversal" if why.kind == "spare_moved" else "refund"
    await _less_credit(session, reduction_id, recognised, back, occurred_on, now)
    await prove_paid(
        session, [s.id for s in shares if s.paid_and_proven and less.get(s.id)], reduction_id, occurred_on, now
    )
    await record_change(
        session,
        actor_id=actor.user_id if actor else None,
        action=f"order.{why.kind}",
        subject=f"order:{order_id}",
        after={"reduction_id": str(reduction_id), "amount_fen": amount},
        reason=why.reason,
        now=now,
    )
    return reduction_id


async def _leave(session: WriteSession, taken: Sequence[Taken], why: Why) -> None:
    """The order is less by it; what another payer has instead stays in it."""
    leaving = [Leaving(one.part.component_id, one.part.fen, one.part.grams, one.part.quantity_milli) for one in taken]
    if why.to_share_id is None:
        pieces = whole_pieces((line_id, milli) for (line_id, _), milli in why.pieces.items())
        await take_out(session, parts=leaving, pieces=pieces)
    else:
        await pass_on(session, parts=leaving)


async def prove_paid(
    session: WriteSession, share_ids: Sequence[UUID], cause_id: UUID, occurred_on: date, now: datetime
) -> None:
    """What these shares still owe they have paid: the bank's record proves all that was accepted for them (grade A)."""
    if share_ids:
        components = (await session.scalars(_COMPONENTS, {"shares": list(share_ids)})).all()
        await lift(
            session,
            component_ids=components,
            to="A",
            cause_id=cause_id,
            evidence_sha256=None,
            occurred_on=occurred_on,
            now=now,
        )


async def _less_owed(
    session: WriteSession, reduction_id: UUID, taken: Sequence[Taken], day: date, now: datetime
) -> None:
    """The supplier's claim and the payer's receivable fall together; a receivable below zero becomes his advance."""
    sums: dict[tuple[UUID, UUID], int] = {}
    for one in taken:
        key = (one.left.payer_share_id, one.left.supplier_id)
        sums[key] = sums.get(key, 0) + one.part.fen
    await post(
        session,
        [
            Moved(
                key=f"reduced:{reduction_id}:{share_id}:{supplier_id}",
                kind="refund",
                debit=("claim", str(supplier_id)),
                credit=("receivable", str(share_id)),
                amount_fen=fen,
                reference=reduction_id,
                occurred_on=day,
            )
            for (share_id, supplier_id), fen in sorted(sums.items())
            if fen
        ],
        now=now,
    )
    balance_of = await balances(session, sorted({share_id for share_id, _ in sums}))
    await post(
        session,
        [
            Moved(
                key=f"reduced_advance:{reduction_id}:{share_id}",
                kind="advance",
                debit=("receivable", str(share_id)),
                credit=("advance", str(share_id)),
                amount_fen=-receivable,
                reference=reduction_id,
                occurred_on=day,
            )
            for share_id, (receivable, _) in balance_of.items()
            if receivable < 0
        ],
        now=now,
    )


async def _less_credit(
    session: WriteSession,
    reduction_id: UUID,
    taken: Sequence[Taken],
    kind: Literal["refund", "reversal"],
    day: date,
    now: datetime,
) -> None:
    """Negative entries on the business day of the reduction; the month of the sale stays what it was."""
    components = [one.part.component_id for one in taken]
    sale_on = {row.component_id: row.day for row in await session.execute(_ACCEPTED_ON, {"components": components})}
    rows = [
        Recognised(
            kind=kind,
            cause_id=reduction_id,
            component_id=one.part.component_id,
            amount_fen=-one.part.fen,
            grams=-one.part.grams,
            quantity_milli=-one.part.quantity_milli,
            occurred_on=day,
            sale_on=sale_on[one.part.component_id],
            grade="B",
        )
        for one in taken
    ]
    await record(session, rows, now=now)
