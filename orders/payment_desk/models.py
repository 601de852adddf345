"""What one person wants done with money that turned back, and who said yes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of

ACTIONS = ("return", "keep", "settle_otherwise", "adopt", "given_back")
DECISION_STATES = ("asked", "decided", "withdrawn")


class DeskDecision(SQLModel, table=True):
    """One thing about one subject (`payment:…`, `refund:…`, `provider_refund:…`), asked by one person and carried out
    when another one says the same. One at a time is asked about a subject.

    `details`: of an adoption, what the money was for; of what was given back by bank, the bank's reference.
    """

    __tablename__ = "desk_decision"
    __table_args__ = (
        one_of("action", ACTIONS),
        one_of("state", DECISION_STATES),
        CheckConstraint("decided_by <> asked_by", name="two_people"),
        CheckConstraint("(state = 'decided') = (decided_by IS NOT NULL)", name="decided_by_somebody"),
        CheckConstraint("(state = 'asked') = (ended_at IS NULL)", name="ended_at_some_time"),
        Index("uq_desk_decision_asked", "subject", unique=True, postgresql_where=text("state = 'asked'")),
        Index("ix_desk_decision_subject", "subject", "asked_at"),
    )

    id: UUID = Field(primary_key=True)
    subject: str
    action: str
    details: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    reason: str
    state: str = "asked"
    asked_by: UUID = Field(foreign_key="user_account.id")
    asked_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
