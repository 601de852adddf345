"""The dated tree. Every relation is a row with [valid_from, valid_to); nothing that ended is deleted."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Uuid, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field, SQLModel

import shop.organisation.claim_models
import shop.organisation.roster_models  # noqa: F401  # tables of this room
from shop.core.database import APPEND_ONLY, Moment, one_of


def never_twice(name: str, *columns: str) -> ExcludeConstraint:
    """At most one row at any day for the same columns."""
    return ExcludeConstraint(
        *((column, "=") for column in columns),
        (text("daterange(valid_from, valid_to)"), "&&"),
        name=name,
        using="gist",
    )


class Unit(SQLModel, table=True):
    """A bank, company, ministry or school, or a part of one, that answers for helping counties."""

    __tablename__ = "unit"

    id: UUID = Field(primary_key=True)
    code: str = Field(unique=True)
    name: str
    province: str | None = None
    valid_from: date
    valid_to: date | None = None
    created_at: datetime = Field(sa_type=Moment)


class UnitParent(SQLModel, table=True):
    """Which unit stands above which, from when to when. A unit without a row stands at the top."""

    __tablename__ = "unit_parent"
    __table_args__ = (
        never_twice("unit_parent_never_two", "unit_id"),
        CheckConstraint("unit_id <> parent_id", name="not_itself"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    unit_id: UUID = Field(foreign_key="unit.id")
    parent_id: UUID = Field(foreign_key="unit.id", index=True)
    valid_from: date
    valid_to: date | None = None


class UnitSuccessor(SQLModel, table=True):
    """A unit merged or renamed into another from a day on."""

    __tablename__ = "unit_successor"

    unit_id: UUID = Field(foreign_key="unit.id", primary_key=True)
    successor_id: UUID = Field(foreign_key="unit.id", primary_key=True)
    valid_from: date


class Union(SQLModel, table=True):
    """A trade union: not a unit; its own money, its own approval."""

    __tablename__ = "labour_union"

    id: UUID = Field(primary_key=True)
    code: str = Field(unique=True)
    name: str
    province: str | None = None
    created_at: datetime = Field(sa_type=Moment)


class UnionUnit(SQLModel, table=True):
    """Which unions serve which units: n to m, dated."""

    __tablename__ = "union_unit"
    __table_args__ = (
        never_twice("union_unit_never_twice", "union_id", "unit_id"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    union_id: UUID = Field(foreign_key="labour_union.id")
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    valid_from: date
    valid_to: date | None = None


class Canteen(SQLModel, table=True):
    """A unit's kitchen: it buys ingredients, and the unit is credited."""

    __tablename__ = "canteen"

    id: UUID = Field(primary_key=True)
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    name: str
    created_at: datetime = Field(sa_type=Moment)


class Membership(SQLModel, table=True):
    """A person works at a unit from one day to another: at most one unit at any day."""

    __tablename__ = "membership"
    __table_args__ = (
        never_twice("membership_never_two", "person_id"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="person.id")
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    valid_from: date
    valid_to: date | None = None


class UnionMembership(SQLModel, table=True):
    """A person belongs to a union; to several, perhaps."""

    __tablename__ = "union_membership"
    __table_args__ = (
        never_twice("union_membership_never_twice", "union_id", "person_id"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", index=True)
    union_id: UUID = Field(foreign_key="labour_union.id")
    valid_from: date
    valid_to: date | None = None


class InvitationLink(SQLModel, table=True):
    """A unit's link or code (`/join/{code}`) for outside buyers: whoever comes through it is introduced by the unit."""

    __tablename__ = "invitation_link"

    code: str = Field(primary_key=True)
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    valid_from: date
    valid_to: date | None = None


class Introduction(SQLModel, table=True):
    """An outside buyer was introduced by a unit. An employee has none on the days of the membership."""

    __tablename__ = "introduction"
    __table_args__ = (
        never_twice("introduction_never_two", "person_id"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="person.id")
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    link_code: str | None = None
    valid_from: date
    valid_to: date | None = None


class Address(SQLModel, table=True):
    """A line of somebody's address book."""

    __tablename__ = "address"
    __table_args__ = (
        one_of("kind", ("home", "office", "other")),
        Index("uq_address_once", "person_id", "name", "phone", "region_code", "street", unique=True),
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="person.id")
    kind: str = "home"
    name: str
    phone: str
    region_code: str
    street: str
    postcode: str | None = None
    used_at: datetime = Field(sa_type=Moment)


class AuditMandate(SQLModel, table=True):
    """What an auditor may look at: units with all below them, business days [covers_from, covers_to), and on which
    days he may look. `document_sha256`: of the engagement letter. Pseudonyms hold within one mandate.
    """

    __tablename__ = "audit_mandate"
    __table_args__ = (
        CheckConstraint("covers_to > covers_from AND valid_to > valid_from", name="half_open"),
        CheckConstraint("cardinality(unit_ids) > 0", name="covers_somebody"),
        CheckConstraint("granted_by <> auditor_id", name="another_person"),
        Index("ix_audit_mandate_auditor", "auditor_id", "valid_from"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    auditor_id: UUID = Field(foreign_key="user_account.id")
    unit_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    covers_from: date
    covers_to: date
    valid_from: date
    valid_to: date
    document_sha256: str
    granted_by: UUID = Field(foreign_key="user_account.id")
    granted_at: datetime = Field(sa_type=Moment)
