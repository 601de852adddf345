"""Who grew or made it (producer: gets the credit) and who sells it (supplier: gets the money) are separate facts."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of

PRODUCER_KINDS = ("cooperative", "leading_enterprise", "family_farm", "other")
FOOD_PAPERS = ("licence", "conformity", "inspection")
"""Papers without which food may not be sold (DOMAIN rule 21)."""
BADGE_PAPERS = ("green", "organic", "gi")
"""Papers that give a badge and may matter for counting, but never stop a sale."""


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


class Document(SQLModel, table=True):
    """A paper with a number, an issuer and days of validity [valid_from, valid_to), of one product.

    Expired food papers stop sales; expired badges only take the badge away.
    """

    __tablename__ = "document"
    __table_args__ = (
        one_of("kind", FOOD_PAPERS + BADGE_PAPERS),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        Index("ix_document_product_kind", "product_id", "kind", "valid_to"),
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID = Field(foreign_key="product.id")
    kind: str
    number: str | None = None
    issuer: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    file_sha256: str | None = None
    source: str
    confirmed: bool = False


class Recognition(SQLModel, table=True):
    """A product was recognised as an assisted one; a sale counts only inside [valid_from, valid_to)."""

    __tablename__ = "recognition"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="half_open"),
        Index("ix_recognition_product", "product_id", "valid_to"),
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID = Field(foreign_key="product.id")
    number: str = Field(unique=True)
    issuer: str
    valid_from: date
    valid_to: date
    source: str


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
