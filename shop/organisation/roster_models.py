"""Who belonged to a union on a cut-off day, as its own list said, and what changed since the list before."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

STATUSES: Final = ("active", "on_leave", "retired")
CHANGES: Final = ("joined", "left", "moved", "retired", "on_leave", "returned")


class Roster(SQLModel, table=True):
    """One list of one union at a cut-off day. `previous_id`: the list it was compared with; none follows one twice.

    acknowledged_columns: what nobody read of the file, as its keeper said.
    """

    __tablename__ = "roster"
    __table_args__ = (
        UniqueConstraint("union_id", "previous_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("people >= 0", name="not_negative"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    union_id: UUID = Field(foreign_key="labour_union.id")
    as_of: date
    previous_id: UUID | None = Field(default=None, foreign_key="roster.id")
    file_sha256: str
    people: int
    created_by: UUID | None = None
    created_at: datetime = Field(sa_type=Moment)
    acknowledged_columns: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("ARRAY[]::text[]"))
    )


class RosterEntry(SQLModel, table=True):
    """A person on a list. Names and phones stay in `person`, where they can be erased."""

    __tablename__ = "roster_entry"
    __table_args__ = (
        one_of("status", STATUSES),
        UniqueConstraint("roster_id", "staff_number"),
        Index("ix_roster_entry_person", "person_id"),
        {"info": {"rights": "SELECT, INSERT, UPDATE (staff_number)"}},
    )

    roster_id: UUID = Field(foreign_key="roster.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    position: int
    staff_number: str
    unit_id: UUID = Field(foreign_key="unit.id")
    department: str
    status: str


class RosterChange(SQLModel, table=True):
    """What became of a person between two lists: the difference that was shown before saving."""

    __tablename__ = "roster_change"
    __table_args__ = (one_of("kind", CHANGES), {"info": APPEND_ONLY})

    roster_id: UUID = Field(foreign_key="roster.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True)
    kind: str
    from_unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    to_unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    from_department: str | None = None
    to_department: str | None = None


class StaffNumber(SQLModel, table=True):
    """Whose staff number it is, in a union, for ever: the same number on a later list is the same person."""

    __tablename__ = "staff_number"
    __table_args__ = (UniqueConstraint("union_id", "person_id"),)

    union_id: UUID = Field(foreign_key="labour_union.id", primary_key=True)
    number: str = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="person.id")
