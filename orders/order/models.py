"""What was agreed. Prices, titles and origins are copied: nothing that happens to a product changes an order.

Money is stored once, at the lowest level (`share_component.net_fen`, `parcel.freight_fen`); every total is a sum.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Grams, Moment, one_of

ORDER_STATES = (
    "placed", "confirmed", "partially_shipped", "shipped", "received", "completed", "cancelled", "expired",
)  # fmt: skip
PAYMENT_STATES = ("unpaid", "pending", "paid", "overdue")
FUND_SOURCES = ("personal", "union", "canteen", "administration", "party_dues")
PAYER_KINDS = ("own", "allowance", "branch")


class ShopOrder(SQLModel, table=True):
    """One buyer's agreement. (`order` is a word of SQL's own.)

    `idempotency_key` is the request's key: a second order under the same key is refused for ever.
    """

    __tablename__ = "shop_order"
    __table_args__ = (
        one_of("state", ORDER_STATES),
        one_of("payment_state", PAYMENT_STATES),
        one_of("fund_source", FUND_SOURCES),
        UniqueConstraint("buyer_id", "idempotency_key"),
        Index("ix_shop_order_due", "expires_at", postgresql_where="state = 'placed'"),
        Index("ix_shop_order_buyer", "buyer_id", "placed_at"),
    )

    id: UUID = Field(primary_key=True)
    number: str = Field(unique=True)
    buyer_id: UUID = Field(foreign_key="user_account.id")
    person_id: UUID
    idempotency_key: str
    state: str
    payment_state: str
    fund_source: str
    unit_id: UUID | None = None
    unit_name: str | None = None
    placed_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)


class OrderEvent(SQLModel, table=True):
    """An order reached a state, once."""

    __tablename__ = "order_event"
    __table_args__ = ({"info": APPEND_ONLY},)

    order_id: UUID = Field(foreign_key="shop_order.id", primary_key=True)
    state: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Moment)
    actor_id: UUID | None = None


class Delivery(SQLModel, table=True):
    """Where an order goes: the only place of an order that holds a name and a phone, and it can be erased."""

    __tablename__ = "delivery"

    order_id: UUID = Field(foreign_key="shop_order.id", primary_key=True)
    name: str | None = None
    phone: str | None = None
    region_code: str
    street: str | None = None
    postcode: str | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Moment)


class Parcel(SQLModel, table=True):
    """What one supplier sends of an order, and what its freight cost."""

    __tablename__ = "parcel"
    __table_args__ = (
        UniqueConstraint("order_id", "supplier_id"),
        CheckConstraint("freight_fen >= 0", name="not_negative"),
        CheckConstraint("refunded_freight_fen BETWEEN 0 AND freight_fen", name="refund_within"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shop_order.id")
    supplier_id: UUID
    supplier_name: str
    freight_fen: int = Field(sa_type=Fen)
    refunded_freight_fen: int = Field(default=0, sa_type=Fen)


class OrderLine(SQLModel, table=True):
    """So many pieces at a price. Gross = quantity × unit price; net is the sum of its components.

    `price_id` is the price row that was valid when the order was placed; placing fails when there is none.
    `refunded_quantity` counts pieces reserved by refunds that did not fail.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("quantity BETWEEN 1 AND 9999", name="quantity_in_range"),
        CheckConstraint("unit_price_fen >= 0", name="price_not_negative"),
        CheckConstraint("refunded_quantity BETWEEN 0 AND quantity", name="refund_within"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shop_order.id")
    position: int
    sku_id: UUID
    product_id: UUID
    supplier_id: UUID
    price_id: UUID
    title: str
    spec: str
    quantity: int = Field(sa_type=BigInteger)
    unit_price_fen: int = Field(sa_type=Fen)
    refunded_quantity: int = Field(default=0, sa_type=BigInteger)


class LineShare(SQLModel, table=True):
    """Who pays which part of a line: the buyer's own money, an allowance, a branch."""

    __tablename__ = "line_share"
    __table_args__ = (one_of("payer_kind", PAYER_KINDS), UniqueConstraint("line_id", "position"))

    id: UUID = Field(primary_key=True)
    line_id: UUID = Field(foreign_key="order_line.id")
    position: int
    payer_kind: str
    payer_id: UUID | None = None
    fund_source: str


class ShareComponent(SQLModel, table=True):
    """The lowest level: one payer's part of one origin's part of a line, in fen, grams and milli-pieces.

    Its frozen attribution is the row of the same id in `attribution`. `refunded_*` are reserved when a refund is
    requested, so no two refunds can return the same fen.
    """

    __tablename__ = "share_component"
    __table_args__ = (
        UniqueConstraint("share_id", "position"),
        CheckConstraint("net_fen >= 0 AND grams >= 0 AND quantity_milli >= 0", name="not_negative"),
        CheckConstraint("refunded_fen BETWEEN 0 AND net_fen", name="refund_within"),
        CheckConstraint("refunded_grams BETWEEN 0 AND grams", name="grams_within"),
        CheckConstraint("refunded_milli BETWEEN 0 AND quantity_milli", name="quantity_within"),
    )

    id: UUID = Field(primary_key=True, foreign_key="attribution.id")
    share_id: UUID = Field(foreign_key="line_share.id")
    line_id: UUID
    order_id: UUID = Field(index=True)
    position: int
    stock_sku_id: UUID
    quantity_milli: int = Field(sa_type=BigInteger)
    grams: int = Field(sa_type=Grams)
    net_fen: int = Field(sa_type=Fen)
    vat_basis_points: int
    refunded_fen: int = Field(default=0, sa_type=Fen)
    refunded_grams: int = Field(default=0, sa_type=Grams)
    refunded_milli: int = Field(default=0, sa_type=BigInteger)
