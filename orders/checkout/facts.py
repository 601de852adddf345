"""Everything that buying needs to know of goods, sellers, buyer and rules, in one statement and one answer."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from catalog.campaign.entitled import holds
from catalog.county.on_day import origin_on
from catalog.price.pricing import Discount, PriceStep, Rate
from catalog.product.on_day import papers_expired_on, recognised_on
from orders.credit.rules import Rule
from shop.core import clock
from shop.core.window import in_force
from shop.organisation.path import path_on


class Content(msgspec.Struct, frozen=True):
    """What one piece of a SKU holds of one origin. Facts of the county and the papers are those of today."""

    stock_sku_id: UUID
    pieces: int
    allocation_fen: int
    net_grams: int
    available: int
    product_id: UUID
    title: str
    category: str
    vat_basis_points: int
    county_code: str | None
    county_name: str | None
    province: str | None
    made_county_code: str | None
    designations: list[str]
    made_designations: list[str]
    pairing_unit_ids: list[UUID]
    made_pairing_unit_ids: list[UUID]
    producer_id: UUID
    producer_name: str
    recognition_number: str | None
    recognised_once: bool
    papers_expired: bool
    campaign_id: UUID | None
    changed_at: datetime
    designated_once: bool = False
    made_designated_once: bool = False
    recognised_later: bool = False


class SkuFacts(msgspec.Struct, frozen=True):
    id: UUID
    spec: str
    active: bool
    net_grams: int
    product_id: UUID
    title: str
    category: str
    state: str
    ship_months: list[int]
    supplier_id: UUID
    supplier_name: str
    prices: list[PriceStep]
    contents: list[Content]


class SupplierFacts(msgspec.Struct, frozen=True):
    id: UUID
    discounts: list[Discount]
    rate: Rate | None


class UnitFacts(msgspec.Struct, frozen=True):
    """A unit with everything above it, from the unit upwards."""

    id: UUID
    name: str
    path: list[UUID]


class Goods(msgspec.Struct, frozen=True):
    """What is the same for every buyer; `suppliers` carry the freight to one region."""

    skus: list[SkuFacts]
    suppliers: list[SupplierFacts]
    rule: Rule | None
    region_known: bool


class Buyer(msgspec.Struct, frozen=True):
    """Where a person works, who introduced him, whether a union lists him: today."""

    works_at: UnitFacts | None
    introduced_by: UnitFacts | None
    member: bool = False


class Facts(msgspec.Struct, frozen=True):
    skus: list[SkuFacts]
    suppliers: list[SupplierFacts]
    rule: Rule | None
    region_known: bool
    works_at: UnitFacts | None
    introduced_by: UnitFacts | None
    member: bool = False


_BUYER = f"""
WITH home AS (
    SELECT 'works_at' AS how, m.unit_id FROM membership m WHERE m.person_id = $1 AND {in_force("m", "$2")}
    UNION ALL
    SELECT 'introduced_by', i.unit_id FROM introduction i WHERE i.person_id = $1 AND {in_force("i", "$2")}
),
units AS (
    SELECT h.how, jsonb_build_object('id', u.id, 'name', u.name,
        'path', (SELECT jsonb_agg(p.unit_id ORDER BY p.depth) FROM ({path_on("h.unit_id", "$2")}) p)) AS facts
    FROM home h JOIN unit u ON u.id = h.unit_id
)
SELECT jsonb_build_object(
    'works_at', (SELECT facts FROM units WHERE how = 'works_at'),
    'introduced_by', (SELECT facts FROM units WHERE how = 'introduced_by'),
    'member', EXISTS (SELECT FROM union_membership u WHERE u.person_id = $1 AND {in_force("u", "$2")})
)::text
"""  # noqa: S608  # expressions of our own

_GOODS = f"""
WITH requested AS (SELECT DISTINCT unnest($1::uuid[]) AS id),
bought AS (
    SELECT s.id, s.spec, s.active, s.net_grams, p.id AS product_id, p.title, p.category, p.state, p.ship_months,
        p.supplier_id, f.name AS supplier_name,
        coalesce((SELECT jsonb_agg(jsonb_build_object('price_id', q.id, 'min_quantity', q.min_quantity, 'fen', q.fen,
            'list', q.list)) FROM price q WHERE q.sku_id = s.id AND {holds("q", "$4")}), '[]') AS prices
    FROM requested w JOIN sku s ON s.id = w.id JOIN product p ON p.id = s.product_id
    JOIN supplier f ON f.id = p.supplier_id
),
inside AS (
    SELECT c.sku_id, c.position, jsonb_build_object(
        'stock_sku_id', c.stock_sku_id, 'pieces', c.pieces, 'allocation_fen', c.allocation_fen,
        'net_grams', s.net_grams, 'available', i.on_hand_pieces - i.held_pieces,
        'product_id', p.id, 'title', p.title, 'category', p.category, 'vat_basis_points', p.vat_basis_points,
        'county_code', g.code, 'county_name', g.name, 'province', g.province, 'made_county_code', p.made_county_code,
        'designations', coalesce(g.designations, '{{}}'), 'pairing_unit_ids', coalesce(g.pairing_unit_ids, '{{}}'),
        'made_designations', coalesce(m.designations, '{{}}'),
        'made_pairing_unit_ids', coalesce(m.pairing_unit_ids, '{{}}'),
        'designated_once', coalesce(g.designated_once, false),
        'made_designated_once', coalesce(m.designated_once, false),
        'producer_id', r.id, 'producer_name', r.name,
        'recognition_number', n.recognition_number, 'recognised_once', n.recognised_once,
        'recognised_later', n.recognised_later, 'papers_expired', {papers_expired_on("p.id", "$3")},
        'campaign_id', (SELECT a.id FROM campaign_product b JOIN campaign a ON a.id = b.campaign_id
            WHERE b.product_id = p.id AND {in_force("a", "$3")} ORDER BY a.position, a.id LIMIT 1),
        'changed_at', p.changed_at
    ) AS facts
    FROM requested w
    JOIN sku_content c ON c.sku_id = w.id
    JOIN sku s ON s.id = c.stock_sku_id
    JOIN product p ON p.id = s.product_id
    JOIN producer r ON r.id = p.producer_id
    JOIN stock_item i ON i.sku_id = s.id
    CROSS JOIN LATERAL ({recognised_on("p.id", "$3")}) n
    LEFT JOIN LATERAL ({origin_on("p.origin_county_code", "$3")}) g ON g.is_in_force
    LEFT JOIN LATERAL ({origin_on("p.made_county_code", "$3")}) m ON m.is_in_force
)
SELECT jsonb_build_object(
    'skus', coalesce((SELECT jsonb_agg(to_jsonb(b) || jsonb_build_object('contents',
        coalesce((SELECT jsonb_agg(i.facts ORDER BY i.position) FROM inside i WHERE i.sku_id = b.id), '[]')))
        FROM bought b), '[]'),
    'suppliers', coalesce((SELECT jsonb_agg(jsonb_build_object('id', s.supplier_id,
        'discounts', coalesce((SELECT jsonb_agg(jsonb_build_object('threshold_fen', d.threshold_fen,
            'discount_fen', d.discount_fen)) FROM seller_discount d WHERE d.supplier_id = s.supplier_id
            AND {in_force("d", "$3")}), '[]'),
        'rate', (SELECT to_jsonb(f) FROM freight_rate f WHERE f.supplier_id = s.supplier_id
            AND f.region IN ($2::text, left($2::text, 4), left($2::text, 2), '') AND {in_force("f", "$3")}
            ORDER BY length(f.region) DESC LIMIT 1)))
        FROM (SELECT DISTINCT supplier_id FROM bought) s), '[]'),
    'region_known', EXISTS (SELECT FROM county k WHERE k.code = $2::text AND {in_force("k", "$3", unknown=True)}),
    'rule', (SELECT to_jsonb(r) FROM counting_rule r WHERE {in_force("r", "$3")} ORDER BY r.valid_from DESC LIMIT 1)
)::text
"""  # noqa: S608  # as above
_goods = msgspec.json.Decoder(Goods).decode
_buyer = msgspec.json.Decoder(Buyer).decode
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


async def goods_of(connection: Connection, *, sku_ids: Collection[UUID], region_code: str, now: datetime) -> Goods:
    """One round trip. Unknown SKUs are missing from `skus`."""
    day = clock.business_day(now)
    return _goods(await connection.fetchval(_GOODS, list(sku_ids), region_code, day, now))


async def buyer_of(connection: Connection, *, person_id: UUID | None, now: datetime) -> Buyer:
    """One round trip. person_id None is a visitor without a unit."""
    if person_id is None:
        return Buyer(None, None)
    return _buyer(await connection.fetchval(_BUYER, person_id, clock.business_day(now)))


def together(goods: Goods, buyer: Buyer) -> Facts:
    return Facts(
        skus=goods.skus,
        suppliers=goods.suppliers,
        rule=goods.rule,
        region_known=goods.region_known,
        works_at=buyer.works_at,
        introduced_by=buyer.introduced_by,
        member=buyer.member,
    )


async def facts_for(
    connection: Connection, *, sku_ids: Collection[UUID], person_id: UUID | None, region_code: str, now: datetime
) -> Facts:
    """Everything, read now. Unknown SKUs are missing from `skus`; person_id None is a visitor without a unit."""
    goods = await goods_of(connection, sku_ids=sku_ids, region_code=region_code, now=now)
    return together(goods, await buyer_of(connection, person_id=person_id, now=now))
