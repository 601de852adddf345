"""Write credit: the one door through which every yuan of the figure comes, shop sales and imported sales alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.credit.models import Attribution
from shop.core.database import WriteSession
from shop.core.ids import new_id

Grade = Literal["A", "B", "C", "D"]


@dataclass(frozen=True, slots=True)
class Recognised:
    """One share component became a sale, or a part of it was given back.

    cause_id: the payment, acceptance or refund. Amounts in fen, grams and milli-pieces; negative for refunds.
    occurred_on: the business day it counts on; sale_on: the day of the original sale.
    """

    kind: Literal["sale", "refund"]
    cause_id: UUID
    component_id: UUID
    amount_fen: int
    grams: int
    quantity_milli: int
    occurred_on: date
    sale_on: date
    grade: Grade


# The frozen facts are copied, never looked up again: they are the columns that both tables share.
_FROZEN = [name for name in Attribution.model_fields if name not in {"id", "order_line_id", "order_id", "placed_on"}]

_RECORD = text(
    f"""
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, kind text, cause_id uuid, component_id uuid, amount_fen bigint, grams bigint, quantity_milli bigint,
        occurred_on date, sale_on date, grade text)
), fresh AS (
    INSERT INTO credit_source (kind, cause_id, component_id)
    SELECT kind, cause_id, component_id FROM wanted ORDER BY kind, cause_id, component_id
    ON CONFLICT DO NOTHING
    RETURNING kind, cause_id, component_id
), entered AS (
    INSERT INTO credit_entry (
        id, period_month, kind, cause_id, component_id, order_line_id, order_id, amount_fen, quantity_milli, grams,
        occurred_on, sale_on, recorded_at, grade, {", ".join(_FROZEN)})
    SELECT w.id, (extract(year FROM w.occurred_on) * 100 + extract(month FROM w.occurred_on))::int,
        w.kind, w.cause_id, w.component_id, a.order_line_id, a.order_id, w.amount_fen, w.quantity_milli, w.grams,
        w.occurred_on, w.sale_on, :now, w.grade, {", ".join("a." + name for name in _FROZEN)}
    FROM wanted w
    JOIN fresh USING (kind, cause_id, component_id)
    JOIN attribution a ON a.id = w.component_id
    RETURNING unit_path, period_month, county_code, county_name, province, credit_kind, counted, grade,
        not_counted_reason, kind, amount_fen, quantity_milli, grams
), changed AS (
    INSERT INTO credit_delta (id, top_unit_id, period_month, county_code, county_name, province, credit_kind, standing,
        sale_fen, refund_fen, quantity_milli, grams)
    SELECT gen_random_uuid(), coalesce(unit_path[array_upper(unit_path, 1)], '00000000-0000-0000-0000-000000000000'),
        period_month, county_code, county_name, province, credit_kind,
        CASE WHEN NOT counted THEN not_counted_reason WHEN grade = 'D' THEN 'unverified' ELSE 'headline' END,
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'sale'), 0),
        coalesce(sum(amount_fen) FILTER (WHERE kind = 'refund'), 0), sum(quantity_milli), sum(grams)
    FROM entered GROUP BY 2, 3, 4, 5, 6, 7, 8
)
SELECT count(*) FROM entered
"""  # noqa: S608  # only names of our own columns are put in
)


async def record(session: WriteSession, rows: Sequence[Recognised], *, now: datetime) -> int:
    """Enter sales and refunds, each once; returns how many were new.

    A (kind, cause, component) that was entered before is success and writes nothing. The rollup's deltas are
    appended in the same statement, so figures and entries can never be committed apart.
    """
    if not rows:
        return 0
    document = [
        {
            "id": new_id(),
            "kind": row.kind,
            "cause_id": row.cause_id,
            "component_id": row.component_id,
            "amount_fen": row.amount_fen,
            "grams": row.grams,
            "quantity_milli": row.quantity_milli,
            "occurred_on": row.occurred_on,
            "sale_on": row.sale_on,
            "grade": row.grade,
        }
        for row in rows
    ]
    entered = await session.execute(_RECORD, {"rows": msgspec.json.encode(document).decode(), "now": now})
    written: int = entered.scalar_one()
    return written
