"""Whose each piece is: goods that had not left the barn can be sold again, and an order may come to own them again.

`refund_goods` says what of a refund lies in the barn. A cancelled order owns nothing: all its pieces lie there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Row, Uuid, bindparam, text

from catalog.stock import moving
from shop.core.database import WriteSession

# Shares of several payers may cut a piece in thousandths; together they are whole pieces again. No refund puts back
# more than what the order still owns.
_PIECES = text("""
WITH owned AS (
    SELECT c.stock_sku_id, round(sum(c.quantity_milli) / 1000.0)::bigint - coalesce((SELECT sum(g.pieces)
        FROM refund_goods g JOIN refund r ON r.id = g.refund_id
        WHERE r.order_id = c.order_id AND g.stock_sku_id = c.stock_sku_id), 0)::bigint AS pieces
    FROM share_component c WHERE c.order_id = (SELECT order_id FROM refund WHERE id = :refund)
    GROUP BY c.order_id, c.stock_sku_id
), returned AS (
    SELECT c.stock_sku_id, round(sum(p.quantity_milli) / 1000.0)::bigint AS pieces
    FROM refund_part p JOIN share_component c ON c.id = p.component_id WHERE p.refund_id = :refund GROUP BY 1
)
SELECT r.stock_sku_id, least(r.pieces, o.pieces) AS pieces FROM returned r JOIN owned o USING (stock_sku_id)
""")
_REST = text("""
SELECT c.stock_sku_id, round(sum(c.quantity_milli) / 1000.0)::bigint - coalesce((SELECT sum(g.pieces)
    FROM refund_goods g JOIN refund r ON r.id = g.refund_id
    WHERE r.order_id = c.order_id AND g.stock_sku_id = c.stock_sku_id), 0)::bigint AS pieces
FROM share_component c WHERE c.order_id = :order GROUP BY c.order_id, c.stock_sku_id
""")
_NOT_SENT = text(
    "SELECT o.state = 'confirmed' FROM shop_order o JOIN refund r ON r.order_id = o.id WHERE r.id = :refund"
)
_PUT_BACK = text("""
INSERT INTO refund_goods (refund_id, stock_sku_id, pieces)
SELECT :refund, sku_id, pieces FROM unnest(:skus, :pieces) AS r(sku_id, pieces)
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)), bindparam("pieces", type_=ARRAY(BigInteger)))
_IN_THE_BARN = text("SELECT stock_sku_id, pieces FROM refund_goods WHERE refund_id = :refund AND pieces > 0")
_OWNED_AGAIN = text("""
UPDATE refund_goods g SET pieces = g.pieces - r.pieces FROM unnest(:skus, :pieces) AS r(sku_id, pieces)
WHERE g.refund_id = :refund AND g.stock_sku_id = r.sku_id
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)), bindparam("pieces", type_=ARRAY(BigInteger)))


async def restock(session: WriteSession, refund_id: UUID, *, now: datetime) -> None:
    """A refund of an order that was not sent succeeded: its pieces lie in the barn, once. Else nothing moves: of a
    cancelled order they came back when it was cancelled, and what was sent has left.
    """
    if not await session.scalar(_NOT_SENT, {"refund": refund_id}):
        return
    pieces = _counted((await session.execute(_PIECES, {"refund": refund_id})).all())
    if pieces:
        named = {"refund": refund_id, "skus": list(pieces), "pieces": list(pieces.values())}
        await session.execute(_PUT_BACK, named)
        await moving.take_back(session, reference=f"refund:{refund_id}", pieces=pieces, now=now)


async def restock_rest(session: WriteSession, order_id: UUID, *, now: datetime) -> None:
    """The whole order is cancelled: everything that does not lie in the barn yet goes there, once, whatever refunds
    of it are still on their way.
    """
    pieces = _counted((await session.execute(_REST, {"order": order_id})).all())
    await moving.take_back(session, reference=f"cancel:{order_id}", pieces=pieces, now=now)


async def own_again(session: WriteSession, refund_id: UUID, *, now: datetime) -> None:
    """A refund that had succeeded failed: an order that is still to be sent owns its pieces again, as many as are
    free. What others have bought meanwhile stays theirs, and the order has that much less.
    """
    if not await session.scalar(_NOT_SENT, {"refund": refund_id}):
        return
    requested = _counted((await session.execute(_IN_THE_BARN, {"refund": refund_id})).all())
    taken = await moving.sell_again(session, reference=f"refund_undone:{refund_id}", pieces=requested, now=now)
    if taken:
        named = {"refund": refund_id, "skus": list(taken), "pieces": list(taken.values())}
        await session.execute(_OWNED_AGAIN, named)


def _counted(rows: Sequence[Row[Any]]) -> dict[UUID, int]:
    return {row.stock_sku_id: row.pieces for row in rows if row.pieces > 0}
