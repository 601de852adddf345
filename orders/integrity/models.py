"""Flags on what a person should look at. They never stop a buyer; flagged value is a column of its own."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.commit_number import written_by
from shop.core.database import APPEND_ONLY, Moment, one_of

FLAG_KINDS = (
    "split_below_tier", "related_buyer", "spike_refunded", "price_jump", "shared_phone", "round_numbers", "far_origin",
    "invoice_repeated", "roll_unsigned", "dispute_open",
)  # fmt: skip
OUTCOMES = ("cleared", "finding")


class FlagThreshold(SQLModel, table=True):
    """From a business day on, a figure that a kind of flag is raised by. Without a row the default holds."""

    __tablename__ = "flag_threshold"
    __table_args__ = (
        one_of("kind", FLAG_KINDS),
        CheckConstraint("value >= 0", name="not_negative"),
        {"info": APPEND_ONLY},
    )

    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    valid_from: date = Field(primary_key=True)
    value: int = Field(sa_type=BigInteger)
    source: str


class Flag(SQLModel, table=True):
    """Raised once per kind and subject, by the shop itself. `facts`: figures and ids, no names.

    `xid` is the transaction that wrote it, so that a report of an earlier moment shows what was flagged then.
    """

    __tablename__ = "flag"
    __table_args__ = (
        one_of("kind", FLAG_KINDS),
        UniqueConstraint("kind", "subject"),
        Index("ix_flag_unit", "unit_id", "raised_at"),
        Index("ix_flag_xid", "xid"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    subject: str
    unit_id: UUID | None = None
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    raised_at: datetime = Field(sa_type=Moment)
    xid: str = Field(sa_column=written_by(), default=None)


class FlagLine(SQLModel, table=True):
    """A line whose credited value is flagged. A flag that nobody has decided takes further lines."""

    __tablename__ = "flag_line"
    __table_args__ = (
        Index("ix_flag_line_line", "order_line_id"),
        Index("ix_flag_line_xid", "xid"),
        {"info": APPEND_ONLY},
    )

    flag_id: UUID = Field(foreign_key="flag.id", primary_key=True)
    order_line_id: UUID = Field(primary_key=True)
    xid: str = Field(sa_column=written_by(), default=None)


class FlagEnd(SQLModel, table=True):
    """What it pointed at is over (a dispute was decided): it flags no value any more."""

    __tablename__ = "flag_end"
    __table_args__ = (Index("ix_flag_end_xid", "xid"), {"info": APPEND_ONLY})

    flag_id: UUID = Field(foreign_key="flag.id", primary_key=True)
    ended_at: datetime = Field(sa_type=Moment)
    xid: str = Field(sa_column=written_by(), default=None)


class FlagReview(SQLModel, table=True):
    """Who looks at a flag, and what he proposes; another person decides."""

    __tablename__ = "flag_review"
    __table_args__ = (one_of("outcome", OUTCOMES), UniqueConstraint("flag_id", "proposed_by"), {"info": APPEND_ONLY})

    flag_id: UUID = Field(foreign_key="flag.id", primary_key=True)
    proposed_by: UUID = Field(foreign_key="user_account.id")
    outcome: str
    reason: str
    proposed_at: datetime = Field(sa_type=Moment)


class FlagDecision(SQLModel, table=True):
    """A flag was cleared, or is a finding. Clearing needs another person than the one who proposed it."""

    __tablename__ = "flag_decision"
    __table_args__ = (
        one_of("outcome", OUTCOMES),
        CheckConstraint("decided_by <> proposed_by", name="two_people"),
        ForeignKeyConstraint(["flag_id", "proposed_by"], ["flag_review.flag_id", "flag_review.proposed_by"]),
        Index("ix_flag_decision_xid", "xid"),
        {"info": APPEND_ONLY},
    )

    flag_id: UUID = Field(primary_key=True)
    proposed_by: UUID
    decided_by: UUID = Field(foreign_key="user_account.id")
    outcome: str
    reason: str
    decided_at: datetime = Field(sa_type=Moment)
    xid: str = Field(sa_column=written_by(), default=None)


class Rectification(SQLModel, table=True):
    """What a finding asks somebody to put right, by a day (整改台账). Another person closes it, with evidence."""

    __tablename__ = "rectification"
    __table_args__ = (
        one_of("state", ("open", "closed")),
        CheckConstraint("closed_by <> owner_id", name="another_person"),
        CheckConstraint(
            "(state = 'closed') = (closed_by IS NOT NULL AND closed_at IS NOT NULL AND evidence_sha256 IS NOT NULL)",
            name="closed_with_evidence",
        ),
        Index("ix_rectification_open", "due_on", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(primary_key=True)
    flag_id: UUID = Field(unique=True, foreign_key="flag_decision.flag_id")
    unit_id: UUID | None = None
    what: str
    owner_id: UUID = Field(foreign_key="user_account.id")
    due_on: date
    state: str = "open"
    opened_by: UUID = Field(foreign_key="user_account.id")
    opened_at: datetime = Field(sa_type=Moment)
    closed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
    closing: str | None = None
    evidence_sha256: str | None = Field(default=None, foreign_key="evidence.sha256")
