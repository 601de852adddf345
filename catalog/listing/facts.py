"""Everything a listing shows of some products, read in one statement: one document a product.

Dated rows come when they have not ended yet, so that the reader sees today's and the day when something changes next.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.county.on_day import codes_before, today_of
from catalog.product.on_day import FOOD_PAPERS
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.window import not_ended


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """In force in [valid_from, valid_to); None is unknown, or open."""

    valid_from: date | None
    valid_to: date | None

    def in_force(self, today: date) -> bool:
        return (self.valid_from is None or self.valid_from <= today) and (
            self.valid_to is None or today < self.valid_to
        )


class CountyFacts(Dated, frozen=True):
    code: str
    name: str
    province: str
    prefecture: str | None


class DesignationFacts(Dated, frozen=True):
    kind: str
    source: str
    confirmed: bool
    delisted_year: int | None


class Paper(Dated, frozen=True):
    kind: str
    number: str | None
    issuer: str | None
    source: str
    confirmed: bool


class RecognitionFacts(Dated, frozen=True):
    number: str
    issuer: str
    source: str


class Rate(Dated, frozen=True):
    """Freight to a region; see `FreightRate`. `place` is the region's name."""

    region: str
    place: str | None
    served: bool
    first_grams: int
    first_fen: int
    step_grams: int
    step_fen: int
    free_from_fen: int | None


class CampaignFacts(Dated, frozen=True):
    id: UUID
    name: str


class DiscountFacts(Dated, frozen=True):
    threshold_fen: int
    discount_fen: int


class Step(msgspec.Struct, frozen=True):
    id: UUID
    list: str
    min_quantity: int
    fen: int
    valid_from: datetime
    valid_to: datetime | None

    def in_force(self, now: datetime) -> bool:
        return self.valid_from <= now and (self.valid_to is None or now < self.valid_to)


class PaperDays(Dated, frozen=True):
    """A food paper of something that is inside a SKU."""

    product_id: UUID
    kind: str


class Content(msgspec.Struct, frozen=True):
    sku_id: UUID
    product_id: UUID
    title: str
    spec: str
    pieces: int
    net_grams: int
    county: CountyFacts | None
    producer_id: UUID
    producer_name: str


class SkuFacts(msgspec.Struct, frozen=True):
    id: UUID
    spec: str
    net_grams: int
    prices: list[Step]
    contents: list[Content]
    papers: list[PaperDays]


class Statement(msgspec.Struct, frozen=True):
    period: str
    households: int
    persons: int
    mode: str
    source: str
    stated_on: date


class ZoneFacts(msgspec.Struct, frozen=True):
    slug: str
    title: str


