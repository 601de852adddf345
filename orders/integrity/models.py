"""Flags on what a person should look at. They never stop a buyer; flagged value is a column of its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from orders.credit.models import TransactionId
from shop.core.database import APPEND_ONLY, Moment, one_of

FLAG_KINDS = (
    "split_below_tier", "related_buyer", "spike_refunded", "price_jump", "shared_phone", "round_numbers", "far_origin",
    "invoice_repeated", "roll_unsigned",
)  # fmt: skip
OUTCOMES = ("cleared", "finding")


class Flag(SQLModel, table=True):
    """Raised once per kind and subject, by the shop itself. `facts`: figures and ids, no names.

    `xid` is the transaction that wrote it, so that a report of an earlier moment shows what was flagged then.
    """

    __tablename__ = "flag"
    __table_args__ = (
        one_of("kind", FLAG_KINDS),
        UniqueConstraint("kind", "subject"),
        Index("ix_flag_unit", "unit_id", "raised_at"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    subject: str
    unit_id: UUID | None = None
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    raised_at: datetime = Field(sa_type=Moment)
    xid: str = Field(
        sa_column=Column(TransactionId(), nullable=False, server_default=text("pg_current_xact_id()")), default=None
    )


class FlagLine(SQLModel, table=True):
    """A line whose credited value is flagged."""

    __tablename__ = "flag_line"
    __table_args__ = (Index("ix_flag_line_line", "order_line_id"), {"info": APPEND_ONLY})

    flag_id: UUID = Field(foreign_key="flag.id", primary_key=True)
    order_line_id: UUID = Field(primary_key=True)


class FlagReview(SQLModel, table=True):
    """Who looks at a flag, and what he proposes; another person decides."""

    __tablename__ = "flag_review"
    __table_args__ = (one_of("outcome", OUTCOMES), {"info": APPEND_ONLY})

    flag_id: UUID = Field(foreign_key="flag.id", primary_key=True)
    proposed_by: UUID
    outcome: str
    reason: str
    proposed_at: datetime = Field(sa_type=Moment)


class FlagDecision(SQLModel, table=True):
    """A flag was cleared, or is a finding. Clearing needs another person than the one who proposed it."""

    __tablename__ = "flag_decision"
    __table_args__ = (
        one_of("outcome", OUTCOMES),
        CheckConstraint("decided_by <> proposed_by", name="two_people"),
        {"info": APPEND_ONLY},
    )

    flag_id: UUID = Field(foreign_key="flag_review.flag_id", primary_key=True)
    proposed_by: UUID
    decided_by: UUID
    outcome: str
    reason: str
    decided_at: datetime = Field(sa_type=Moment)
    xid: str = Field(
        sa_column=Column(TransactionId(), nullable=False, server_default=text("pg_current_xact_id()")), default=None
    )
