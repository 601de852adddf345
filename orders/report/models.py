"""What the shop knew, and when: so that a report can be produced again, to the byte."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.commit_number import Snapshot
from shop.core.database import APPEND_ONLY, Moment


class Knowledge(SQLModel, table=True):
    """A tick: at `at`, the shop knew what `snapshot` shows, and not one row more, however late another was committed.

    The worker makes one when something a report can show has changed, and each report of now makes its own.
    `holds_until`: up to that moment it is what was known, too; none: at `at` only, nobody watched. `told`: somebody was
    given a figure of it, so that it is never thinned. A report names its `at`; asked again with it, the same entries
    are added up. `balanced_as_of` and `seal_number` are the stamps that a report of that moment carries.
    """

    __tablename__ = "knowledge"
    __table_args__ = (
        CheckConstraint("holds_until >= at", name="holds_from_then_on"),
        {"info": {"rights": "SELECT, INSERT, DELETE, UPDATE (holds_until, told)"}},
    )

    at: datetime = Field(sa_type=Moment, primary_key=True)
    snapshot: str = Field(sa_column=Column(Snapshot(), nullable=False))
    balanced_as_of: datetime | None = Field(default=None, sa_type=Moment)
    seal_number: int | None = None
    holds_until: datetime | None = Field(default=None, sa_type=Moment)
    told: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    seen_in: str | None = None
    """`shop.core.commit_number.HISTORY`; none: of a release that did not ask."""


class TickRule(SQLModel, table=True):
    """For how many days every tick is kept, and for how many the last one of each hour; afterwards of each day.

    The newest row of the day rules.
    """

    __tablename__ = "tick_rule"
    __table_args__ = (
        CheckConstraint("every_days > 0 AND hourly_days >= every_days", name="ever_fewer"),
        {"info": APPEND_ONLY},
    )

    valid_from: date = Field(primary_key=True)
    every_days: int
    hourly_days: int
    source: str


class NameShown(SQLModel, table=True):
    """Under which name a report first showed something that entries know by its id only, and from when another one."""

    __tablename__ = "name_shown"
    __table_args__ = ({"info": APPEND_ONLY},)

    id: UUID = Field(primary_key=True)
    shown_at: datetime = Field(sa_type=Moment, primary_key=True)
    name: str = Field(sa_column=Column(Text, nullable=False))


class PublishedReport(SQLModel, table=True):
    """A report left the shop: whoever holds a print of it can ask at `/verify/{code}` whether it is this one.

    `code`: the first 16 digits of the digest. `summary`: period, unit and sums, no rows.
    """

    __tablename__ = "published_report"
    __table_args__ = ({"info": APPEND_ONLY},)

    digest: str = Field(primary_key=True)
    code: str = Field(unique=True)
    known_at: datetime = Field(sa_type=Moment, foreign_key="knowledge.at", index=True)
    summary: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    published_by: UUID | None = None
    published_at: datetime = Field(sa_type=Moment)
