"""What had paid a person's order is gone: the order is unpaid again, on the day on which the money went."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.stock import moving
from orders.aftersales.fail import fail
from orders.aftersales.reserve import what_is_left
from orders.aftersales.restock import restock_rest
from orders.allowance.spend import Returned, refund_to
from orders.credit.record import Recognised, record
from orders.funds.post import Moved, post
from orders.order.move_on import move_on, move_payment
from orders.order.shares import set_due
from orders.order.transfer_code import HOLD
from orders.payment.begin import begin
from orders.payment.move_on import end_payments
from shop.core import clock
from shop.core.database import WriteSession

_PAID = text("""
SELECT p.id, p.succeeded_at, o.state,
    (SELECT coalesce(sum(r.amount_fen - r.allowance_fen), 0)::bigint FROM refund r
        WHERE r.order_id = o.id AND r.state = 'succeeded') AS returned_fen,
    coalesce((SELECT t.amount_fen FROM tender t WHERE t.payment_id = p.id AND t.kind = 'allowance'), 0) AS allowance_fen
FROM payment p JOIN shop_order o ON o.id = p.order_id
WHERE p.order_id = :order AND p.state = 'succeeded' AND p.method = 'bank_transfer'
""")
_ON_THE_WAY = text("SELECT id FROM refund WHERE order_id = :order AND state IN ('requested', 'submitted') ORDER BY id")
_CLAIMED = text("""
SELECT l.supplier_id, CASE WHEN s.payer_kind = 'allowance' THEN a.union_id END AS union_id,
    CASE WHEN s.payer_kind = 'allowance' THEN s.payer_id END AS allowance_id,
    sum(c.net_fen - c.refunded_fen)::bigint AS fen
FROM share_component c JOIN order_line l ON l.id = c.line_id JOIN line_share s ON s.id = c.share_id
JOIN attribution a ON a.id = c.id
WHERE c.order_id = :order GROUP BY 1, 2, 3
UNION ALL
SELECT supplier_id, NULL, NULL, sum(freight_fen - refunded_freight_fen)::bigint FROM parcel
WHERE order_id = :order GROUP BY 1
""")
_PIECES = text("""
SELECT stock_sku_id, round(sum(quantity_milli) / 1000.0)::bigint AS pieces FROM share_component
WHERE order_id = :order GROUP BY 1
""")


async def unpay(
    session: WriteSession, *, order_id: UUID, share_id: UUID, cause_id: UUID, day: date, now: datetime
) -> None:
    """Take back what `settle` did for an order that was paid by bank transfer. The caller holds the order's lock.

    Credit, claims: on `day`, but never before the sale, as far as no refund had taken them. What the payer's share had
    given for it (fen) stands on its advance again; the caller takes away what is gone. Goods that lie in the barn: the
    order waits for its money once more, its goods held for it; where a refund or an allowance is in it, it is
    cancelled. Goods that left: it stays where it is, unpaid. Not settled, or done before: nothing.
    """
    paid = (await session.execute(_PAID, {"order": order_id})).one_or_none()
    if paid is None:
        return
    day = max(day, clock.business_day(paid.succeeded_at))
    for refund_id in (await session.scalars(_ON_THE_WAY, {"order": order_id})).all():
        await fail(session, refund_id, "payment_undone", provider_refund_id=None, now=now)
    claimed = (await session.execute(_CLAIMED, {"order": order_id})).all()
    own_fen = sum(row.fen for row in claimed if row.union_id is None)
    await record(session, await _taken_back(session, order_id, cause_id, paid, day), now=now)
    moves = [*_claims_lowered(cause_id, paid.id, claimed, day)]
    if own_fen:
        moves.append(
            Moved(
                key=f"unpaid:{cause_id}:{order_id}",
                kind="undone",
                debit=("clearing", "bank"),
                credit=("advance", str(share_id)),
                amount_fen=own_fen,
                reference=order_id,
                occurred_on=day,
            )
        )
    await post(session, moves, now=now)
    await end_payments(session, [paid.id], of={"succeeded"}, to="failed")
    await _order_unpaid(session, order_id, share_id, cause_id, paid, claimed, day, now)


async def _order_unpaid(
    session: WriteSession,
    order_id: UUID,
    share_id: UUID,
    cause_id: UUID,
    paid: Row[Any],
    claimed: Sequence[Row[Any]],
    day: date,
    now: datetime,
) -> None:
    in_the_barn = paid.state == "confirmed"
    over = in_the_barn and bool(paid.returned_fen or paid.allowance_fen)
    until = now + HOLD
    if in_the_barn:
        await move_on(session, order_ids=[order_id], to="cancelled" if over else "placed", now=now)
    await move_payment(session, order_ids=[order_id], leaving="paid", to="unpaid", until=until)
    if over:
        await restock_rest(session, order_id, now=now)
        given = [Returned(row.allowance_id, row.fen) for row in claimed if row.allowance_id and row.fen]
        await refund_to(session, refund_id=cause_id, returned=given, day=day, now=now)
        # Only what its payer got back without having paid is still due.
        await set_due(session, share_id=share_id, fen=paid.returned_fen)
        return
    if in_the_barn:
        pieces = {row.stock_sku_id: row.pieces for row in await session.execute(_PIECES, {"order": order_id})}
        await moving.take_back(session, reference=f"unpaid:{cause_id}:{order_id}", pieces=pieces, now=now)
        await moving.hold_unsold(session, order_id=order_id)
    own_fen = sum(row.fen for row in claimed if row.union_id is None)
    if own_fen:
        allowance_fen = sum(row.fen for row in claimed if row.union_id is not None)
        await begin(
            session,
            order_id=order_id,
            method="bank_transfer",
            own_fen=own_fen,
            allowance_fen=allowance_fen,
            now=now,
            expires_at=until,
        )


async def _taken_back(
    session: WriteSession, order_id: UUID, cause_id: UUID, paid: Row[Any], day: date
) -> list[Recognised]:
    sale_on = clock.business_day(paid.succeeded_at)
    return [
        Recognised(
            kind="payment_undone",
            cause_id=cause_id,
            component_id=part.component_id,
            amount_fen=-part.fen,
            grams=-part.grams,
            quantity_milli=-part.quantity_milli,
            occurred_on=day,
            sale_on=sale_on,
            grade="A",
        )
        for line in await what_is_left(session, order_id)
        for part in line.parts
        if part.fen or part.grams or part.quantity_milli
    ]


def _claims_lowered(cause_id: UUID, payment_id: UUID, claimed: Sequence[Row[Any]], day: date) -> list[Moved]:
    """What suppliers are owed falls, and so does what the bank holds for us, or what a union owes."""
    sums: dict[tuple[str, str], int] = {}
    for row in claimed:
        clearing = f"union:{row.union_id}" if row.union_id else "bank"
        sums[str(row.supplier_id), clearing] = sums.get((str(row.supplier_id), clearing), 0) + row.fen
    return [
        Moved(
            key=f"unpaid:{cause_id}:{payment_id}:{supplier_id}:{clearing}",
            kind="undone",
            debit=("claim", supplier_id),
            credit=("clearing", clearing),
            amount_fen=fen,
            reference=payment_id,
            occurred_on=day,
        )
        for (supplier_id, clearing), fen in sorted(sums.items())
        if fen
    ]
