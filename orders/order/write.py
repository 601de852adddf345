"""The only writer of an order, with its deliveries, parcels, lines, shares, components and attributions.

Two ways, the same rows: `write` copies them table by table in the caller's transaction, thousands at a time; a shop
order is one statement (`orders/checkout/place.py`), of which `INSERTS` is the order's part.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text

from orders.credit import attribution
from orders.credit.attribution import AttributionRow
from orders.order.rows import (
    AllocationRow,
    ComponentRow,
    DeliveryRow,
    DutyRow,
    FreightShareRow,
    LineRow,
    LineShareRow,
    OrderRow,
    OrderRows,
    ParcelRow,
    PayerShareRow,
)
from shop.core.database import WriteSession


class _Event(msgspec.Struct, frozen=True):
    order_id: UUID
    state: str
    at: datetime
    actor_id: UUID


_ROWS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "shop_order": OrderRow,
    "order_event": _Event,
    "delivery": DeliveryRow,
    "parcel": ParcelRow,
    "payer_share": PayerShareRow,
    "freight_share": FreightShareRow,
    "order_line": LineRow,
    "allocation": AllocationRow,
    "line_share": LineShareRow,
    "attribution": AttributionRow,
    "share_component": ComponentRow,
    "acceptance_duty": DutyRow,
}
"""Tables in the order in which rows refer to each other."""


def _insert(table: str, rows: str) -> str:
    columns = ", ".join(_ROWS[table].__struct_fields__)
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, {rows})"  # noqa: S608


def _line_columns(prefix: str, price_id: str) -> str:
    return ", ".join(price_id if name == "price_id" else prefix + name for name in LineRow.__struct_fields__)


INSERTS: Final = f"""
ordered AS (
    {_insert("shop_order", "{order}")} RETURNING id, state, placed_at, buyer_id
), noted AS (
    INSERT INTO order_event (order_id, state, at, actor_id) SELECT id, state, placed_at, buyer_id FROM ordered
), delivered AS (
    {_insert("delivery", "{deliveries}")}
), packed AS (
    {_insert("parcel", "{parcels}")}
), lined AS (
    INSERT INTO order_line ({_line_columns("", "price_id")})
    SELECT {_line_columns("r.", "{price_id}")} FROM jsonb_populate_recordset(NULL::order_line, {{lines}}) r
    RETURNING 1
), shared AS (
    {_insert("line_share", "{line_shares}")}
), frozen AS ({attribution.INSERT}
), divided AS (
    {_insert("share_component", "{components}")} RETURNING 1
)
"""  # noqa: S608  # our own words
"""Steps of one statement that writes a shop order. Each of PARTS is to be replaced by its rows as jsonb, {{price_id}}
by an expression over a line `r`: where it is NULL, nothing is written. `ordered` has the order; `lined`, `frozen` and
`divided` a row for each row.
"""
PARTS: Final = ("order", "deliveries", "parcels", "lines", "line_shares", "attributions", "components")
"""Of `OrderRows`, what a shop order has."""


def as_json(rows: OrderRows) -> dict[str, str]:
    """Each of PARTS as the JSON text of its rows."""
    given: dict[str, Sequence[msgspec.Struct]] = {
        "order": [rows.order],
        "deliveries": rows.deliveries,
        "parcels": rows.parcels,
        "lines": rows.lines,
        "line_shares": rows.line_shares,
        "attributions": rows.attributions,
        "components": rows.components,
    }
    return {part: msgspec.json.encode(given[part]).decode() for part in PARTS}


async def write(session: WriteSession, rows: OrderRows) -> None:
    """In the transaction of the session. Events say the states that the order begins with.

    Raises asyncpg's errors: a second order under a key breaks `uq_shop_order_buyer_id_idempotency_key`.
    """
    order = rows.order
    await _copy(
        session,
        {
            "shop_order": [order],
            "order_event": [
                _Event(order.id, state, order.placed_at, order.buyer_id) for state in (*rows.through, order.state)
            ],
            "delivery": rows.deliveries,
            "parcel": rows.parcels,
            "payer_share": rows.payer_shares,
            "freight_share": rows.freight_shares,
            "order_line": rows.lines,
            "allocation": rows.allocations,
            "line_share": rows.line_shares,
            "attribution": rows.attributions,
            "share_component": rows.components,
            "acceptance_duty": [rows.duty] if rows.duty else [],
        },
    )


async def add_share(
    session: WriteSession,
    share: LineShareRow,
    attributions: Sequence[AttributionRow],
    components: Sequence[ComponentRow],
) -> None:
    """A further payer of a line, with what left another one: the line's sums are the caller's care."""
    await _copy(session, {"line_share": [share], "attribution": attributions, "share_component": components})


async def driver_of(session: WriteSession) -> asyncpg.Connection:
    """The driver's own connection under the session, inside its transaction."""
    await session.execute(_BEGUN)  # the toolkit opens the transaction with the first statement
    raw: Any = await (await session.connection()).get_raw_connection()
    connection: asyncpg.Connection = raw.driver_connection
    return connection


_BEGUN: Final = text("SELECT 1")


async def _copy(session: WriteSession, rows: Mapping[str, Sequence[msgspec.Struct]]) -> None:
    connection = await driver_of(session)
    for table, columns in _ROWS.items():
        if records := [msgspec.structs.astuple(row) for row in rows.get(table, ())]:
            await connection.copy_records_to_table(table, records=records, columns=columns.__struct_fields__)
