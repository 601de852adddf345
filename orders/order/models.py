"""What was agreed. Prices, titles and origins are copied: nothing that happens to a product changes an order.

Money is stored once, at the lowest level (`share_component.net_fen`, `parcel.freight_fen`); every total is a sum.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, true
from sqlmodel import Field, SQLModel

from orders.funds.source import FUND_SOURCES
from shop.core.database import APPEND_ONLY, Fen, Grams, Moment, one_of

ORDER_STATES = (
    "placed", "confirmed", "partially_shipped", "shipped", "received", "completed", "cancelled", "expired",
)  # fmt: skip
PAYMENT_STATES = ("unpaid", "pending", "paid", "overdue")
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


class AcceptanceDuty(SQLModel, table=True):
    """Who asked for an order and who approved it: neither may accept its goods. Written when the order is placed.

    `approver_id` is nobody's (all zeros) where a rule skipped the approval.
    """

    __tablename__ = "acceptance_duty"
    __table_args__ = (UniqueConstraint("order_id", "requester_id", "approver_id"), {"info": APPEND_ONLY})

    order_id: UUID = Field(foreign_key="shop_order.id", primary_key=True)
    requester_id: UUID
    approver_id: UUID


class Delivery(SQLModel, table=True):
    """Where an order, or a part of it, goes: the only place of an order that holds a name and a phone, and it can be
    erased. A shop order has one, whose id is the order's; a bulk order one per site or home.
    """

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("order_id", "position"),)

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shop_order.id")
    position: int = 0
    name: str | None = None
    phone: str | None = None
    region_code: str
    street: str | None = None
    postcode: str | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Moment)


class Parcel(SQLModel, table=True):
    """What one supplier sends to one delivery of an order, and what its freight cost."""

    __tablename__ = "parcel"
    __table_args__ = (
        UniqueConstraint("delivery_id", "supplier_id"),
        Index("ix_parcel_order_id", "order_id"),
        CheckConstraint("freight_fen >= 0", name="not_negative"),
        CheckConstraint("refunded_freight_fen BETWEEN 0 AND freight_fen", name="refund_within"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shop_order.id")
    delivery_id: UUID = Field(foreign_key="delivery.id")
    supplier_id: UUID
    supplier_name: str
    freight_fen: int = Field(sa_type=Fen)
    refunded_freight_fen: int = Field(default=0, sa_type=Fen)


class OrderLine(SQLModel, table=True):
    """So many pieces at a price. Gross = quantity × unit price; net is the sum of its components.

    `price_id` is the price row that was valid when the order was placed; placing fails when there is none.
    `refunded_quantity` counts pieces reserved by refunds that did not fail.

    `weighed_milli`: of goods that a canteen orders by weight, exactly how much, in thousandths of the priced weight
    unit; gross is then that much × unit price, and `quantity` (what the barn sets aside) the same rounded up.
    """

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("quantity BETWEEN 1 AND 9999999", name="quantity_in_range"),
        CheckConstraint("unit_price_fen >= 0", name="price_not_negative"),
        CheckConstraint("refunded_quantity BETWEEN 0 AND quantity", name="refund_within"),
        CheckConstraint(
            "weighed_milli > (quantity - 1) * 1000 AND weighed_milli <= quantity * 1000", name="weight_within"
        ),
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
    weighed_milli: int | None = Field(default=None, sa_type=BigInteger)


class Allocation(SQLModel, table=True):
    """So many pieces of a line go to one delivery and belong to one payer: Σ over a line = its quantity. Only orders
    that are accepted have them.

    `quantity_milli`: of weighed goods, what was ordered when it is not whole pieces; `pieces` is then rounded up.
    """

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint("pieces > 0", name="has_pieces"),
        CheckConstraint("quantity_milli > (pieces - 1) * 1000 AND quantity_milli < pieces * 1000", name="part_of_last"),
        Index("ix_allocation_line", "line_id"),
    )

    delivery_id: UUID = Field(foreign_key="delivery.id", primary_key=True)
    line_id: UUID = Field(foreign_key="order_line.id", primary_key=True)
    payer_share_id: UUID = Field(foreign_key="payer_share.id", primary_key=True)
    pieces: int = Field(sa_type=BigInteger)
    quantity_milli: int | None = Field(default=None, sa_type=BigInteger)


class PayerShare(SQLModel, table=True):
    """What one payer owes for his part of an order that is paid by bank transfer, known by its transfer code.

    `due_fen` is his goods and freight, net of what left again; it changes with acceptance, refunds and price
    protection, always in the transaction of the change. `paid_fen` is what bank transfers brought for it, net of what
    was paid back or taken back by the bank: below zero where both went back. `unproven_fen`: what was brought by
    transfers of which there is one person's file only, and no proof yet. `due_on`: the last day to pay;
    `extended_on`: when the one extension was given. `owns_pieces`: his pieces are his own, and what is not accepted of
    them lowers his share alone; false where the money was shared otherwise (by heads, by fixed shares) and all payers
    bear it.
    """

    __tablename__ = "payer_share"
    __table_args__ = (
        one_of("payer_kind", ("union", "unit", "canteen", "contractor", "person")),
        one_of("fund_source", FUND_SOURCES),
        one_of("terms", ("prepaid", "split_30_70", "after_acceptance")),
        one_of("payment_state", ("unpaid", "partly_paid", "paid", "overdue", "overpaid")),
        UniqueConstraint("order_id", "position"),
        Index("ix_payer_share_due", "due_on", postgresql_where="payment_state IN ('unpaid', 'partly_paid')"),
        CheckConstraint("due_fen >= 0", name="not_negative"),
        CheckConstraint("unproven_fen >= 0", name="proven_once"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shop_order.id")
    position: int
    payer_kind: str
    payer_id: UUID
    payer_name: str
    unit_id: UUID | None = None
    is_spare: bool = False
    owns_pieces: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    fund_source: str
    transfer_code: str = Field(unique=True)
    invoice_title: str
    tax_number: str | None = None
    terms: str
    due_fen: int = Field(sa_type=Fen)
    paid_fen: int = Field(default=0, sa_type=Fen)
    unproven_fen: int | None = Field(default=0, sa_type=Fen, sa_column_kwargs={"server_default": "0"})
    """None as well as 0: release 7d50459 writes none for canteens. The next release makes it NOT NULL."""
    payment_state: str = "unpaid"
    due_on: date | None = None
    extended_on: date | None = None
    created_at: datetime = Field(sa_type=Moment)


class CancelRule(SQLModel, table=True):
    """For how many days after it was paid a buyer cancels an order that has not left: the newest row of the day on
    which it was paid rules.
    """

    __tablename__ = "cancel_rule"
    __table_args__ = (CheckConstraint("days BETWEEN 0 AND 366", name="at_most_a_year"), {"info": APPEND_ONLY})

    valid_from: date = Field(primary_key=True)
    days: int
    source: str


class FreightShare(SQLModel, table=True):
    """One payer's part of a parcel's freight; Σ over a parcel of a bulk order = its freight."""

    __tablename__ = "freight_share"
    __table_args__ = (CheckConstraint("fen >= 0", name="not_negative"),)

    parcel_id: UUID = Field(foreign_key="parcel.id", primary_key=True)
    payer_share_id: UUID = Field(foreign_key="payer_share.id", primary_key=True)
    fen: int = Field(sa_type=Fen)


class LineShare(SQLModel, table=True):
    """Who pays which part of a line: the buyer's own money, an allowance, a branch.

    `payer_id`: of a branch, its `payer_share`; of an allowance, the allowance.
    """

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
