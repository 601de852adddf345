"""The shapes of listings as programs read them. PostgreSQL writes the JSON; these describe it and nothing runs them."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel

from catalog.county.schemas import CountyDesignationOut


class CountyBrief(BaseModel):
    code: str
    name: str
    province: str


class ProducerBrief(BaseModel):
    id: UUID
    name: str


class SkuBrief(BaseModel):
    """`price_fen`: what anybody is asked, on `price_list` (retail or campaign); `member_price_fen`: where a union's
    members are asked less. `available`: whole pieces that can be ordered now; 0 out of season or while a food paper has
    expired.
    """

    id: UUID
    spec: str
    price_fen: int
    price_list: str = "retail"
    member_price_fen: int | None = None
    available: int
    net_grams: int


class ProductCard(BaseModel):
    """`price_fen` and `member_price_fen` are the lowest of its SKUs, `available` the most pieces of one SKU."""

    id: UUID
    title: str
    county: CountyBrief
    producer: ProducerBrief
    category: str
    price_fen: int
    price_list: str = "retail"
    member_price_fen: int | None = None
    available: int
    image: str
    skus: list[SkuBrief]


class ProductPage(BaseModel):
    items: list[ProductCard]
    next_cursor: str | None


class DatedOut(BaseModel):
    """In force in [valid_from, valid_to): `valid_to` is the first day after; null is unknown, or open."""

    valid_from: date | None
    valid_to: date | None


class PaperOut(DatedOut):
    kind: str
    number: str | None
    issuer: str | None
    source: str
    confirmed: bool
    in_force: bool


class ListingRecognitionOut(DatedOut):
    number: str
    issuer: str
    source: str


class CampaignOut(DatedOut):
    id: UUID
    name: str


class DiscountOut(DatedOut):
    threshold_fen: int
    discount_fen: int


class ListingFreightOut(DatedOut):
    """`region`: beginning of a division code, '' = everywhere else."""

    region: str
    place: str | None
    served: bool
    first_grams: int
    first_fen: int
    step_grams: int
    step_fen: int
    free_from_fen: int | None


class ListingStatementOut(BaseModel):
    period: str
    households: int
    persons: int
    mode: str
    source: str
    stated_on: date


class ListingStepOut(BaseModel):
    """list: retail, member, union (of a union's bulk purchase) or campaign."""

    list: str = "retail"
    min_quantity: int
    fen: int


class ContentOut(BaseModel):
    product_id: UUID
    title: str
    spec: str
    pieces: int
    net_grams: int
    county: CountyBrief | None
    producer: ProducerBrief


class SkuOut(SkuBrief):
    """`contents` is empty unless it is a gift box."""

    prices: list[ListingStepOut]
    contents: list[ContentOut]


class MakerOut(ProducerBrief):
    kind: str
    confirmed: bool
    source: str


class SupplierOut(BaseModel):
    id: UUID
    name: str
    fictitious: bool


class ZoneOut(BaseModel):
    slug: str
    title: str


class ProductDetail(BaseModel):
    id: UUID
    title: str
    category: str
    price_fen: int
    price_list: str = "retail"
    member_price_fen: int | None = None
    available: int
    image: str
    in_season: bool
    papers_expired: bool
    county: CountyBrief
    made_county: CountyBrief | None
    producer: MakerOut
    supplier: SupplierOut
    storage: str | None
    shelf_life_days: int | None
    perishable: bool
    harvest_months: list[int]
    ship_months: list[int]
    certification: str | None
    note: str | None
    source: str
    confirmed: bool
    zones: list[ZoneOut]
    documents: list[PaperOut]
    badges: list[str]
    recognition: ListingRecognitionOut | None
    designations: list[CountyDesignationOut]
    benefit_statement: ListingStatementOut | None
    campaigns: list[CampaignOut] = []
    discounts: list[DiscountOut]
    freight: list[ListingFreightOut]
    freight_note: str
    skus: list[SkuOut]
