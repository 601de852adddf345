"""Zones to browse and campaigns with a window."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel


class Zone(SQLModel, table=True):
    """A shelf of the shop: goods that belong together."""

    __tablename__ = "zone"

    slug: str = Field(primary_key=True)
    title: str
    position: int = 0


class ZoneProduct(SQLModel, table=True):
    """A product stands in a zone."""

    __tablename__ = "zone_product"

    zone_slug: str = Field(foreign_key="zone.slug", primary_key=True)
    product_id: UUID = Field(foreign_key="product.id", primary_key=True, index=True)


class Campaign(SQLModel, table=True):
    """A window [valid_from, valid_to) with goods; a line belongs to at most one, the first by position."""

    __tablename__ = "campaign"
    __table_args__ = (CheckConstraint("valid_to > valid_from", name="half_open"),)

    id: UUID = Field(primary_key=True)
    name: str
    position: int = 0
    valid_from: date
    valid_to: date


class CampaignProduct(SQLModel, table=True):
    """A product takes part in a campaign."""

    __tablename__ = "campaign_product"

    campaign_id: UUID = Field(foreign_key="campaign.id", primary_key=True)
    product_id: UUID = Field(foreign_key="product.id", primary_key=True, index=True)
