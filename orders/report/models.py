"""What the shop knew, and when: so that a report can be produced again, to the byte."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment


class Snapshot(UserDefinedType[str]):
    """PostgreSQL's pg_snapshot: which transactions had committed at a moment."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


class Knowledge(SQLModel, table=True):
    """At `at`, the shop knew what `snapshot` shows: not one row more, however late another one was committed.

    A published report names its `at`; asked again with it, the same entries are added up. `balanced_as_of` and
    `seal_number` are the stamps that a report of that moment carries.
    """

    __tablename__ = "knowledge"
    __table_args__ = ({"info": APPEND_ONLY},)

    at: datetime = Field(sa_type=Moment, primary_key=True)
    snapshot: str = Field(sa_column=Column(Snapshot(), nullable=False))
    balanced_as_of: datetime | None = Field(default=None, sa_type=Moment)
    seal_number: int | None = None


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
    known_at: datetime = Field(sa_type=Moment)
    summary: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    published_by: UUID | None = None
    published_at: datetime = Field(sa_type=Moment)
