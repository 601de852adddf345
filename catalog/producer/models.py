"""Who grew or made it (producer: gets the credit) and who sells it (supplier: gets the money) are separate facts."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of

PRODUCER_KINDS = ("cooperative", "leading_enterprise", "family_farm", "other")


class Producer(SQLModel, table=True):
    """A cooperative, leading enterprise or family farm."""

    __tablename__ = "producer"
    __table_args__ = (one_of("kind", PRODUCER_KINDS),)

    id: UUID = Field(primary_key=True)
    name: str = Field(unique=True)
    kind: str
    county_code: str = Field(foreign_key="county.code", index=True)
    confirmed: bool = False
    source: str
    created_at: datetime = Field(sa_type=Moment)


class Supplier(SQLModel, table=True):
    """The seller of record. `credit_code` is the unified social credit code; blank until known."""

    __tablename__ = "supplier"

    id: UUID = Field(primary_key=True)
    name: str = Field(unique=True)
    credit_code: str | None = Field(default=None, unique=True)
    fictitious: bool = False
    created_at: datetime = Field(sa_type=Moment)


class BenefitStatement(SQLModel, table=True):
    """Households helped, as the producer stated them, with source and day; never computed from money."""

    __tablename__ = "benefit_statement"
    __table_args__ = (CheckConstraint("households >= 0 AND persons >= 0", name="not_negative"),)

    id: UUID = Field(primary_key=True)
    producer_id: UUID = Field(foreign_key="producer.id", index=True)
    period: str
    households: int
    persons: int
    mode: str
    source: str
    stated_on: date
