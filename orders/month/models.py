"""Each top unit's accounting months, and everything that was done to them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.commit_number import written_by
from shop.core.database import APPEND_ONLY, Moment, one_of

SHOP = UUID(int=0)
"""Stands for a top unit where there is none: what counts for no unit belongs to the shop's own months."""
FIRST_MONTH, LAST_MONTH = 202001, 209912
"""There are accounting months from January 2020, when the first designations began, to December 2099."""
STATES = ("open", "adjusting", "closed")
EVENT_KINDS = ("adjusting", "closed", "reopened")
REOPENING_STATES = ("requested", "approved", "refused")
_A_MONTH = "month BETWEEN 200001 AND 209912 AND month % 100 BETWEEN 1 AND 12"


class AccountingPeriod(SQLModel, table=True):
    """An accounting month of a top unit (`SHOP` for what has none). Closed, it takes nothing; `adjusting` (December
    only) it does until `adjusts_until`. A month without a row is open.

    Who writes credit holds the row of the month that he writes into, so that a close waits for him and he for it; a
    row that is missing is made first. `was_open`: what was still undecided when it was closed, counted by kind.
    """

    __tablename__ = "unit_month"
    __table_args__ = (
        one_of("state", STATES),
        CheckConstraint(_A_MONTH, name="is_a_month"),
        CheckConstraint("(state = 'open') = (closed_by IS NULL AND closed_at IS NULL)", name="closed_by_somebody"),
        CheckConstraint("state <> 'adjusting' OR adjusts_until IS NOT NULL", name="adjusting_ends"),
    )

    unit_id: UUID = Field(primary_key=True)
    month: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    state: str = "open"
    adjusts_until: date | None = None
    closed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
    was_open: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))


class MonthOfAll(SQLModel, table=True):
    """For release 7d50459 only, while it still serves: one month for all. It reads and holds these rows; closing one is
    refused, so that no month is closed in one release and open in the other. The next release drops it.
    """

    __tablename__ = "accounting_period"
    __table_args__ = (
        one_of("state", STATES),
        CheckConstraint(_A_MONTH, name="is_a_month"),
        CheckConstraint("(state = 'open') = (closed_by IS NULL AND closed_at IS NULL)", name="closed_by_somebody"),
        CheckConstraint("state <> 'adjusting' OR adjusts_until IS NOT NULL", name="adjusting_ends"),
        {"info": {"rights": "SELECT, UPDATE (was_open)"}},  # of one column: enough to hold a row
    )

    month: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    state: str = "open"
    adjusts_until: date | None = None
    closed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
    was_open: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))


class AdjustmentRule(SQLModel, table=True):
    """For how many days after its last one December still takes corrections: the newest row of its last day rules."""

    __tablename__ = "adjustment_rule"
    __table_args__ = (
        CheckConstraint("days BETWEEN 0 AND 366", name="at_most_a_year"),
        {"info": APPEND_ONLY},
    )

    valid_from: date = Field(primary_key=True)
    days: int
    source: str


class PeriodReopening(SQLModel, table=True):
    """Somebody asks that a closed month be opened again, and why; another person of the same reach decides."""

    __tablename__ = "period_reopening"
    __table_args__ = (
        one_of("state", REOPENING_STATES),
        CheckConstraint(_A_MONTH, name="is_a_month"),
        CheckConstraint("decided_by <> asked_by", name="another_person"),
        CheckConstraint(
            "(state = 'requested') = (decided_by IS NULL AND decided_at IS NULL)", name="decided_by_somebody"
        ),
        Index(
            "uq_period_reopening_open", "unit_id", "month", unique=True, postgresql_where=text("state = 'requested'")
        ),
    )

    id: UUID = Field(primary_key=True)
    unit_id: UUID
    month: int
    state: str = "requested"
    reason: str
    asked_by: UUID = Field(foreign_key="user_account.id")
    asked_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    decision: str | None = None


class PeriodEvent(SQLModel, table=True):
    """A month was closed, or opened again: a month may be so several times, and each time stays here.

    `reason` and `reopening_id`: of a reopening. `xid`: a report says of reopenings what its snapshot shows.
    """

    __tablename__ = "period_event"
    __table_args__ = (
        one_of("kind", EVENT_KINDS),
        CheckConstraint(_A_MONTH, name="is_a_month"),
        CheckConstraint(
            "(kind = 'reopened') = (reopening_id IS NOT NULL AND reason IS NOT NULL)", name="reopened_for_a_reason"
        ),
        Index("ix_period_event_month", "unit_id", "month", "at"),
        Index("ix_period_event_xid", "xid"),
        Index("ix_period_event_reopened", "month", postgresql_where=text("kind = 'reopened'")),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    unit_id: UUID
    month: int
    kind: str
    at: datetime = Field(sa_type=Moment)
    actor_id: UUID = Field(foreign_key="user_account.id")
    was_open: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    reason: str | None = None
    reopening_id: UUID | None = Field(default=None, foreign_key="period_reopening.id", unique=True)
    xid: str = Field(sa_column=written_by(), default=None)
