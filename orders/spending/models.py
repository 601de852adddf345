"""Tables of this room: dated rules, decisions that replay, and what each person has received in a year."""

from datetime import date, datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from orders.funds.source import UNION_FUNDS
from shop.core.database import APPEND_ONLY, Fen, Moment, one_of
from shop.organisation.models import never_twice

Kind = Literal[
    "cap", "cap_year", "top_up", "assisted_share", "assisted_per_head", "tier", "directed", "purpose", "festival",
    "goods_only", "max_packages", "fund_source", "skip", "reserved_share",
]  # fmt: skip
Basis = Literal["person", "average"]
CapWindow = Literal["year", "festival"]
YearOf = Literal["payment", "festival"]
Step = Literal["quoting", "noticed"]
Purpose = Literal["festival", "summer_cooling", "hardship", "birthday", "prize", "retirement", "allowance"]
Festival = Literal[
    "new_year", "spring_festival", "qingming", "labour_day", "dragon_boat", "mid_autumn", "national_day", "regional",
]  # fmt: skip
_NEEDS = """CASE kind
    WHEN 'cap' THEN amount_fen > 0 AND basis IS NOT NULL AND cap_window IS NOT NULL
    WHEN 'cap_year' THEN year_of IS NOT NULL
    WHEN 'top_up' THEN amount_fen > 0 AND lapses_on IS NOT NULL
    WHEN 'assisted_share' THEN basis_points IS NOT NULL
    WHEN 'assisted_per_head' THEN amount_fen > 0
    WHEN 'tier' THEN approvers > 0 AND quotes >= 0 AND notice_days >= 0 AND from_fen IS NOT NULL
    WHEN 'directed' THEN cardinality(allows) > 0
    WHEN 'max_packages' THEN packages > 0
    WHEN 'purpose' THEN cardinality(allows) > 0
    WHEN 'festival' THEN cardinality(allows) > 0
    WHEN 'fund_source' THEN cardinality(allows) > 0
    WHEN 'skip' THEN step IS NOT NULL AND reason IS NOT NULL
    WHEN 'reserved_share' THEN basis_points IS NOT NULL
    ELSE true END"""


class SpendingRule(SQLModel, table=True):
    """One sentence of a document, as data, for business days [valid_from, valid_to).

    `province` '' is the whole country; `union_id` None every union. Empty filters (`purposes`, `festivals`,
    `unit_kinds`, `fund_source`) match everything; `from_fen` and `below_fen` bound the purchase, half-open. A row ends
    once, by `valid_to`; nothing else of it ever changes: a new version is a new row with the same `code`. cap: fen per
    `basis` and `cap_window`; shares in basis points; `lapses_on`: last day (MM-DD) on which a top-up purse can be used.
    """

    __tablename__ = "spending_rule"
    __table_args__ = (
        one_of("kind", get_args(Kind)),
        one_of("basis", get_args(Basis)),
        one_of("cap_window", get_args(CapWindow)),
        one_of("year_of", get_args(YearOf)),
        one_of("step", get_args(Step)),
        one_of("fund_source", UNION_FUNDS),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        CheckConstraint("basis_points BETWEEN 0 AND 10000", name="share_in_range"),
        CheckConstraint("below_fen > coalesce(from_fen, 0)", name="amounts_half_open"),
        CheckConstraint("lapses_on ~ '^[01][0-9]-[0-3][0-9]$'", name="lapses_on_a_day"),
        CheckConstraint(f"coalesce({_NEEDS}, false)", name="says_what_its_kind_needs"),
        never_twice("spending_rule_one_version_a_day", "code"),
    )

    id: UUID = Field(primary_key=True)
    code: str
    kind: str
    title: str
    province: str = ""
    union_id: UUID | None = Field(default=None, foreign_key="labour_union.id")
    purposes: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    festivals: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    unit_kinds: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    fund_source: str | None = None
    from_fen: int | None = Field(default=None, sa_type=Fen)
    below_fen: int | None = Field(default=None, sa_type=Fen)
    amount_fen: int | None = Field(default=None, sa_type=Fen)
    basis_points: int | None = Field(default=None, sa_type=Integer)
    basis: str | None = None
    cap_window: str | None = None
    year_of: str | None = None
    lapses_on: str | None = None
    approvers: int | None = None
    quotes: int | None = None
    notice_days: int | None = None
    packages: int | None = None
    allows: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    step: str | None = None
    reason: str | None = None
    source_title: str
    source_number: str | None = None
    source_where: str | None = None
    valid_from: date
    valid_to: date | None = None
    recorded_at: datetime = Field(sa_type=Moment)


class SpendingDecision(SQLModel, table=True):
    """What the rules said about a proposal: its inputs, the rules that were asked, their answer. Append-only.

    `inputs` holds random person ids and fen, no names; `rules_sha256` is over the content of `rule_ids`, so that a
    replay can tell that nobody rewrote them.
    """

    __tablename__ = "spending_decision"
    __table_args__ = (Index("ix_spending_decision_purchase", "purchase_id", "decided_at"), {"info": APPEND_ONLY})

    id: UUID = Field(primary_key=True)
    purchase_id: UUID
    union_id: UUID = Field(foreign_key="labour_union.id")
    allowed: bool
    inputs: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    rule_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    rules_sha256: str
    result: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    decided_at: datetime = Field(sa_type=Moment)


class SpendingCounter(SQLModel, table=True):
    """How much somebody has received of a cap in a cap year, whichever union gave it; a union, for an average cap.

    `cap_key` names the cap, not the version of its rule: a new rule in mid-year finds what was given before.
    """

    __tablename__ = "spending_counter"
    __table_args__ = (CheckConstraint("used_fen BETWEEN 0 AND cap_fen", name="never_above_the_cap"),)

    owner_id: UUID = Field(primary_key=True)
    cap_key: str = Field(primary_key=True)
    cap_year: int = Field(primary_key=True)
    used_fen: int = Field(default=0, sa_type=Fen)
    cap_fen: int = Field(sa_type=Fen)


class SpendingTake(SQLModel, table=True):
    """A decision's amounts were counted, once; given back wholly at `released_at`, and then never taken again."""

    __tablename__ = "spending_take"

    decision_id: UUID = Field(primary_key=True, foreign_key="spending_decision.id")
    purchase_id: UUID = Field(index=True)
    taken_at: datetime = Field(sa_type=Moment)
    released_at: datetime | None = Field(default=None, sa_type=Moment)


class SpendingTaken(SQLModel, table=True):
    """What a decision put on one counter, and how much of it came back."""

    __tablename__ = "spending_taken"
    __table_args__ = (CheckConstraint("released_fen BETWEEN 0 AND fen", name="gives_back_what_it_took"),)

    decision_id: UUID = Field(primary_key=True, foreign_key="spending_take.decision_id")
    owner_id: UUID = Field(primary_key=True)
    cap_key: str = Field(primary_key=True)
    cap_year: int = Field(primary_key=True)
    fen: int = Field(sa_type=Fen)
    released_fen: int = Field(default=0, sa_type=Fen)
