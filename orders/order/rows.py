"""The rows of a new order, typed: what a writer leaves out is an error of types, before it is one of figures.

A value that every order begins with has it as its default; a fact has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec

from orders.credit.attribution import AttributionRow


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    number: str
    buyer_id: UUID
    person_id: UUID
    idempotency_key: str
    state: str
    payment_state: str
    fund_source: str
    unit_id: UUID | None
    unit_name: str | None
    placed_at: datetime
    expires_at: datetime


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    order_id: UUID
    position: int
    name: str | None
    phone: str | None
    region_code: str
    street: str | None
    postcode: str | None


class ParcelRow(msgspec.Struct, frozen=True, kw_only=True):
    """freight_fen: what it costs; nothing of it is refunded yet."""

    id: UUID
    order_id: UUID
    delivery_id: UUID
    supplier_id: UUID
    supplier_name: str
    freight_fen: int
    refunded_freight_fen: int = 0


class LineRow(msgspec.Struct, frozen=True, kw_only=True):
    """weighed_milli: of goods by weight, how much of the priced weight unit; None for whole pieces.

    price_id: the price that held; None is refused by the database.
    """

    id: UUID
    order_id: UUID
    position: int
    sku_id: UUID
    product_id: UUID
    supplier_id: UUID
    price_id: UUID | None
    title: str
    spec: str
    quantity: int
    unit_price_fen: int
    weighed_milli: int | None
    refunded_quantity: int = 0


class PayerShareRow(msgspec.Struct, frozen=True, kw_only=True):
    """due_fen: goods and freight of this payer. payment_state: unpaid, or paid where nothing is due."""

    id: UUID
    order_id: UUID
    position: int
    payer_kind: str
    payer_id: UUID
    payer_name: str
    unit_id: UUID | None
    is_spare: bool
    owns_pieces: bool
    fund_source: str
    transfer_code: str
    invoice_title: str
    tax_number: str | None
    terms: str
    due_fen: int
    payment_state: str
    due_on: date | None
    created_at: datetime
    paid_fen: int = 0
    unproven_fen: int = 0


class LineShareRow(msgspec.Struct, frozen=True, kw_only=True):
    """payer_kind: own, allowance or branch. payer_id: of an allowance or a branch's payer share."""

    id: UUID
    line_id: UUID
    position: int
    payer_kind: str
    payer_id: UUID | None
    fund_source: str


class ComponentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payer's part of one origin's part of a line: fen, grams, milli-pieces."""

    id: UUID
    share_id: UUID
    line_id: UUID
    order_id: UUID
    position: int
    stock_sku_id: UUID
    quantity_milli: int
    grams: int
    net_fen: int
    vat_basis_points: int
    refunded_fen: int = 0
    refunded_grams: int = 0
    refunded_milli: int = 0


class AllocationRow(msgspec.Struct, frozen=True, kw_only=True):
    """quantity_milli: of weighed goods, where they are no whole pieces."""

    delivery_id: UUID
    line_id: UUID
    payer_share_id: UUID
    pieces: int
    quantity_milli: int | None


class FreightShareRow(msgspec.Struct, frozen=True, kw_only=True):
    parcel_id: UUID
    payer_share_id: UUID
    fen: int


class DutyRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked for an order that two other people accept, and who approved it."""

    order_id: UUID
    requester_id: UUID
    approver_id: UUID


@dataclass(frozen=True, slots=True)
class OrderRows:
    """Everything of one new order. Payer shares, allocations, freight shares and duty: of orders that are accepted.

    through: states that it passed at once, before the one in which it begins.
    """

    order: OrderRow
    deliveries: Sequence[DeliveryRow]
    parcels: Sequence[ParcelRow]
    lines: Sequence[LineRow]
    line_shares: Sequence[LineShareRow]
    attributions: Sequence[AttributionRow]
    components: Sequence[ComponentRow]
    payer_shares: Sequence[PayerShareRow] = ()
    allocations: Sequence[AllocationRow] = ()
    freight_shares: Sequence[FreightShareRow] = ()
    duty: DutyRow | None = None
    through: Sequence[str] = ()
