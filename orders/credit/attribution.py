"""The one way in which the facts of a sale are frozen: a typed row for each origin of each payer's part."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core.database import WriteSession


class AttributionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `attribution` as it is first written. No fact has a default: whoever sells says each of them.

    id: the share component's. unit_path: the credited unit and all above it then. not_counted_reason None: counted.
    """

    id: UUID
    order_line_id: UUID
    order_id: UUID
    person_id: UUID | None
    credit_kind: str
    buyer_kind: str
    unit_id: UUID | None
    unit_name: str | None
    unit_path: list[UUID]
    union_id: UUID | None
    fund_source: str
    channel: str
    campaign_id: UUID | None
    county_code: str | None
    county_name: str | None
    province: str | None
    made_county_code: str | None
    designations: list[str]
    pairing_unit_ids: list[UUID]
    producer_id: UUID
    producer_name: str
    supplier_id: UUID
    supplier_name: str
    product_id: UUID
    category: str
    recognition_number: str | None
    rule_id: UUID | None
    counted: bool
    not_counted_reason: str | None
    placed_on: date


_COLUMNS: Final = ", ".join(AttributionRow.__struct_fields__)
INSERT: Final = f"""
INSERT INTO attribution ({_COLUMNS})
SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::attribution, {{attributions}}) RETURNING 1
"""  # noqa: S608  # our own words
"""A step of a statement. {attributions}: the rows as jsonb."""
_INSERT: Final = text(INSERT.format(attributions="CAST(:rows AS jsonb)"))


async def freeze(session: WriteSession, rows: Sequence[AttributionRow]) -> None:
    """For sales that are no order of ours. An order's rows are written with it (`orders/order/write.py`)."""
    if rows:
        await session.execute(_INSERT, {"rows": msgspec.json.encode(rows).decode()})
