"""Counties by dated division codes; what they are designated as; which units answer for them."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import one_of

DESIGNATION_KINDS = ("lifted_out", "severely_poor", "key_revitalisation", "provincial", "emergency")


class County(SQLModel, table=True):
    """A county-level division code (GB/T 2260) and its name while valid. Blank dates mean unknown or open."""

    __tablename__ = "county"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{6}$'", name="six_digits"),
        CheckConstraint("valid_to > valid_from", name="half_open"),
    )

    code: str = Field(primary_key=True)
    name: str = Field(index=True)
    province: str = Field(index=True)
    prefecture: str | None = None
    kind: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    pinyin: str | None = None
    source: str


class CountyAlias(SQLModel, table=True):
    """Another name in use: the name on the list of 832, a short name. Match with the province, never by name alone."""

    __tablename__ = "county_alias"

    code: str = Field(foreign_key="county.code", primary_key=True)
    alias: str = Field(primary_key=True, index=True)
    kind: str = Field(primary_key=True)


class CountySuccessor(SQLModel, table=True):
    """A code replaced by another. Designations, pairings and product origins pass on from the first day."""

    __tablename__ = "county_successor"
    __table_args__ = (CheckConstraint("code <> successor_code", name="not_itself"),)

    code: str = Field(foreign_key="county.code", primary_key=True)
    successor_code: str = Field(foreign_key="county.code", primary_key=True, index=True)
    valid_from: date
    source: str


class Designation(SQLModel, table=True):
    """What a county is designated as. valid_from blank = unknown, valid_to blank = no document ended it."""

    __tablename__ = "designation"
    __table_args__ = (
        one_of("kind", DESIGNATION_KINDS),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        ExcludeConstraint(
            ("county_code", "="),
            ("kind", "="),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="designation_never_twice",
            using="gist",
        ),
        Index("ix_designation_kind", "kind", "county_code"),
    )

    id: UUID = Field(primary_key=True)
    county_code: str = Field(foreign_key="county.code")
    kind: str
    valid_from: date | None = None
    valid_to: date | None = None
    delisted_year: int | None = None
    source: str
    confirmed: bool = False


class Pairing(SQLModel, table=True):
    """A unit answers for a county. A relation with days and a source, not a property of the county."""

    __tablename__ = "pairing"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="half_open"),
        ExcludeConstraint(
            ("unit_id", "="),
            ("county_code", "="),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="pairing_never_twice",
            using="gist",
        ),
    )

    id: UUID = Field(primary_key=True)
    unit_id: UUID = Field(foreign_key="unit.id")
    county_code: str = Field(foreign_key="county.code", index=True)
    valid_from: date
    valid_to: date | None = None
    source: str
