"""Where the money of a payment stands, for whoever took it away: unsettled, kept, or in the orders that it paid."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.own_left import Spread, own_left, spread
from shop.core.database import WriteSession

_LOCK = text("""
SELECT id FROM shop_order WHERE id IN (SELECT order_id FROM payment WHERE :payment IN (id, advance_of_id))
ORDER BY id FOR UPDATE
""")
_SOURCES = text("""
SELECT p.id, p.order_id, p.state = 'held' AS never_credited, coalesce(k.left_fen, p.received_fen - coalesce((
    SELECT sum(r.amount_fen) FROM refund r WHERE r.payment_id = p.id AND r.state <> 'failed'), 0))::bigint AS left_fen
FROM payment p LEFT JOIN kept_advance k ON k.payment_id = p.id
WHERE (p.id = :payment OR p.advance_of_id = :payment) AND p.state IN ('held', 'succeeded')
ORDER BY p.created_at, p.id
""")


@dataclass(frozen=True, slots=True)
class Stands:
    """So much (fen > 0) of the money is with this payment: of an order that it paid, `over` its parts and freight.

    whole: it is all that own money pays of the order, and no allowance pays a part.
    """

    payment_id: UUID
    order_id: UUID
    fen: int
    over: Spread
    whole: bool


async def lock_orders_of(session: WriteSession, payment_id: UUID) -> None:
    """The payment's own order, and those that it was matched to after it had been kept; in order of their ids."""
    await session.execute(_LOCK, {"payment": payment_id})


async def where_it_stands(session: WriteSession, payment_id: UUID, most_fen: int) -> list[Stands]:
    """Up to `most_fen` of it: first what is unsettled or kept, then the orders, in the order in which it paid them.

    Together they may be less: the rest is nowhere in the books. The caller holds the orders' locks.
    """
    found, left_fen = [], most_fen
    for source in (await session.execute(_SOURCES, {"payment": payment_id})).all():
        if source.never_credited:
            fen, over, whole = min(left_fen, source.left_fen), Spread((), {}, {}), False
        else:
            left = await own_left(session, source.order_id)
            fen = min(left_fen, left.fen)
            over = spread(left, fen) if fen else Spread((), {}, {})
            whole = fen == left.fen and left.whole
        if fen > 0:
            found.append(Stands(source.id, source.order_id, fen, over, whole))
            left_fen -= fen
    return found
