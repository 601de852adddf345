"""What remains of a component's credit: under which facts, in which grade, of which day's sale."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from shop.core.database import ReadSession, WriteSession

Grade = Literal["A", "B", "C", "D"]


@dataclass(frozen=True, slots=True)
class Remaining:
    """Sums in fen, grams and milli-pieces, not all of them 0. entry_id: the newest entry that put something there.

    first_on, landed_on: the first and the last business day on which something was put there.
    """

    component_id: UUID
    attribution_id: UUID
    grade: Grade
    sale_on: date
    amount_fen: int
    grams: int
    quantity_milli: int
    entry_id: UUID | None
    first_on: date | None
    landed_on: date | None


_COMPONENTS = bindparam("components", type_=ARRAY(Uuid))
# Who takes back, lifts or corrects reads what remains and then writes: one at a time for a component.
_LOCK = text("""
SELECT pg_advisory_xact_lock(hashtextextended('credit:' || c.id, 0)) FROM (
    SELECT id::text FROM unnest(:components) AS id ORDER BY id) c
""").bindparams(_COMPONENTS)
_PUTS = "kind IN ('sale', 'repost', 'regrade_in', 'refund_undone')"
_STANDING = text(f"""
SELECT component_id, coalesce(attribution_id, component_id) AS attribution_id, grade, sale_on,
    sum(amount_fen)::bigint AS amount_fen, sum(grams)::bigint AS grams, sum(quantity_milli)::bigint AS quantity_milli,
    (array_agg(id ORDER BY recorded_at DESC, id DESC) FILTER (WHERE {_PUTS}))[1] AS entry_id,
    min(occurred_on) FILTER (WHERE {_PUTS}) AS first_on, max(occurred_on) FILTER (WHERE {_PUTS}) AS landed_on
FROM credit_entry
WHERE order_line_id = ANY(ARRAY(SELECT order_line_id FROM attribution WHERE id = ANY(:components)))
    AND component_id = ANY(:components)
GROUP BY 1, 2, 3, 4
HAVING sum(amount_fen) <> 0 OR sum(grams) <> 0 OR sum(quantity_milli) <> 0
ORDER BY component_id, sale_on, grade, 2
""").bindparams(_COMPONENTS)  # noqa: S608  # our own constant


async def locked(session: WriteSession, component_ids: Collection[UUID]) -> None:
    """Nobody else changes what remains of these before the transaction ends. In sorted order, so nobody rings."""
    await session.execute(_LOCK, {"components": list(component_ids)})


async def remaining_of(session: ReadSession, component_ids: Collection[UUID]) -> list[Remaining]:
    """By component, day of sale and grade; nothing for what was given back whole."""
    found = await session.execute(_STANDING, {"components": list(component_ids)})
    return [Remaining(**row) for row in found.mappings()]
