"""Put goods on shelves and into campaigns."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from catalog.product.touch import touch
from shop.core.database import WriteSession
from shop.core.ids import derived_id


@dataclass(frozen=True, slots=True)
class NewZone:
    slug: str
    title: str
    position: int


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """Business days [valid_from, valid_to); the first by position is a line's primary campaign."""

    name: str
    valid_from: date
    valid_to: date
    position: int = 0

    @property
    def id(self) -> UUID:
        return derived_id("campaign", self.name, self.valid_from)


_ZONE = text("""
INSERT INTO zone (slug, title, position) VALUES (:slug, :title, :position)
ON CONFLICT (slug) DO UPDATE SET title = excluded.title, position = excluded.position
""")
_INTO_ZONE = text("""
INSERT INTO zone_product (zone_slug, product_id) SELECT :slug, unnest(CAST(:ids AS uuid[]))
ON CONFLICT DO NOTHING RETURNING product_id
""")
_CAMPAIGN = text("""
INSERT INTO campaign (id, name, position, valid_from, valid_to) VALUES (:id, :name, :position, :valid_from, :valid_to)
ON CONFLICT (id) DO UPDATE SET position = excluded.position, valid_to = excluded.valid_to
""")
_INTO_CAMPAIGN = text("""
INSERT INTO campaign_product (campaign_id, product_id) SELECT :id, unnest(CAST(:ids AS uuid[]))
ON CONFLICT DO NOTHING RETURNING product_id
""")


async def arrange_zone(session: WriteSession, *, zone: NewZone, product_ids: Collection[UUID], now: datetime) -> None:
    """Make or rename a zone and add products to it."""
    await session.execute(_ZONE, {"slug": zone.slug, "title": zone.title, "position": zone.position})
    added = await session.execute(_INTO_ZONE, {"slug": zone.slug, "ids": list(product_ids)})
    await touch(session, set(added.scalars()), now=now)


async def run_campaign(
    session: WriteSession, *, campaign: NewCampaign, product_ids: Collection[UUID], now: datetime
) -> UUID:
    """Open a campaign, or change its end, and add products to it; its id."""
    await session.execute(
        _CAMPAIGN,
        {
            "id": campaign.id,
            "name": campaign.name,
            "position": campaign.position,
            "valid_from": campaign.valid_from,
            "valid_to": campaign.valid_to,
        },
    )
    added = await session.execute(_INTO_CAMPAIGN, {"id": campaign.id, "ids": list(product_ids)})
    await touch(session, set(added.scalars()), now=now)
    return campaign.id
