"""A refund is asked for: one row, and what it takes of components, lines and parcels, fixed from then on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core.database import WriteSession

Kind = Literal["lines", "amount", "cancel", "late_payment", "kept_advance", "dispute", "adopted"]
FIRST_CHECK: Final = timedelta(minutes=1)


class RefundRow(msgspec.Struct, frozen=True, kw_only=True):
    """Of `amount_fen`, `allowance_fen` returns to allowances. check_at: when the provider is asked about it first."""

    id: UUID
    payment_id: UUID
    order_id: UUID
    kind: Kind
    amount_fen: int
    allowance_fen: int
    currency: str
    reason: str
    requested_by: UUID | None
    idempotency_key: str | None
    requested_at: datetime
    check_at: datetime
    dispute_id: UUID | None
    retries_id: UUID | None
    state: Literal["requested"] = "requested"


class RefundPartRow(msgspec.Struct, frozen=True):
    """Fen, grams and milli-pieces of one share component."""

    component_id: UUID
    fen: int
    grams: int
    quantity_milli: int


class RefundLineRow(msgspec.Struct, frozen=True):
    """Whole pieces of one line."""

    line_id: UUID
    quantity: int


class RefundFreightRow(msgspec.Struct, frozen=True):
    parcel_id: UUID
    fen: int


class RefundRows(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one new refund."""

    refund: RefundRow
    parts: Sequence[RefundPartRow]
    lines: Sequence[RefundLineRow]
    freight: Sequence[RefundFreightRow]


_COLUMNS: Final = ", ".join(RefundRow.__struct_fields__)
_ASK: Final = text(f"""
WITH doc AS (SELECT CAST(:document AS jsonb) AS d), asked AS (
    INSERT INTO refund ({_COLUMNS})
    SELECT {_COLUMNS} FROM doc, jsonb_populate_record(NULL::refund, d->'refund') r RETURNING id
), parts AS (
    INSERT INTO refund_part (refund_id, component_id, fen, grams, quantity_milli)
    SELECT a.id, r.component_id, r.fen, r.grams, r.quantity_milli
    FROM asked a, doc, jsonb_populate_recordset(NULL::refund_part, d->'parts') r
), lines AS (
    INSERT INTO refund_line (refund_id, line_id, quantity) SELECT a.id, r.line_id, r.quantity
    FROM asked a, doc, jsonb_populate_recordset(NULL::refund_line, d->'lines') r
)
INSERT INTO refund_freight (refund_id, parcel_id, fen) SELECT a.id, r.parcel_id, r.fen
FROM asked a, doc, jsonb_populate_recordset(NULL::refund_freight, d->'freight') r
""")  # noqa: S608  # our own words


async def ask_refund(session: WriteSession, rows: RefundRows) -> None:
    """The caller holds the order's lock, and takes the same out of the order. Raises the database's own errors: one
    refund a key of its asker, one that repeats another.
    """
    await session.execute(_ASK, {"document": msgspec.json.encode(rows).decode()})
