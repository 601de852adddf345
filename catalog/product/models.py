"""What is sold. A SKU is what goes into a cart; its contents say what leaves the barn."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Column, Index, Integer, SmallInteger, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from shop.core.database import Fen, Grams, Moment, one_of

PRODUCT_STATES = ("draft", "listed", "withdrawn")
FOOD_PAPERS = ("licence", "conformity", "inspection")
"""Papers without which food may not be sold (DOMAIN rule 21)."""
BADGE_PAPERS = ("green", "organic", "gi")
"""Papers that give a badge and may matter for counting, but never stop a sale."""


class Product(SQLModel, table=True):
    """One thing with a story: where it was grown and made, who made it, who sells it.

    `origin_county_code` is where it was grown; `made_county_code` where it was made. `ship_months` empty = all year.
    A product without a county code valid today cannot be `listed`.
    """

    __tablename__ = "product"
    __table_args__ = (
        one_of("state", PRODUCT_STATES),
        CheckConstraint("state <> 'listed' OR origin_county_code IS NOT NULL", name="listed_has_origin"),
        CheckConstraint("vat_basis_points BETWEEN 0 AND 10000", name="vat_in_range"),
    )

    id: UUID = Field(primary_key=True)
    code: str = Field(unique=True)
    title: str
    category: str = Field(index=True)
    producer_id: UUID = Field(foreign_key="producer.id", index=True)
    supplier_id: UUID = Field(foreign_key="supplier.id", index=True)
    origin_county_code: str | None = Field(default=None, foreign_key="county.code", index=True)
    made_county_code: str | None = Field(default=None, foreign_key="county.code")
    state: str = "draft"
    storage: str | None = None
    shelf_life_days: int | None = None
    perishable: bool = False
    harvest_months: list[int] = Field(default_factory=list, sa_column=Column(ARRAY(SmallInteger), nullable=False))
    ship_months: list[int] = Field(default_factory=list, sa_column=Column(ARRAY(SmallInteger), nullable=False))
    vat_basis_points: int = Field(sa_type=Integer)
    certification: str | None = None
    note: str | None = None
    source: str
    confirmed: bool = False
    created_at: datetime = Field(sa_type=Moment)
    changed_at: datetime = Field(sa_type=Moment)


class Sku(SQLModel, table=True):
    """What goes into a cart, with the net weight of one piece.

    `weighed`: sold by weight. A piece is then the priced weight unit, 500 g or 1 kg, and canteens may order and accept
    any part of it.
    """

    __tablename__ = "sku"
    __table_args__ = (
        CheckConstraint("net_grams > 0", name="has_weight"),
        CheckConstraint("NOT weighed OR net_grams IN (500, 1000)", name="weighed_by_unit"),
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID = Field(foreign_key="product.id", index=True)
    code: str = Field(unique=True)
    spec: str
    net_grams: int = Field(sa_type=Grams)
    active: bool = True
    weighed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class SkuContent(SQLModel, table=True):
    """What one piece of a SKU takes out of the barn: itself once, or, for a gift box, its components.

    `allocation_fen` is the component's weight when the box's money is divided among origins.
    Plain goods and boxes then need no different path anywhere.
    """

    __tablename__ = "sku_content"
    __table_args__ = (
        CheckConstraint("pieces > 0", name="has_pieces"),
        CheckConstraint("allocation_fen >= 0", name="weight_not_negative"),
        UniqueConstraint("sku_id", "position"),
    )

    sku_id: UUID = Field(foreign_key="sku.id", primary_key=True)
    stock_sku_id: UUID = Field(foreign_key="sku.id", primary_key=True, index=True)
    position: int
    pieces: int = Field(sa_type=BigInteger)
    allocation_fen: int = Field(sa_type=Fen)


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


class ProductTouched(SQLModel, table=True):
    """Products whose listing must be made anew. Verbs insert here in their own transaction; the worker empties it."""

    __tablename__ = "product_touched"

    product_id: UUID = Field(primary_key=True)
    touched_at: datetime = Field(sa_type=Moment)
