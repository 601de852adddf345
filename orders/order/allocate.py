"""Where the pieces of an order go, and whose they are: what of it still changes before it is accepted."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, text

from shop.core.database import WriteSession

_DELIVERIES: Final = bindparam("deliveries", type_=ARRAY(Uuid))
_PASS: Final = text("""
WITH moved AS (
    SELECT * FROM unnest(:deliveries, :pieces) AS r(delivery_id, pieces)
), emptied AS (
    DELETE FROM allocation a USING moved m WHERE a.delivery_id = m.delivery_id AND a.line_id = :line
        AND a.payer_share_id = :from_share AND m.pieces = a.pieces
), lowered AS (
    UPDATE allocation a SET pieces = a.pieces - m.pieces FROM moved m WHERE a.delivery_id = m.delivery_id
        AND a.line_id = :line AND a.payer_share_id = :from_share AND m.pieces <> a.pieces
)
INSERT INTO allocation (delivery_id, line_id, payer_share_id, pieces)
SELECT delivery_id, :line, :to_share, pieces FROM moved
ON CONFLICT (delivery_id, line_id, payer_share_id) DO UPDATE SET pieces = allocation.pieces + excluded.pieces
""").bindparams(_DELIVERIES, bindparam("pieces", type_=ARRAY(BigInteger)))
_DROP: Final = text("""
DELETE FROM allocation a USING unnest(:deliveries, :lines) AS r(delivery_id, line_id)
WHERE (a.delivery_id, a.line_id) = (r.delivery_id, r.line_id)
""").bindparams(_DELIVERIES, bindparam("lines", type_=ARRAY(Uuid)))
# A parcel that nothing is left for is not sent, and costs nobody anything.
_DROP_EMPTY: Final = text("""
WITH empty AS (
    SELECT p.id FROM parcel p WHERE p.order_id = :order AND NOT EXISTS (
        SELECT FROM allocation a JOIN order_line l ON l.id = a.line_id
        WHERE a.delivery_id = p.delivery_id AND l.supplier_id = p.supplier_id)
), free AS (
    DELETE FROM freight_share f USING empty e WHERE f.parcel_id = e.id RETURNING f.payer_share_id, f.fen
), dropped AS (
    DELETE FROM parcel p USING empty e WHERE p.id = e.id
)
SELECT payer_share_id, sum(fen)::bigint AS fen FROM free GROUP BY 1
""")
_NO_FREIGHT: Final = text("""
WITH parcels AS (
    UPDATE parcel SET freight_fen = 0, refunded_freight_fen = 0 WHERE order_id = :order
), free AS (
    UPDATE freight_share f SET fen = 0 FROM parcel p, (SELECT parcel_id, payer_share_id, fen FROM freight_share) b
    WHERE p.id = f.parcel_id AND p.order_id = :order AND b.parcel_id = f.parcel_id
        AND b.payer_share_id = f.payer_share_id
    RETURNING f.payer_share_id, b.fen
)
SELECT payer_share_id, sum(fen)::bigint AS fen FROM free GROUP BY 1
""")


async def pass_pieces(
    session: WriteSession, *, line_id: UUID, from_share: UUID, to_share: UUID, pieces: Mapping[UUID, int]
) -> None:
    """Pieces of a line are another payer's. pieces: delivery → how many, at most what the first one has there."""
    named = {"line": line_id, "from_share": from_share, "to_share": to_share}
    await session.execute(_PASS, named | {"deliveries": list(pieces), "pieces": list(pieces.values())})


async def drop_pieces(session: WriteSession, *, places: Collection[tuple[UUID, UUID]]) -> None:
    """Nothing of these lines goes to these deliveries any more. places: (delivery, line)."""
    deliveries, lines = [place[0] for place in places], [place[1] for place in places]
    await session.execute(_DROP, {"deliveries": deliveries, "lines": lines})


async def drop_empty_parcels(session: WriteSession, *, order_id: UUID) -> dict[UUID, int]:
    """Parcels that nothing is left for are not sent. Payer share → fen of freight that he no longer bears."""
    return {row.payer_share_id: row.fen for row in await session.execute(_DROP_EMPTY, {"order": order_id})}


async def drop_freight(session: WriteSession, *, order_id: UUID) -> dict[UUID, int]:
    """Nothing of the order is sent. Payer share → fen of freight that he no longer bears."""
    return {row.payer_share_id: row.fen for row in await session.execute(_NO_FREIGHT, {"order": order_id})}
