"""The JSON of an order, as others rely on it. All money in fen, weights in grams."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OrderCountyRef:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class NameRef:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class OriginOut:
    """A part of a line that one producer of one county gets credit for; several for a gift box."""

    county: OrderCountyRef
    producer: NameRef
    grams: int
    paid_fen: int
    counted: bool
    not_counted_reason: str | None


@dataclass(frozen=True, slots=True)
class OrderLineOut:
    """paid_fen: net goods, gross − discount, whatever is paid or refunded. price_list: retail, member, union or
    campaign, whichever asked the buyer the least when he ordered.
    """

    id: UUID
    sku_id: UUID
    product_id: UUID
    title: str
    spec: str
    supplier: NameRef
    quantity: int
    unit_price_fen: int
    price_list: str
    discount_fen: int
    paid_fen: int
    refunded_quantity: int
    refunded_fen: int
    origins: list[OriginOut]


@dataclass(frozen=True, slots=True)
class AddressOut:
    name: str | None
    phone: str | None
    region_code: str
    street: str | None
    postcode: str | None


@dataclass(frozen=True, slots=True)
class OrderOut:
    """goods_fen is gross; total = goods − discount + freight; paid_fen what was received; refunded_fen what returned.

    `credit_kind` and `unit` say what it counts for; the address is shown to its buyer only.
    """

    id: UUID
    number: str
    state: str
    payment_state: str
    fund_source: str
    placed_at: datetime
    expires_at: datetime
    goods_fen: int
    discount_fen: int
    freight_fen: int
    total_fen: int
    paid_fen: int
    refunded_fen: int
    credit_kind: str
    unit: NameRef | None
    lines: list[OrderLineOut]
    address: AddressOut | None = None


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """A line of the list of orders."""

    id: UUID
    number: str
    state: str
    payment_state: str
    placed_at: datetime
    expires_at: datetime
    total_fen: int
    paid_fen: int
    refunded_fen: int
    titles: list[str]


@dataclass(frozen=True, slots=True)
class OrderList:
    items: list[OrderSummary]
    next_cursor: str | None
