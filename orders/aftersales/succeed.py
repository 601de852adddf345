"""A refund succeeded: credit, claims, allowances and stock follow, in one transaction and once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.aftersales.restock import restock
from orders.allowance.spend import Returned, refund_to
from orders.credit.record import Recognised, record
from orders.funds.post import Moved, post
from orders.payment.move_refund import refund_succeeded
from shop.core import clock
from shop.core.database import WriteSession

CURRENCY = "cny"
PARTS = text("""
SELECT r.component_id, r.fen, r.grams, r.quantity_milli, l.supplier_id, a.union_id,
    CASE WHEN s.payer_kind = 'allowance' THEN s.payer_id END AS allowance_id
FROM refund_part r JOIN share_component c ON c.id = r.component_id JOIN order_line l ON l.id = c.line_id
JOIN line_share s ON s.id = c.share_id JOIN attribution a ON a.id = c.id
WHERE r.refund_id = :refund ORDER BY r.component_id
""")
_FREIGHT = text("""
SELECT p.supplier_id, r.fen, NULL AS allowance_id FROM refund_freight r JOIN parcel p ON p.id = r.parcel_id
WHERE r.refund_id = :refund
""")
# What the refunds of an order that stand give back to each allowance, less what it got: a refund that failed after all
# may have left something with the member, which then counts for the next one.
_OWED = text("""
WITH entitled AS (
    SELECT s.payer_id AS allowance_id, sum(p.fen)::bigint AS fen
    FROM refund r JOIN refund_part p ON p.refund_id = r.id JOIN share_component c ON c.id = p.component_id
    JOIN line_share s ON s.id = c.share_id AND s.payer_kind = 'allowance'
    WHERE r.order_id = :order AND r.state = 'succeeded' GROUP BY 1
), given AS (
    SELECT CAST(a.owner AS uuid) AS allowance_id,
        sum(CASE WHEN a.id = t.debit_account_id THEN t.amount_fen ELSE -t.amount_fen END)::bigint AS fen
    FROM refund r JOIN transfer t ON t.reference = r.id AND t.kind IN ('allowance_refunded', 'allowance_taken_again')
    JOIN account a ON a.kind = 'allowance' AND a.id IN (t.debit_account_id, t.credit_account_id)
    WHERE r.order_id = :order GROUP BY 1
)
SELECT e.allowance_id, e.fen - coalesce(g.fen, 0) AS fen FROM entitled e LEFT JOIN given g USING (allowance_id)
WHERE e.fen > coalesce(g.fen, 0) ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class Success:
    """What the provider returned, and when; nothing where all of it returns to allowances, or a dispute took it.

    provider_refund_id: `bank:` and the bank's serial number where a bank transfer of ours did it, whatever had paid.
    """

    provider_refund_id: str | None
    own_fen: int
    at: datetime


async def succeed(session: WriteSession, refund_id: UUID, success: Success, *, now: datetime) -> None:
    """On the business day of the success. Succeeded before is success; the caller holds the order's lock.

    Money that was never credited only leaves the advance it stood on; in another currency it is nobody's fen.
    """
    refund = await refund_succeeded(
        session, refund_id, provider_refund_id=success.provider_refund_id, own_fen=success.own_fen, at=success.at
    )
    if refund is None:
        return
    day = clock.business_day(success.at)
    if refund.never_credited:
        if refund.currency == CURRENCY:
            await post(session, [_advance_returned(refund, day)], now=now)
        return
    parts = (await session.execute(PARTS, {"refund": refund_id})).all()
    freight = (await session.execute(_FREIGHT, {"refund": refund_id})).all()
    sale_on = clock.business_day(refund.paid_at)
    await record(session, [_negative(refund_id, part, day, sale_on) for part in parts], now=now)
    await post(session, _claims_lowered(refund_id, refund.clearing, [*parts, *freight], day), now=now)
    owed = [Returned(*row) for row in await session.execute(_OWED, {"order": refund.order_id})]
    await refund_to(session, refund_id=refund_id, returned=owed, day=day, now=now)
    await restock(session, refund_id, now=now)


def _negative(refund_id: UUID, part: Row[Any], day: date, sale_on: date) -> Recognised:
    return Recognised(
        kind="refund",
        cause_id=refund_id,
        component_id=part.component_id,
        amount_fen=-part.fen,
        grams=-part.grams,
        quantity_milli=-part.quantity_milli,
        occurred_on=day,
        sale_on=sale_on,
        grade="A",
    )


def _claims_lowered(refund_id: UUID, own: str, returned: Sequence[Row[Any]], day: date) -> list[Moved]:
    """What a supplier is owed falls, and so does what the provider or the bank (`own`: that which returned the money)
    holds for us, or what a union owes; one transfer each.
    """
    sums: dict[tuple[str, str], int] = {}
    for row in returned:
        clearing = f"union:{row.union_id}" if row.allowance_id else own
        sums[str(row.supplier_id), clearing] = sums.get((str(row.supplier_id), clearing), 0) + row.fen
    return [
        Moved(
            key=f"refund:{refund_id}:{supplier_id}" + (f":{clearing}" if clearing != "stripe" else ""),
            kind="refund",
            debit=("claim", supplier_id),
            credit=("clearing", clearing),
            amount_fen=fen,
            reference=refund_id,
            occurred_on=day,
        )
        for (supplier_id, clearing), fen in sorted(sums.items())
        if fen
    ]


def _advance_returned(refund: Row[Any], day: date) -> Moved:
    return Moved(
        key=f"advance_returned:{refund.id}",
        kind="advance_returned",
        debit=("advance", refund.advance),
        credit=("clearing", "stripe"),
        amount_fen=refund.amount_fen,
        reference=refund.id,
        occurred_on=day,
    )