class ProducerFacts(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    kind: str
    confirmed: bool
    source: str


class SupplierFacts(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    fictitious: bool


class Facts(msgspec.Struct, frozen=True):
    id: UUID
    title: str
    category: str
    storage: str | None
    shelf_life_days: int | None
    perishable: bool
    harvest_months: list[int]
    ship_months: list[int]
    certification: str | None
    note: str | None
    source: str
    confirmed: bool
    created_at: datetime
    county: CountyFacts | None
    made_county: CountyFacts | None
    producer: ProducerFacts
    supplier: SupplierFacts
    zones: list[ZoneFacts]
    campaigns: list[CampaignFacts]
    skus: list[SkuFacts]
    documents: list[Paper]
    recognitions: list[RecognitionFacts]
    designations: list[DesignationFacts]
    statement: Statement | None
    discounts: list[DiscountFacts]
    rates: list[Rate]
    county_days: list[date]
    sold: int


_FACTS = text(f"""
WITH RECURSIVE requested AS (
    SELECT * FROM product WHERE id = ANY(:ids) AND state = 'listed'
),
inside AS (
    SELECT s.product_id AS of_product, c.sku_id AS of_sku, c.position, c.pieces, b.id AS sku_id, b.spec, b.net_grams,
        p.id AS product_id, p.title, p.origin_county_code, p.producer_id
    FROM requested w JOIN sku s ON s.product_id = w.id AND s.active
    JOIN sku_content c ON c.sku_id = s.id JOIN sku b ON b.id = c.stock_sku_id JOIN product p ON p.id = b.product_id
),
origin AS (
    SELECT origin_county_code AS code FROM requested UNION SELECT made_county_code FROM requested
    UNION SELECT origin_county_code FROM inside
),
onward(origin, code) AS (
    SELECT code, code FROM origin WHERE code IS NOT NULL
    UNION
    SELECT o.origin, s.successor_code FROM onward o JOIN county_successor s ON s.code = o.code
    WHERE s.valid_from <= :today
),
today AS (
    SELECT o.code AS origin, c.code, jsonb_build_object('code', c.code, 'name', c.name,
        'province', c.province, 'prefecture', c.prefecture, 'valid_from', c.valid_from, 'valid_to', c.valid_to) AS facts
    FROM origin o CROSS JOIN LATERAL ({today_of("o.code", ":today")}) c WHERE c.is_in_force
),
before(county, code) AS (
    SELECT t.code, b.code FROM (SELECT DISTINCT code FROM today) t
    CROSS JOIN LATERAL ({codes_before("t.code", ":today")}) b
),
place AS (
    SELECT r.region, (SELECT CASE length(r.region) WHEN 2 THEN c.province WHEN 4 THEN c.prefecture ELSE c.name END
        FROM county c WHERE c.code BETWEEN rpad(r.region, 6, '0') AND rpad(r.region, 6, '9') ORDER BY c.code LIMIT 1
    ) AS name
    FROM (SELECT DISTINCT region FROM freight_rate WHERE supplier_id IN (SELECT supplier_id FROM requested)
        AND region <> '') r
),
rates AS (
    SELECT f.supplier_id, jsonb_agg(to_jsonb(f) || jsonb_build_object('place', l.name) ORDER BY f.region) AS facts
    FROM freight_rate f LEFT JOIN place l ON l.region = f.region
    WHERE f.supplier_id IN (SELECT supplier_id FROM requested) AND {not_ended("f", ":today")}
    GROUP BY f.supplier_id
),
designated AS (
    SELECT b.county, jsonb_agg(to_jsonb(d) ORDER BY d.kind, d.valid_from NULLS FIRST) AS facts
    FROM before b JOIN designation d ON d.county_code = b.code
    WHERE d.valid_to IS NULL OR d.valid_to > :today GROUP BY b.county
),
days AS (
    SELECT o.origin, jsonb_agg(x.day) AS facts FROM onward o CROSS JOIN LATERAL (
        SELECT unnest(ARRAY[c.valid_from, c.valid_to]) FROM county c WHERE c.code = o.code
        UNION ALL SELECT s.valid_from FROM county_successor s WHERE s.code = o.code
    ) x(day) WHERE x.day > :today GROUP BY o.origin
),
contents AS (
    SELECT i.of_sku, jsonb_agg(jsonb_build_object('sku_id', i.sku_id, 'product_id', i.product_id, 'title', i.title,
        'spec', i.spec, 'pieces', i.pieces, 'net_grams', i.net_grams, 'county', t.facts, 'producer_id', m.id,
        'producer_name', m.name) ORDER BY i.position) AS facts
    FROM inside i JOIN producer m ON m.id = i.producer_id LEFT JOIN today t ON t.origin = i.origin_county_code
    GROUP BY i.of_sku
),
papers AS (
    SELECT i.of_sku, jsonb_agg(jsonb_build_object('product_id', i.product_id, 'kind', d.kind,
        'valid_from', d.valid_from, 'valid_to', d.valid_to)) AS facts
    FROM inside i JOIN document d ON d.product_id = i.product_id AND d.kind IN {FOOD_PAPERS}
    GROUP BY i.of_sku
),
skus AS (
    SELECT s.product_id, jsonb_agg(jsonb_build_object('id', s.id, 'spec', s.spec, 'net_grams', s.net_grams,
        'prices', coalesce(q.facts, '[]'), 'contents', coalesce(c.facts, '[]'), 'papers', coalesce(d.facts, '[]'))
        ORDER BY s.code) AS facts
    FROM requested w JOIN sku s ON s.product_id = w.id AND s.active
    LEFT JOIN contents c ON c.of_sku = s.id LEFT JOIN papers d ON d.of_sku = s.id
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(p) ORDER BY p.min_quantity) AS facts FROM price p
        WHERE p.sku_id = s.id AND {not_ended("p", ":now")}
    ) q ON true
    GROUP BY s.product_id
),
sold AS (
    SELECT s.product_id, -sum(m.pieces) AS pieces FROM requested w JOIN sku s ON s.product_id = w.id
    JOIN stock_movement m ON m.sku_id = s.id AND m.kind IN ('sold', 'returned') GROUP BY s.product_id
)
SELECT (to_jsonb(w) || jsonb_build_object(
    'county', here.facts, 'made_county', made.facts, 'producer', to_jsonb(r), 'supplier', to_jsonb(f),
    'skus', coalesce(k.facts, '[]'), 'designations', coalesce(g.facts, '[]'), 'rates', coalesce(t.facts, '[]'),
    'county_days', coalesce(x.facts, '[]'), 'sold', greatest(coalesce(v.pieces, 0), 0),
    'zones', coalesce((SELECT jsonb_agg(to_jsonb(z) ORDER BY z.position, z.slug) FROM zone_product y
        JOIN zone z ON z.slug = y.zone_slug WHERE y.product_id = w.id), '[]'),
    'campaigns', coalesce((SELECT jsonb_agg(to_jsonb(a) ORDER BY a.position, a.id) FROM campaign_product y
        JOIN campaign a ON a.id = y.campaign_id WHERE y.product_id = w.id AND {not_ended("a", ":today")}), '[]'),
    'documents', coalesce((SELECT jsonb_agg(to_jsonb(d) ORDER BY d.kind, d.valid_to) FROM document d
        WHERE d.product_id = w.id), '[]'),
    'recognitions', coalesce((SELECT jsonb_agg(to_jsonb(n) ORDER BY n.valid_to DESC) FROM recognition n
        WHERE n.product_id = w.id AND n.valid_to > :today), '[]'),
    'statement', (SELECT to_jsonb(b) FROM benefit_statement b WHERE b.producer_id = w.producer_id
        AND b.stated_on <= :today ORDER BY b.stated_on DESC, b.id LIMIT 1),
    'discounts', coalesce((SELECT jsonb_agg(to_jsonb(d) ORDER BY d.threshold_fen) FROM seller_discount d
        WHERE d.supplier_id = w.supplier_id AND {not_ended("d", ":today")}), '[]')
))::text
FROM requested w JOIN producer r ON r.id = w.producer_id JOIN supplier f ON f.id = w.supplier_id
LEFT JOIN today here ON here.origin = w.origin_county_code
LEFT JOIN today made ON made.origin = w.made_county_code
LEFT JOIN designated g ON g.county = here.code
LEFT JOIN rates t ON t.supplier_id = w.supplier_id
LEFT JOIN days x ON x.origin = w.origin_county_code
LEFT JOIN skus k ON k.product_id = w.id
LEFT JOIN sold v ON v.product_id = w.id
""")  # noqa: S608  # expressions of our own
_decode = msgspec.json.Decoder(Facts).decode


async def facts_of(session: ReadSession, product_ids: Sequence[UUID], *, now: datetime) -> list[Facts]:
    """Facts of those of the products that are listed, in no order."""
    values = {"ids": list(product_ids), "today": clock.business_day(now), "now": now}
    return [_decode(row) for row in (await session.execute(_FACTS, values)).scalars()]
