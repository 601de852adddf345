"""The figure. Entries are only added; their attribution was frozen when the order was placed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, PrimaryKeyConstraint, Text, Uuid, text
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Grams, Moment, one_of

CREDIT_KINDS = ("direct_purchase", "assisted_sale")
GRADES = ("A", "B", "C", "D")
ENTRY_KINDS = ("sale", "refund")
NOT_COUNTED_REASONS = (
    "no_designation",
    "recognition_missing",
    "recognition_expired",
    "no_credited_unit",
    "donated",
    "outside_rule_period",
)


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's xid8: which transaction wrote a row, so that readers can stop below the oldest open one."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class CountingRule(SQLModel, table=True):
    """What counts, as dated data with its source. The rule of the placement day is frozen with the sale."""

    __tablename__ = "counting_rule"
    __table_args__ = (
        one_of("origin_basis", ("grown", "made")),
        one_of("recognition_point", ("paid", "accepted")),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    version: str = Field(unique=True)
    valid_from: date
    valid_to: date | None = None
    needs_designation: bool = True
    needs_recognition: bool = True
    includes_freight: bool = False
    origin_basis: str = "grown"
    recognition_point: str = "paid"
    source: str


class Attribution(SQLModel, table=True):
    """What the buyer saw, frozen when the order was placed (DOMAIN rule 2): the id is the share component's.

    `designations` are the kinds valid that day; `pairing_unit_ids` the units then paired with the county;
    `unit_path` the credited unit and everything above it, from the unit upwards. Whether it counts was decided then.
    """

    __tablename__ = "attribution"
    __table_args__ = (
        one_of("credit_kind", CREDIT_KINDS),
        one_of("not_counted_reason", NOT_COUNTED_REASONS),
        CheckConstraint("counted = (not_counted_reason IS NULL)", name="reason_when_not_counted"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    order_line_id: UUID
    order_id: UUID
    person_id: UUID | None = None
    credit_kind: str
    buyer_kind: str
    unit_id: UUID | None = None
    unit_name: str | None = None
    unit_path: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    union_id: UUID | None = None
    fund_source: str
    channel: str
    campaign_id: UUID | None = None
    county_code: str
    county_name: str
    province: str
    made_county_code: str | None = None
    designations: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    pairing_unit_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    producer_id: UUID
    producer_name: str
    supplier_id: UUID
    supplier_name: str
    product_id: UUID
    category: str
    recognition_number: str | None = None
    rule_id: UUID | None = None
    counted: bool
    not_counted_reason: str | None = None
    placed_on: date


class CreditSource(SQLModel, table=True):
    """What was credited already: entries are partitioned, so 'once only' is promised here."""

    __tablename__ = "credit_source"
    __table_args__ = ({"info": APPEND_ONLY},)

    kind: str = Field(primary_key=True)
    cause_id: UUID = Field(primary_key=True)
    component_id: UUID = Field(primary_key=True)


class CreditEntry(SQLModel, table=True):
    """One signed amount credited, or not counted with its reason, of one share component.

    kind sale: cause is the payment (or acceptance); kind refund: cause is the refund, amounts negative.
    `occurred_on` is the business day it counts on, `period_month` its month as a number, `sale_on` the day of the
    original sale, `recorded_at` and `xid` when the system knew. Partitioned by `period_month`.
    """

    __tablename__ = "credit_entry"
    __table_args__ = (
        PrimaryKeyConstraint("period_month", "id"),
        one_of("kind", ENTRY_KINDS),
        one_of("credit_kind", CREDIT_KINDS),
        one_of("grade", GRADES),
        CheckConstraint("counted = (not_counted_reason IS NULL)", name="reason_when_not_counted"),
        CheckConstraint(
            "period_month = (extract(year FROM occurred_on) * 100 + extract(month FROM occurred_on))::int",
            name="month_of_day",
        ),
        CheckConstraint("kind = 'sale' OR (amount_fen <= 0 AND grams <= 0)", name="refunds_are_negative"),
        Index("ix_credit_entry_county", "county_code", "occurred_on"),
        Index("ix_credit_entry_line", "order_line_id"),
        {"info": APPEND_ONLY, "postgresql_partition_by": "RANGE (period_month)"},
    )

    id: UUID
    period_month: int
    kind: str
    cause_id: UUID
    component_id: UUID
    order_line_id: UUID
    order_id: UUID
    amount_fen: int = Field(sa_type=Fen)
    quantity_milli: int = Field(sa_type=BigInteger)
    grams: int = Field(sa_type=Grams)
    occurred_on: date
    sale_on: date
    recorded_at: datetime = Field(sa_type=Moment)
    xid: str = Field(
        sa_column=Column(TransactionId(), nullable=False, server_default=text("pg_current_xact_id()")), default=None
    )
    grade: str
    person_id: UUID | None = None
    credit_kind: str
    buyer_kind: str
    unit_id: UUID | None = None
    unit_name: str | None = None
    unit_path: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    union_id: UUID | None = None
    fund_source: str
    channel: str
    campaign_id: UUID | None = None
    county_code: str
    county_name: str
    province: str
    made_county_code: str | None = None
    designations: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    pairing_unit_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    producer_id: UUID
    producer_name: str
    supplier_id: UUID
    supplier_name: str
    product_id: UUID
    category: str
    recognition_number: str | None = None
    rule_id: UUID | None = None
    counted: bool
    not_counted_reason: str | None = None
    reverses_id: UUID | None = None


class CreditDelta(SQLModel, table=True):
    """What a transaction added to the rollup, appended with the entries and folded in the background.

    Appending never waits for another buyer; updating one county's rollup row would.
    """

    __tablename__ = "credit_delta"

    id: UUID = Field(primary_key=True)
    top_unit_id: UUID
    period_month: int
    county_code: str
    county_name: str
    province: str
    credit_kind: str
    standing: str
    sale_fen: int = Field(sa_type=Fen)
    refund_fen: int = Field(sa_type=Fen)
    quantity_milli: int = Field(sa_type=BigInteger)
    grams: int = Field(sa_type=Grams)


class CreditRollup(SQLModel, table=True):
    """Sums of entries by top unit, month, county, kind and standing: `headline` (counted, A to C), `unverified`
    (counted, D), or the reason why not counted. Rollup + deltas = entries, at every commit; a checker compares.

    A county's name and province are part of the key as they were frozen: a renaming changes no row that was there.
    """

    __tablename__ = "credit_rollup"

    top_unit_id: UUID = Field(primary_key=True)
    period_month: int = Field(primary_key=True)
    county_code: str = Field(primary_key=True)
    county_name: str = Field(primary_key=True)
    province: str = Field(primary_key=True)
    credit_kind: str = Field(primary_key=True)
    standing: str = Field(primary_key=True)
    sale_fen: int = Field(sa_type=Fen)
    refund_fen: int = Field(sa_type=Fen)
    quantity_milli: int = Field(sa_type=BigInteger)
    grams: int = Field(sa_type=Grams)
