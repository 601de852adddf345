"""Everything that buying needs to know of goods, sellers, buyer and rules, in one statement and one answer."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from shop.core import clock


class Step(msgspec.Struct, frozen=True):
    id: UUID
    min_quantity: int
    fen: int


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
    prices: list[Step]
    contents: list[Content]


class DiscountFacts(msgspec.Struct, frozen=True):
    threshold_fen: int
    discount_fen: int


class RateFacts(msgspec.Struct, frozen=True):
    served: bool
    first_grams: int
    first_fen: int
    step_grams: int
    step_fen: int
    free_from_fen: int | None


class SupplierFacts(msgspec.Struct, frozen=True):
    id: UUID
    discounts: list[DiscountFacts]
    rate: RateFacts | None


class UnitFacts(msgspec.Struct, frozen=True):
    """A unit with everything above it, from the unit upwards."""

    id: UUID
    name: str
    path: list[UUID]


class RuleFacts(msgspec.Struct, frozen=True):
    id: UUID
    needs_designation: bool
    needs_recognition: bool
    origin_basis: str
    designation_kinds: list[str]
    credit_kinds: list[str]
    fund_sources: list[str]
    excluded_categories: list[str]


class Goods(msgspec.Struct, frozen=True):
    """What is the same for every buyer; `suppliers` carry the freight to one region."""

    skus: list[SkuFacts]
    suppliers: list[SupplierFacts]
    rule: RuleFacts | None
    region_known: bool


class Buyer(msgspec.Struct, frozen=True):
    """Where a person works, who introduced him: today."""

    works_at: UnitFacts | None
    introduced_by: UnitFacts | None


class Facts(msgspec.Struct, frozen=True):
    skus: list[SkuFacts]
    suppliers: list[SupplierFacts]
    rule: RuleFacts | None
    region_known: bool
    works_at: UnitFacts | None
    introduced_by: UnitFacts | None


_BUYER = """
WITH RECURSIVE home AS (
    SELECT 'works_at' AS how, unit_id FROM membership
    WHERE person_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
    UNION ALL
    SELECT 'introduced_by', unit_id FROM introduction
    WHERE person_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
),
tree AS (
    SELECT how, unit_id, 0 AS depth FROM home
    UNION ALL
    SELECT how, p.parent_id, depth + 1 FROM tree JOIN unit_parent p USING (unit_id)
    WHERE p.valid_from <= $2 AND (p.valid_to IS NULL OR p.valid_to > $2) AND depth < 20
),
units AS (
    SELECT how, jsonb_build_object(
        'id', (array_agg(t.unit_id ORDER BY depth))[1], 'name', (array_agg(u.name ORDER BY depth))[1],
        'path', jsonb_agg(t.unit_id ORDER BY depth)) AS facts
    FROM tree t JOIN unit u ON u.id = t.unit_id GROUP BY how
)
SELECT jsonb_build_object(
    'works_at', (SELECT facts FROM units WHERE how = 'works_at'),
    'introduced_by', (SELECT facts FROM units WHERE how = 'introduced_by')
)::text
"""

_GOODS = """
WITH wanted AS (SELECT DISTINCT unnest($1::uuid[]) AS id),
bought AS (
    SELECT s.id, s.spec, s.active, s.net_grams, p.id AS product_id, p.title, p.category, p.state, p.ship_months,
        p.supplier_id, f.name AS supplier_name,
        coalesce((SELECT jsonb_agg(jsonb_build_object('id', q.id, 'min_quantity', q.min_quantity, 'fen', q.fen))
            FROM price q WHERE q.sku_id = s.id AND q.list = 'retail' AND q.valid_from <= $4
                AND (q.valid_to IS NULL OR q.valid_to > $4)), '[]') AS prices
    FROM wanted w JOIN sku s ON s.id = w.id JOIN product p ON p.id = s.product_id
    JOIN supplier f ON f.id = p.supplier_id
),
inside AS (
    SELECT c.sku_id, c.position, jsonb_build_object(
        'stock_sku_id', c.stock_sku_id, 'pieces', c.pieces, 'allocation_fen', c.allocation_fen,
        'net_grams', s.net_grams, 'available', i.on_hand_pieces - i.held_pieces,
        'product_id', p.id, 'title', p.title, 'category', p.category, 'vat_basis_points', p.vat_basis_points,
        'county_code', g.code, 'county_name', g.name, 'province', g.province, 'made_county_code', p.made_county_code,
        'designations', coalesce(g.designations, '[]'), 'pairing_unit_ids', coalesce(g.pairings, '[]'),
        'made_designations', coalesce(m.designations, '[]'), 'made_pairing_unit_ids', coalesce(m.pairings, '[]'),
        'designated_once', coalesce(g.designated_once, false),
        'made_designated_once', coalesce(m.designated_once, false),
        'producer_id', r.id, 'producer_name', r.name,
        'recognition_number', (SELECT n.number FROM recognition n WHERE n.product_id = p.id AND n.valid_from <= $3
            AND n.valid_to > $3 ORDER BY n.valid_to DESC LIMIT 1),
        'recognised_once', EXISTS (SELECT FROM recognition n WHERE n.product_id = p.id AND n.valid_from <= $3),
        'recognised_later', EXISTS (SELECT FROM recognition n WHERE n.product_id = p.id AND n.valid_from > $3),
        'papers_expired', EXISTS (SELECT FROM document d WHERE d.product_id = p.id
            AND d.kind IN ('licence', 'conformity', 'inspection')
            GROUP BY d.kind HAVING NOT bool_or((d.valid_from IS NULL OR d.valid_from <= $3)
                AND (d.valid_to IS NULL OR d.valid_to > $3))),
        'campaign_id', (SELECT a.id FROM campaign_product b JOIN campaign a ON a.id = b.campaign_id
            WHERE b.product_id = p.id AND a.valid_from <= $3 AND a.valid_to > $3 ORDER BY a.position, a.id LIMIT 1),
        'changed_at', p.changed_at
    ) AS facts
    FROM wanted w
    JOIN sku_content c ON c.sku_id = w.id
    JOIN sku s ON s.id = c.stock_sku_id
    JOIN product p ON p.id = s.product_id
    JOIN producer r ON r.id = p.producer_id
    JOIN stock_item i ON i.sku_id = s.id
    LEFT JOIN LATERAL ({county}) g ON true
    LEFT JOIN LATERAL ({made}) m ON p.made_county_code IS NOT NULL
)
SELECT jsonb_build_object(
    'skus', coalesce((SELECT jsonb_agg(to_jsonb(b) || jsonb_build_object('contents',
        coalesce((SELECT jsonb_agg(i.facts ORDER BY i.position) FROM inside i WHERE i.sku_id = b.id), '[]')))
        FROM bought b), '[]'),
    'suppliers', coalesce((SELECT jsonb_agg(jsonb_build_object('id', s.supplier_id,
        'discounts', coalesce((SELECT jsonb_agg(jsonb_build_object('threshold_fen', d.threshold_fen,
            'discount_fen', d.discount_fen)) FROM seller_discount d WHERE d.supplier_id = s.supplier_id
            AND d.valid_from <= $3 AND (d.valid_to IS NULL OR d.valid_to > $3)), '[]'),
        'rate', (SELECT to_jsonb(f) FROM freight_rate f WHERE f.supplier_id = s.supplier_id
            AND f.region IN ($2::text, left($2::text, 4), left($2::text, 2), '') AND f.valid_from <= $3
            AND (f.valid_to IS NULL OR f.valid_to > $3) ORDER BY length(f.region) DESC LIMIT 1)))
        FROM (SELECT DISTINCT supplier_id FROM bought) s), '[]'),
    'region_known', EXISTS (SELECT FROM county k WHERE k.code = $2::text
        AND (k.valid_from IS NULL OR k.valid_from <= $3) AND (k.valid_to IS NULL OR k.valid_to > $3)),
    'rule', (SELECT to_jsonb(r) FROM counting_rule r WHERE r.valid_from <= $3
        AND (r.valid_to IS NULL OR r.valid_to > $3) ORDER BY r.valid_from DESC LIMIT 1)
)::text
"""

# A code that was replaced passes its origin, designations and pairings on (DOMAIN rule 26): look at today's code and
# at every code before it.
_COUNTY = """
    SELECT k.code, k.name, k.province,
        (SELECT jsonb_agg(DISTINCT d.kind) FROM designation d
            WHERE d.county_code IN (SELECT k.code UNION SELECT code FROM county_successor WHERE successor_code = k.code)
            AND (d.valid_from IS NULL OR d.valid_from <= $3) AND (d.valid_to IS NULL OR d.valid_to > $3)
        ) AS designations,
        EXISTS (SELECT FROM designation d
            WHERE d.county_code IN (SELECT k.code UNION SELECT code FROM county_successor WHERE successor_code = k.code)
            AND d.valid_to <= $3) AS designated_once,
        (SELECT jsonb_agg(DISTINCT a.unit_id) FROM pairing a
            WHERE a.county_code IN (SELECT k.code UNION SELECT code FROM county_successor WHERE successor_code = k.code)
            AND a.valid_from <= $3 AND (a.valid_to IS NULL OR a.valid_to > $3)) AS pairings
    FROM county k
    WHERE k.code = coalesce((SELECT min(t.successor_code) FROM county_successor t
        WHERE t.code = {column} AND t.valid_from <= $3), {column})
    AND (k.valid_from IS NULL OR k.valid_from <= $3) AND (k.valid_to IS NULL OR k.valid_to > $3)
"""
_GOODS_STATEMENT = _GOODS.replace("{county}", _COUNTY.replace("{column}", "p.origin_county_code")).replace(
    "{made}", _COUNTY.replace("{column}", "p.made_county_code")
)
_goods = msgspec.json.Decoder(Goods).decode
_buyer = msgspec.json.Decoder(Buyer).decode
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


async def goods_of(connection: Connection, *, sku_ids: Collection[UUID], region_code: str, now: datetime) -> Goods:
    """One round trip. Unknown SKUs are missing from `skus`."""
    day = clock.business_day(now)
    return _goods(await connection.fetchval(_GOODS_STATEMENT, list(sku_ids), region_code, day, now))


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
    )


async def facts_for(
    connection: Connection, *, sku_ids: Collection[UUID], person_id: UUID | None, region_code: str, now: datetime
) -> Facts:
    """Everything, read now. Unknown SKUs are missing from `skus`; person_id None is a visitor without a unit."""
    goods = await goods_of(connection, sku_ids=sku_ids, region_code=region_code, now=now)
    return together(goods, await buyer_of(connection, person_id=person_id, now=now))
