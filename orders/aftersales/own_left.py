"""What the buyer's own money still pays of an order: the most that a provider or a bank can take back of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.reserve import LineLeft, what_is_left
from orders.aftersales.rules import Part, Remaining, of_amount, of_everything
from shop.core.database import WriteSession

_OF_ALLOWANCES = text("""
SELECT s.id FROM line_share s JOIN order_line l ON l.id = s.line_id
WHERE l.order_id = :order AND s.payer_kind = 'allowance'
""")
FREIGHT_LEFT = text("""
SELECT id, freight_fen - refunded_freight_fen AS fen FROM parcel
WHERE order_id = :order AND freight_fen > refunded_freight_fen ORDER BY id
""")


@dataclass(frozen=True, slots=True)
class OwnLeft:
    """parts: components that own money pays; freight: parcel → fen; lines: all of them, with the pieces left.

    whole: no allowance pays a part, so that what is left of the parts is what is left of the goods.
    """

    parts: Sequence[Remaining]
    freight: Mapping[UUID, int]
    lines: Sequence[LineLeft]
    whole: bool

    @property
    def goods_fen(self) -> int:
        return sum(part.fen for part in self.parts)

    @property
    def fen(self) -> int:
        return self.goods_fen + sum(self.freight.values())


@dataclass(frozen=True, slots=True)
class Spread:
    """An amount over what is left. lines: pieces, where it is everything."""

    parts: Sequence[Part]
    freight: Mapping[UUID, int]
    lines: Mapping[UUID, int]


async def own_left(session: WriteSession, order_id: UUID) -> OwnLeft:
    """The caller holds the order's lock."""
    others = set(await session.scalars(_OF_ALLOWANCES, {"order": order_id}))
    lines = await what_is_left(session, order_id)
    freight = {row.id: row.fen for row in await session.execute(FREIGHT_LEFT, {"order": order_id})}
    parts = [part for line in lines for part in line.parts if part.share_id not in others]
    return OwnLeft(parts, freight, lines, not others)


def spread(left: OwnLeft, amount_fen: int) -> Spread:
    """1 … what is left: goods first, then freight. Everything takes the pieces along; a part is an amount only."""
    if amount_fen == left.fen and left.whole:
        pieces = {line.line_id: line.pieces for line in left.lines if line.pieces}
        return Spread(of_everything(left.parts), left.freight, pieces)
    goods_fen = min(amount_fen, left.goods_fen)
    parts = of_amount(left.parts, amount_fen=goods_fen) if goods_fen else []
    freight, rest_fen = {}, amount_fen - goods_fen
    for parcel_id, fen in left.freight.items():
        if taken := min(fen, rest_fen):
            freight[parcel_id] = taken
            rest_fen -= taken
    return Spread(parts, freight, {})
