"""The read model of the shop window: one row a listed product, every filter and every sort through an index."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Column, Index, Text, Uuid
from sqlmodel import Field, SQLModel

from shop.core.database import Fen, Moment


class ListingRow(SQLModel, table=True):
    """What a list, a search and a filter need of one listed product, made by the worker from the rooms below.

    `terms` are unigrams and bigrams of every searchable text, and pinyin words with their beginnings, so that one
    GIN index answers one, two and more characters. `card` is the finished JSON of the product without
    what changes with stock. `stale_at` is the next moment at which a dated fact of it changes.
    `sold` orders the default sort. `slots`, `stock_sku_ids` and `stock_pieces` go together: one piece of the SKU in a
    slot of the card takes so many pieces of that stock; SKUs that may not be sold are missing.
    """

    __tablename__ = "listing_row"
    __table_args__ = (
        Index("ix_listing_row_terms", "terms", postgresql_using="gin"),
        Index("ix_listing_row_designations", "designations", postgresql_using="gin"),
        Index("ix_listing_row_zones", "zones", postgresql_using="gin"),
        Index("ix_listing_row_sold", "sold", "product_id"),
        Index("ix_listing_row_price", "price_fen", "product_id"),
        Index("ix_listing_row_newest", "listed_at", "product_id"),
        Index("ix_listing_row_county", "county_code", "sold", "product_id"),
        Index("ix_listing_row_province", "province", "sold", "product_id"),
        Index("ix_listing_row_category", "category", "sold", "product_id"),
        Index("ix_listing_row_producer", "producer_id", "sold", "product_id"),
    )

    product_id: UUID = Field(primary_key=True, foreign_key="product.id")
    title: str
    county_code: str
    province: str
    category: str
    producer_id: UUID
    designations: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    zones: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    terms: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    search_text: str
    price_fen: int = Field(sa_type=Fen)
    sold: int = Field(default=0, sa_type=Fen)
    listed_at: datetime = Field(sa_type=Moment)
    ship_months: list[int] = Field(sa_column=Column(ARRAY(Fen), nullable=False))
    slots: list[int] = Field(sa_column=Column(ARRAY(Fen), nullable=False))
    stock_sku_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    stock_pieces: list[int] = Field(sa_column=Column(ARRAY(Fen), nullable=False))
    card: str
    detail: str
    made_at: datetime = Field(sa_type=Moment, index=True)
    stale_at: datetime | None = Field(default=None, sa_type=Moment, index=True)
