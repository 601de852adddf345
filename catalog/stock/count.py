"""Somebody counted the barn: the books follow, and the difference is a movement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows


class CountBelowHeld(Problem):
    """Fewer pieces were counted than are promised to orders. Nothing was saved."""

    status = 409
    code = "count_below_held"
    title = "盘点数少于已被订单占用的数量"


@dataclass(frozen=True, slots=True)
class Counted:
    """pieces ≥ 0 found in the barn. reference: which count it was; the same one never counts twice."""

    sku_id: UUID
    pieces: int
    reference: str


# Missing rows first, then the lock in SKU order; what others sell meanwhile waits, and is not lost.
_ROWS = text("""
INSERT INTO stock_item (sku_id, on_hand_pieces, held_pieces)
SELECT DISTINCT sku_id, 0, 0 FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(sku_id uuid) ORDER BY sku_id
ON CONFLICT DO NOTHING
""")
_LOCK = text("""
SELECT sku_id, held_pieces FROM stock_item WHERE sku_id = ANY(:skus) ORDER BY sku_id FOR NO KEY UPDATE
""")
_COUNT = text("""
WITH moved AS (
    INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, actor_id, at)
    SELECT r.id, r.sku_id, 'counted', r.pieces - i.on_hand_pieces, r.reference, :actor_id, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, sku_id uuid, pieces bigint, reference text)
    JOIN stock_item i USING (sku_id)
    WHERE r.pieces <> i.on_hand_pieces
    ON CONFLICT (reference, sku_id, kind) DO NOTHING
    RETURNING sku_id, pieces
)
UPDATE stock_item SET on_hand_pieces = on_hand_pieces + moved.pieces
FROM moved WHERE moved.sku_id = stock_item.sku_id AND held_pieces <= on_hand_pieces + moved.pieces
RETURNING stock_item.sku_id
""")


async def count(
    session: WriteSession, *, actor_id: UUID | None, counted: Sequence[Counted], now: datetime
) -> list[UUID]:
    """Set what is on hand to what was found; the SKUs whose figure changed. Each SKU once a call.

    Raises CountBelowHeld with pointers `/{row}/pieces`; the caller's transaction is then rolled back.
    """
    if len({one.sku_id for one in counted}) < len(counted):
        raise ValueError("a SKU was counted twice in one call: which figure holds?")
    rows = as_rows(msgspec.to_builtins(one) | {"id": str(new_id())} for one in counted)
    await session.execute(_ROWS, {"rows": rows})
    locked = await session.execute(_LOCK, {"skus": sorted({one.sku_id for one in counted})})
    held = {row.sku_id: row.held_pieces for row in locked}
    short = [
        Detail(f"/{i}/pieces", CountBelowHeld.code, f"已有 {held[one.sku_id]} 件被订单占用，盘点数不能少于它")
        for i, one in enumerate(counted)
        if one.pieces < held[one.sku_id]
    ]
    if short:
        raise CountBelowHeld("请先取消或发出占用这些库存的订单，再盘点。", short)
    return list((await session.execute(_COUNT, {"rows": rows, "actor_id": actor_id, "now": now})).scalars())
