"""The figure. Entries are only added; their attribution was frozen when the order was placed."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from orders.funds.source import FUND_SOURCES
from shop.core.commit_number import written_by
from shop.core.database import APPEND_ONLY, Fen, Grams, Moment, one_of

CREDIT_KINDS = ("direct_purchase", "assisted_sale")
GRADES = ("A", "B", "C", "D")
ENTRY_KINDS = (
    "sale", "refund", "reversal", "repost", "regrade_out", "regrade_in", "refund_undone", "payment_undone",
)  # fmt: skip
"""`reversal` and `repost` are a correction's pair, `regrade_out` and `regrade_in` that of a change of grade.

refund_undone: the money of a refund came back (it failed after it had succeeded, a dispute was won).
payment_undone: the bank or the card scheme took a payment back, and the sale with it.
"""
REFUND_KINDS = ("refund", "refund_undone")
"""The refund side of every sum; all other kinds are the sale side."""
REFUND_SIDE = "('refund', 'refund_undone')"
"""The same for statements: `kind IN {REFUND_SIDE}`."""
BOUGHT_KINDS = ("sale", "repost", "regrade_in")
TAKEN_KINDS = ("reversal", "regrade_out", "payment_undone")
"""An order counts where one of the first stands, unless the second took all of it away again: goods that were
corrected or proven better count where they stand now. Refunds alone count nobody out.
"""
NOT_COUNTED_REASONS = (
    "no_designation",
    "recognition_missing",
    "recognition_expired",
    "no_credited_unit",
    "donated",
    "outside_rule_period",
    "credit_kind_excluded",
    "fund_source_excluded",
    "category_excluded",
    "origin_unknown",
    "designation_expired",
    "designation_kind_excluded",
    "recognition_not_yet_valid",
    "evidence_missing",
)
COUNTING_DESIGNATIONS = ("lifted_out", "key_revitalisation", "provincial", "emergency")
"""`severely_poor` is for weights and priority; every such county is lifted out as well."""
EVIDENCE_STATES = ("proposed", "accepted", "refused")


def _codes(values: Iterable[str]) -> Column[list[str]]:
    """A list of codes; a rule that does not say otherwise has all of these."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Column(ARRAY(Text), nullable=False, server_default=text(f"ARRAY[{listed}]::text[]"))


