"""What leaves an order again, at the lowest level: fen, grams, pieces and freight that a refund or a reduction takes.

The tables' CHECKs hold besides: never more leaves than there is, and never more comes back than had left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, text

from shop.core.database import WriteSession
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Leaving:
    """Fen, grams and milli-pieces of one component; negative: they come back."""

    component_id: UUID
    fen: int
    grams: int
    quantity_milli: int


_PARTS: Final = """(SELECT component_id, sum(fen)::bigint AS fen, sum(grams)::bigint AS grams,
    sum(quantity_milli)::bigint AS milli FROM jsonb_to_recordset(CAST(:parts AS jsonb))
    AS r(component_id uuid, fen bigint, grams bigint, quantity_milli bigint) GROUP BY 1) g"""
_TAKE: Final = text(f"""
UPDATE share_component c SET refunded_fen = c.refunded_fen + g.fen, refunded_grams = c.refunded_grams + g.grams,
    refunded_milli = c.refunded_milli + g.milli
FROM {_PARTS} WHERE c.id = g.component_id
""")  # noqa: S608  # our own constant
_PASS_ON: Final = text(f"""
UPDATE share_component c SET net_fen = c.net_fen - g.fen, grams = c.grams - g.grams,
    quantity_milli = c.quantity_milli - g.milli
FROM {_PARTS} WHERE c.id = g.component_id
""")  # noqa: S608  # our own constant
_IDS: Final = bindparam("ids", type_=ARRAY(Uuid))
_AMOUNTS: Final = bindparam("amounts", type_=ARRAY(BigInteger))
_PIECES: Final = text("""
UPDATE order_line l SET refunded_quantity = refunded_quantity + r.pieces FROM unnest(:ids, :amounts) AS r(id, pieces)
WHERE l.id = r.id
""").bindparams(_IDS, _AMOUNTS)
_FREIGHT: Final = text("""
UPDATE parcel p SET refunded_freight_fen = refunded_freight_fen + r.fen FROM unnest(:ids, :amounts) AS r(id, fen)
WHERE p.id = r.id
""").bindparams(_IDS, _AMOUNTS)


async def take_out(
    session: WriteSession,
    *,
    parts: Iterable[Leaving],
    pieces: Mapping[UUID, int],
    freight: Mapping[UUID, int] | None = None,
) -> None:
    """pieces: line → whole pieces; freight: parcel → fen. The caller holds the order's lock."""
    rows = [one for one in parts if one.fen or one.grams or one.quantity_milli]
    if rows:
        await session.execute(_TAKE, {"parts": as_rows(rows)})
    for statement, amounts in ((_PIECES, pieces), (_FREIGHT, freight or {})):
        if some := {key: amount for key, amount in amounts.items() if amount}:
            await session.execute(statement, {"ids": list(some), "amounts": list(some.values())})


async def pass_on(session: WriteSession, *, parts: Iterable[Leaving]) -> None:
    """These parts are another payer's from now on: they leave their components, and `add_share` writes his."""
    await session.execute(_PASS_ON, {"parts": as_rows(parts)})
