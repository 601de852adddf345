"""Pieces arrive in the barn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Arrived:
    """pieces ≥ 1. reference: what brought them, e.g. `import:{batch}:{row}`; the same one never counts twice."""

    sku_id: UUID
    pieces: int
    reference: str


# The movement first: where it was already written, nothing is added. Rows in SKU order, so that two never deadlock.
_RECEIVE = text("""
WITH moved AS (
    INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, actor_id, at)
    SELECT id, sku_id, 'received', pieces, reference, :actor_id, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, sku_id uuid, pieces bigint, reference text)
    ORDER BY sku_id, reference
    ON CONFLICT (reference, sku_id, kind) DO NOTHING
    RETURNING sku_id, pieces
)
INSERT INTO stock_item AS item (sku_id, on_hand_pieces, held_pieces)
SELECT sku_id, sum(pieces), 0 FROM moved GROUP BY sku_id ORDER BY sku_id
ON CONFLICT (sku_id) DO UPDATE SET on_hand_pieces = item.on_hand_pieces + excluded.on_hand_pieces
RETURNING sku_id
""")


async def receive(
    session: WriteSession, *, actor_id: UUID | None, arrived: Sequence[Arrived], now: datetime
) -> list[UUID]:
    """Write the movements and add the pieces, in one statement; the SKUs that got more. Repeating it is harmless."""
    rows = as_rows(msgspec.to_builtins(one) | {"id": str(new_id())} for one in arrived)
    return list((await session.execute(_RECEIVE, {"rows": rows, "actor_id": actor_id, "now": now})).scalars())