class CountingRule(SQLModel, table=True):
    """What counts, as dated data with its source. The rule of the placement day is frozen with the sale.

    A version's contents never change; an open end is written once. `minimum_grade`: what is proven less well is
    entered as `evidence_missing`. `includes_freight` and `recognition_point` change nothing and are refused other than
    false and "paid" (see `add_rules`): freight is never credited, and the point follows from the kind of order.
    """

    __tablename__ = "counting_rule"
    __table_args__ = (
        one_of("origin_basis", ("grown", "made")),
        one_of("recognition_point", ("paid", "accepted")),
        one_of("minimum_grade", GRADES),
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
    designation_kinds: list[str] = Field(sa_column=_codes(COUNTING_DESIGNATIONS))
    credit_kinds: list[str] = Field(sa_column=_codes(CREDIT_KINDS))
    fund_sources: list[str] = Field(sa_column=_codes(FUND_SOURCES))
    excluded_categories: list[str] = Field(sa_column=_codes(()))
    minimum_grade: str = Field(default="D", sa_column_kwargs={"server_default": "D"})


class Attribution(SQLModel, table=True):
    """What the buyer saw, frozen when the order was placed (DOMAIN rule 2): the id is the share component's.

    A correction adds a row: `component_id` says of which component, `corrects_id` which row it takes the place of.
    Each row is corrected once, so a component's rows are a chain and its last one is what holds.

    `designations` are the kinds valid that day; `pairing_unit_ids` the units then paired with the county;
    `unit_path` the credited unit and everything above it, from the unit upwards. Whether it counts was decided then.
    """

    __tablename__ = "attribution"
    __table_args__ = (
        one_of("credit_kind", CREDIT_KINDS),
        one_of("not_counted_reason", NOT_COUNTED_REASONS),
        CheckConstraint("counted = (not_counted_reason IS NULL)", name="reason_when_not_counted"),
        CheckConstraint("(component_id IS NULL) = (corrects_id IS NULL)", name="corrects_something"),
        Index("ix_attribution_component_id", "component_id", postgresql_where=text("component_id IS NOT NULL")),
        Index(
            "uq_attribution_corrects_id", "corrects_id", unique=True, postgresql_where=text("corrects_id IS NOT NULL")
        ),
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
    component_id: UUID | None = None
    corrects_id: UUID | None = Field(default=None, foreign_key="attribution.id")


class CreditSource(SQLModel, table=True):
    """What was credited already: entries are partitioned, so 'once only' is promised here."""

    __tablename__ = "credit_source"
    __table_args__ = ({"info": APPEND_ONLY},)

    kind: str = Field(primary_key=True)
    cause_id: UUID = Field(primary_key=True)
    component_id: UUID = Field(primary_key=True)


class CreditEntry(SQLModel, table=True):
    """One signed amount credited, or not counted with its reason, of one share component.

    kind sale: cause is the payment (or acceptance); kind refund: cause is the refund, amounts negative. The pairs of
    a correction or of a change of grade add up to nothing; the negative one `reverses_id` the entry it takes back, and
    so do `refund_undone` (the refund's entry, positive) and `payment_undone` (what stood of the sale, negative).
    `occurred_on` is the business day it counts on, `period_month` its month as a number, `sale_on` the day of the
    original sale, `recorded_at` and `xid` when the system knew; `late_for` the day it would have counted on, had that
    month not been closed. `attribution_id`: whose facts these are, blank for those of the placement. Partitioned by
    `period_month`.
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
        CheckConstraint(
            "kind NOT IN ('refund', 'reversal', 'regrade_out', 'payment_undone') OR (amount_fen <= 0 AND grams <= 0)",
            name="taken_back_is_negative",
        ),
        CheckConstraint(
            "kind NOT IN ('repost', 'regrade_in', 'refund_undone') OR (amount_fen >= 0 AND grams >= 0)",
            name="put_again_is_positive",
        ),
        CheckConstraint("kind <> 'refund_undone' OR reverses_id IS NOT NULL", name="undone_says_what"),
        CheckConstraint("late_for < occurred_on", name="late_is_later"),
        Index("ix_credit_entry_county", "county_code", "occurred_on"),
        Index("ix_credit_entry_line", "order_line_id"),
        Index("ix_credit_entry_xid", "xid"),
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
    xid: str = Field(sa_column=written_by(), default=None)
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
    attribution_id: UUID | None = None
    late_for: date | None = None
    evidence_sha256: str | None = None


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
    __table_args__ = (Index("ix_credit_rollup_county", "top_unit_id", "county_code", "period_month"),)

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


class EvidenceLink(SQLModel, table=True):
    """A document that shall prove a component's credit better; the grade is lifted when a second person has looked."""

    __tablename__ = "evidence_link"
    __table_args__ = (
        one_of("grade", GRADES[:3]),
        one_of("state", EVIDENCE_STATES),
        CheckConstraint("checked_by <> proposed_by", name="another_person"),
        CheckConstraint(
            "(state = 'proposed') = (checked_by IS NULL AND checked_at IS NULL)", name="checked_by_somebody"
        ),
        UniqueConstraint("component_id", "sha256", "grade"),
        Index("ix_evidence_link_open", "proposed_at", postgresql_where=text("state = 'proposed'")),
    )

    id: UUID = Field(primary_key=True)
    component_id: UUID = Field(foreign_key="attribution.id")
    sha256: str = Field(foreign_key="evidence.sha256", index=True)
    grade: str
    note: str
    state: str = "proposed"
    proposed_by: UUID = Field(foreign_key="user_account.id")
    proposed_at: datetime = Field(sa_type=Moment)
    checked_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    checked_at: datetime | None = Field(default=None, sa_type=Moment)
    finding: str | None = None


class CreditRollupYear(SQLModel, table=True):
    """The rollup's months of a calendar year in one row: a year by county reads a twelfth of the rows.

    `last_month`: the youngest month in it, for what bore two names in the year.
    """

    __tablename__ = "credit_rollup_year"
    __table_args__ = (Index("ix_credit_rollup_year_county", "top_unit_id", "county_code", "year"),)

    top_unit_id: UUID = Field(primary_key=True)
    year: int = Field(primary_key=True)
    county_code: str = Field(primary_key=True)
    county_name: str = Field(primary_key=True)
    province: str = Field(primary_key=True)
    credit_kind: str = Field(primary_key=True)
    standing: str = Field(primary_key=True)
    last_month: int
    sale_fen: int = Field(sa_type=Fen)
    refund_fen: int = Field(sa_type=Fen)
    quantity_milli: int = Field(sa_type=BigInteger)
    grams: int = Field(sa_type=Grams)
