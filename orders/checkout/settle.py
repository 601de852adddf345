"""Money came: confirm orders, sell their stock, post funds, write credit. All or nothing, and each once.

`settle` takes many payments at a time: a worker that fell behind catches up in the same number of round trips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, bindparam, text

from catalog.stock import moving
from orders.allowance.spend import spend_for
from orders.credit.record import Grade, Recognised, record
from orders.funds.post import Moved, post
from orders.order.move_on import confirmed_by
from orders.order.states import GOODS_LEFT
from orders.payment.mark import MARKED, Said, as_json
from shop.core import clock
from shop.core.database import WriteSession

Outcome = Literal["settled", "already", "unknown", "differs", "paid_twice", "too_late"]
CURRENCY = "cny"


@dataclass(frozen=True, slots=True)
class Paid:
    """What the provider says of a payment that succeeded: amount in its smallest unit, currency in lower case.

    clearing: with whom the money stands; advance: whose it stays if it cannot settle. grade: of what proves it.
    """

    payment_id: UUID
    provider_payment_id: str | None
    amount_fen: int
    currency: str
    method: str | None
    succeeded_at: datetime
    clearing: str = "stripe"
    advance: str = "stripe"
    grade: Grade = "A"


@dataclass(frozen=True, slots=True)
class Settled:
    """outcome: settled; already (done before, success); unknown (no such payment); differs (amount or currency: held
    for a person); paid_twice and too_late: held, until two people return or keep it.
    """

    payment_id: UUID
    order_id: UUID | None
    outcome: Outcome


class _Component(msgspec.Struct, frozen=True):
    id: UUID
    net_fen: int
    grams: int
    quantity_milli: int


class _Claim(msgspec.Struct, frozen=True):
    supplier_id: UUID
    fen: int


class _Order(msgspec.Struct, frozen=True):
    payment_id: UUID
    payment_state: str
    amount_fen: int
    allowance_fen: int
    currency: str
    order_id: UUID
    order_state: str
    order_paid: bool
    components: list[_Component]
    claims: list[_Claim]


_decode = msgspec.json.Decoder(list[_Order]).decode

# Orders are locked in order of their ids, before payments, by everybody who settles, expires or cancels. Payments are
# locked too, only so that whoever waited for the order reads what the other one wrote, and not this statement's past.
_LOCK = text("""
WITH locked AS MATERIALIZED (
    SELECT o.id, o.state, o.payment_state FROM shop_order o
    WHERE o.id IN (SELECT order_id FROM payment WHERE id = ANY(:payments)) ORDER BY o.id FOR UPDATE
), paying AS MATERIALIZED (
    SELECT p.id, p.state, p.amount_fen, p.currency, p.order_id FROM locked o JOIN payment p ON p.order_id = o.id
    WHERE p.id = ANY(:payments) ORDER BY p.id FOR UPDATE OF p
)
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'payment_id', p.id, 'payment_state', p.state, 'amount_fen', p.amount_fen, 'currency', p.currency,
    'allowance_fen', coalesce((SELECT t.amount_fen FROM tender t
        WHERE t.payment_id = p.id AND t.kind = 'allowance'), 0),
    'order_id', o.id, 'order_state', o.state, 'order_paid', o.payment_state = 'paid',
    'components', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'net_fen', c.net_fen - c.refunded_fen,
        'grams', c.grams - c.refunded_grams, 'quantity_milli', c.quantity_milli - c.refunded_milli)), '[]')
        FROM share_component c WHERE c.order_id = o.id),
    'claims', (SELECT coalesce(jsonb_agg(jsonb_build_object('supplier_id', s.supplier_id, 'fen', s.fen)), '[]')
        FROM (SELECT supplier_id, sum(fen)::bigint AS fen FROM (
            SELECT l.supplier_id, c.net_fen - c.refunded_fen AS fen
                FROM share_component c JOIN order_line l ON l.id = c.line_id WHERE c.order_id = o.id
            UNION ALL SELECT r.supplier_id, r.freight_fen - r.refunded_freight_fen FROM parcel r
                WHERE r.order_id = o.id) both_kinds
            GROUP BY supplier_id) s)
)), '[]')::text
FROM locked o JOIN paying p ON p.order_id = o.id
""").bindparams(bindparam("payments", type_=ARRAY(Uuid)))

_CONFIRM = text(f"""
WITH {MARKED}, {confirmed_by("SELECT order_id FROM marked WHERE state = 'succeeded'")}
SELECT count(*) FROM marked
""")  # noqa: S608  # steps of their owners
_BORNE = text("""
SELECT l.order_id, l.supplier_id, a.union_id, sum(c.net_fen - c.refunded_fen)::bigint AS fen
FROM order_line l JOIN line_share s ON s.line_id = l.id AND s.payer_kind = 'allowance'
JOIN share_component c ON c.share_id = s.id JOIN attribution a ON a.id = c.id
WHERE l.order_id = ANY(:orders) GROUP BY l.order_id, l.supplier_id, a.union_id
HAVING sum(c.net_fen - c.refunded_fen) > 0
ORDER BY l.order_id, l.supplier_id, a.union_id
""").bindparams(bindparam("orders", type_=ARRAY(Uuid)))


async def settle(session: WriteSession, paid: Sequence[Paid], *, now: datetime) -> list[Settled]:
    """Settle payments that the provider says succeeded.

    The day of the credit is the business day of the provider's success time (DOMAIN rule 2). A payment
    that cannot settle is `held`: its money stands on the `advance` account, and nothing is credited.
    """
    by_id = {one.payment_id: one for one in paid}
    rows = await session.execute(_LOCK, {"payments": list(by_id)})
    orders = {order.payment_id: order for order in _decode(rows.scalar_one())}
    if any(order.order_state == "expired" for order in orders.values()):
        await moving.lock(session, order_ids=[order.order_id for order in orders.values()])
    outcomes: dict[UUID, Outcome] = {}
    settling: dict[UUID, _Order] = {}
    for payment_id, one in by_id.items():
        order = orders.get(payment_id)
        outcome = await _outcome(session, one, order, set(settling)) if order else "unknown"
        outcomes[payment_id] = outcome
        if order and outcome == "settled":
            settling[order.order_id] = order
    said = [_said(by_id[p], o) for p, o in outcomes.items() if o not in {"already", "unknown"}]
    if said:
        await session.execute(_CONFIRM, {"said": as_json(said), "now": now})
        await moving.commit(session, order_ids=sorted(settling), now=now)
        borne = await _borne_by_unions(session, [o for o in settling.values() if o.allowance_fen], by_id, now)
        await post(session, [*_moves(by_id, orders, outcomes, borne), *borne], now=now)
        await record(session, _recognised(by_id, settling), now=now)
    return [
        Settled(payment_id, orders[payment_id].order_id if payment_id in orders else None, outcome)
        for payment_id, outcome in outcomes.items()
    ]


async def _outcome(session: WriteSession, paid: Paid, order: _Order, settling: set[UUID]) -> Outcome:
    if order.payment_state in {"succeeded", "held"}:
        return "already"
    if (paid.amount_fen, paid.currency.lower()) != (order.amount_fen - order.allowance_fen, order.currency):
        return "differs"
    if order.order_paid or order.order_id in settling:
        return "paid_twice"
    if order.order_state == "placed" or order.order_state in GOODS_LEFT:  # sent, and then unpaid again
        return "settled"
    # What an allowance had held for it is the member's again, and may be spent elsewhere.
    again = order.order_state == "expired" and not order.allowance_fen
    if again and await moving.hold_again(session, order_id=order.order_id):
        return "settled"
    return "too_late"


def _said(paid: Paid, outcome: Outcome) -> Said:
    return Said(
        payment_id=paid.payment_id,
        state="succeeded" if outcome == "settled" else "held",
        held_reason=None if outcome == "settled" else outcome,
        provider_payment_id=paid.provider_payment_id,
        received_fen=paid.amount_fen,
        received_currency=paid.currency.lower(),
        provider_method=paid.method,
        succeeded_at=paid.succeeded_at,
    )


async def _borne_by_unions(
    session: WriteSession, orders: Sequence[_Order], by_id: dict[UUID, Paid], now: datetime
) -> list[Moved]:
    """Allowances held for these orders are spent; what they bear the union owes: its clearing account."""
    if not orders:
        return []
    days = {order.order_id: clock.business_day(by_id[order.payment_id].succeeded_at) for order in orders}
    await spend_for(session, order_days=days, now=now)
    payments = {order.order_id: order.payment_id for order in orders}
    return [
        Moved(
            key=f"sale:{payments[row.order_id]}:{row.supplier_id}:{row.union_id}",
            kind="sale",
            debit=("clearing", f"union:{row.union_id}"),
            credit=("claim", str(row.supplier_id)),
            amount_fen=row.fen,
            reference=payments[row.order_id],
            occurred_on=days[row.order_id],
        )
        for row in (await session.execute(_BORNE, {"orders": list(days)})).all()
    ]


def _moves(
    by_id: dict[UUID, Paid], orders: dict[UUID, _Order], outcomes: dict[UUID, Outcome], borne: Sequence[Moved]
) -> list[Moved]:
    """Settled: the provider's clearing account against each supplier's claim, unions' parts apart. Held: against the
    advance account.
    """
    moves = []
    others: dict[tuple[UUID, str], int] = {}
    for move in borne:
        others[move.reference, move.credit[1]] = others.get((move.reference, move.credit[1]), 0) + move.amount_fen
    for payment_id, outcome in outcomes.items():
        if outcome in {"already", "unknown"}:
            continue
        paid, day = by_id[payment_id], clock.business_day(by_id[payment_id].succeeded_at)
        clearing = ("clearing", paid.clearing)
        if outcome == "settled":
            moves += [
                Moved(
                    key=f"sale:{payment_id}:{claim.supplier_id}",
                    kind="sale",
                    debit=clearing,
                    credit=("claim", str(claim.supplier_id)),
                    amount_fen=own_fen,
                    reference=payment_id,
                    occurred_on=day,
                )
                for claim in orders[payment_id].claims
                if (own_fen := claim.fen - others.get((payment_id, str(claim.supplier_id)), 0)) > 0
            ]
        elif paid.amount_fen > 0 and paid.currency.lower() == CURRENCY:
            moves.append(
                Moved(
                    key=f"advance:{payment_id}",
                    kind="advance",
                    debit=clearing,
                    credit=("advance", paid.advance),
                    amount_fen=paid.amount_fen,
                    reference=payment_id,
                    occurred_on=day,
                )
            )
    return moves


def _recognised(by_id: dict[UUID, Paid], settling: dict[UUID, _Order]) -> list[Recognised]:
    rows = []
    for order in settling.values():
        day = clock.business_day(by_id[order.payment_id].succeeded_at)
        rows += [
            Recognised(
                kind="sale",
                cause_id=order.payment_id,
                component_id=part.id,
                amount_fen=part.net_fen,
                grams=part.grams,
                quantity_milli=part.quantity_milli,
                occurred_on=day,
                sale_on=day,
                grade=by_id[order.payment_id].grade,
            )
            for part in order.components
        ]
    return rows
