"""What would it cost, would it arrive, and what would it count for: said before anybody pays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from catalog.campaign.entitled import ENTITLED, BuyerKind
from catalog.price import pricing
from orders.allowance.allocate import Purse
from orders.checkout.facts import Content, Facts, SkuFacts, UnitFacts
from orders.credit.rules import Deal, Origin, not_counted_reason
from shop.core import clock
from shop.core.money import half_up, split

_NOTHING: Mapping[UUID, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Piece:
    """One origin's part of what a payer pays of a line: fen, grams and milli-pieces."""

    content: Content
    net_fen: int
    grams: int
    quantity_milli: int


@dataclass(frozen=True, slots=True)
class QuotePiece(Piece):
    """And whether it counts: why not, or None."""

    not_counted_reason: str | None


@dataclass(frozen=True, slots=True)
class QuoteShare:
    """What one payer bears of a line, origin by origin: an allowance, or (None) the buyer's own money."""

    purse: Purse | None
    pieces: tuple[QuotePiece, ...]


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """trouble: why this line cannot be ordered: unknown_sku, not_for_sale, papers_expired, out_of_season,
    out_of_stock, cannot_arrive; None when it can. milli: exactly how much, where goods are weighed; quantity is then
    that rounded up. shares: who pays which part where an allowance bears some; none where the buyer pays it all.
    """

    sku_id: UUID
    quantity: int
    sku: SkuFacts | None
    step: pricing.PriceStep | None
    discount_fen: int
    pieces: tuple[QuotePiece, ...]
    available: int
    trouble: str | None
    milli: int | None = None
    shares: tuple[QuoteShare, ...] = ()

    @property
    def gross_fen(self) -> int:
        return _gross(self.step, self.quantity, self.milli) if self.step else 0

    @property
    def net_fen(self) -> int:
        return self.gross_fen - self.discount_fen


@dataclass(frozen=True, slots=True)
class Quote:
    """Sums in fen. unit: who is credited; credit_kind: as what; freight_fen: supplier → fen."""

    lines: tuple[QuoteLine, ...]
    freight_fen: dict[UUID, int]
    supplier_names: dict[UUID, str]
    unit: UnitFacts | None
    credit_kind: str
    buyer_kind: str
    facts: Facts

    @property
    def goods_fen(self) -> int:
        return sum(line.gross_fen for line in self.lines)

    @property
    def discount_fen(self) -> int:
        return sum(line.discount_fen for line in self.lines)

    @property
    def total_freight_fen(self) -> int:
        return sum(self.freight_fen.values())

    @property
    def total_fen(self) -> int:
        return self.goods_fen - self.discount_fen + self.total_freight_fen

    @property
    def allowance_fen(self) -> int:
        return sum(p.net_fen for line in self.lines for share in line.shares if share.purse for p in share.pieces)

    def counts_for(self) -> dict[tuple[str, str], int]:
        """(county code, name) → fen that will be credited when this is paid."""
        sums: dict[tuple[str, str], int] = {}
        for line in self.lines:
            for piece in line.pieces:
                if piece.not_counted_reason is None:
                    county = (piece.content.county_code or "", piece.content.county_name or "")
                    sums[county] = sums.get(county, 0) + piece.net_fen
        return sums


def quote(
    requested: Sequence[tuple[UUID, int]],
    facts: Facts,
    *,
    now: datetime,
    weights: Mapping[UUID, int] = _NOTHING,
    fund_source: str = "personal",
    asking: BuyerKind | None = None,
) -> Quote:
    """Pure: the facts of one moment in, lines, sums and what they count for out.

    requested: (SKU, pieces ≥ 1), each SKU once; weights: the milli-pieces of goods that are weighed. An employee's
    purchase is direct, of the unit he works at; an outside buyer's is an assisted sale of the introducing unit (DOMAIN
    rule 1). asking: whose price lists, where the buyer is no person.
    """
    by_id = {sku.id: sku for sku in facts.skus}
    found = [(by_id.get(sku_id), quantity) for sku_id, quantity in requested]
    lists = ENTITLED[asking or ("member" if facts.member else "anybody")]
    steps = [pricing.step_for(sku.prices, quantity, lists) if sku else None for sku, quantity in found]
    sums = _sums(found, steps, facts, weights)
    unit = facts.works_at or facts.introduced_by
    month = clock.business_day(now).month
    discounts = iter(sums.discount_fen)
    lines = []
    taken: dict[UUID, int] = {}
    for (sku_id, quantity), (sku, _), step in zip(requested, found, steps, strict=True):
        if sku is None or step is None:
            trouble = "unknown_sku" if sku is None else "not_for_sale"
            lines.append(QuoteLine(sku_id, quantity, sku, None, 0, (), 0, trouble))
            continue
        discount = next(discounts)
        milli = weights.get(sku_id)
        net = _gross(step, quantity, milli) - discount
        lines.append(
            QuoteLine(
                sku_id=sku_id,
                quantity=quantity,
                sku=sku,
                step=step,
                discount_fen=discount,
                pieces=_pieces(sku, quantity, net, facts, unit, milli, fund_source),
                available=_available(sku, taken),
                trouble=_trouble(sku, quantity, _available(sku, taken), month, sums.cannot_arrive),
                milli=milli,
            )
        )
        for content in sku.contents:
            taken[content.stock_sku_id] = taken.get(content.stock_sku_id, 0) + content.pieces * quantity
    return Quote(
        lines=tuple(lines),
        freight_fen=sums.freight_fen,
        supplier_names={sku.supplier_id: sku.supplier_name for sku in facts.skus},
        unit=unit,
        credit_kind="direct_purchase" if facts.works_at else "assisted_sale",
        buyer_kind="employee" if facts.works_at else "outside",
        facts=facts,
    )


def _sums(
    found: Sequence[tuple[SkuFacts | None, int]],
    steps: Sequence[pricing.PriceStep | None],
    facts: Facts,
    weights: Mapping[UUID, int],
) -> pricing.Priced:
    """Discounts and freight of the lines that can be priced."""
    return pricing.price(
        [
            pricing.PricingLine(
                sku.supplier_id,
                _gross(step, quantity, weights.get(sku.id)),
                _part(sku.net_grams * quantity, quantity, weights.get(sku.id)),
            )
            for (sku, quantity), step in zip(found, steps, strict=True)
            if sku and step
        ],
        {s.id: s.discounts for s in facts.suppliers},
        {s.id: s.rate for s in facts.suppliers if s.rate},
    )


def _gross(step: pricing.PriceStep, quantity: int, milli: int | None) -> int:
    return step.fen * quantity if milli is None else half_up(step.fen * milli, 1_000)


def _part(whole: int, quantity: int, milli: int | None) -> int:
    """Of grams or milli-pieces of so many pieces, those of the weight that is really wanted."""
    return whole if milli is None else half_up(whole * milli, quantity * 1_000)


def _available(sku: SkuFacts, taken: dict[UUID, int]) -> int:
    """Whole pieces left for this line, after the lines before it that share its contents."""
    return max(0, min(((c.available - taken.get(c.stock_sku_id, 0)) // c.pieces for c in sku.contents), default=0))


def _trouble(sku: SkuFacts, quantity: int, available: int, month: int, unserved: frozenset[UUID]) -> str | None:
    if sku.state != "listed" or not sku.active or not sku.contents:
        return "not_for_sale"
    if any(content.papers_expired for content in sku.contents):
        return "papers_expired"
    if any(content.county_code is None for content in sku.contents):
        return "not_for_sale"
    if sku.ship_months and month not in sku.ship_months:
        return "out_of_season"
    if sku.supplier_id in unserved:
        return "cannot_arrive"
    return "out_of_stock" if available < quantity else None


def _pieces(
    sku: SkuFacts,
    quantity: int,
    net_fen: int,
    facts: Facts,
    unit: UnitFacts | None,
    milli: int | None,
    fund_source: str,
) -> tuple[QuotePiece, ...]:
    """Line net → origins by allocation price × pieces (DOMAIN rule 10)."""
    shares = (
        split(net_fen, [content.allocation_fen * content.pieces for content in sku.contents]) if sku.contents else []
    )
    return tuple(
        QuotePiece(
            content=content,
            net_fen=share,
            grams=_part(content.net_grams * content.pieces * quantity, quantity, milli),
            quantity_milli=_part(content.pieces * quantity * 1_000, quantity, milli),
            not_counted_reason=why_not_counted(content, facts, unit, fund_source),
        )
        for content, share in zip(sku.contents, shares, strict=True)
    )


def why_not_counted(
    content: Content,
    facts: Facts,
    unit: UnitFacts | None,
    fund_source: str = "personal",
    credit_kind: str | None = None,
) -> str | None:
    """By the rule of the day; None: it counts."""
    rule = facts.rule
    made = rule is not None and rule.origin_basis == "made"
    pairings = content.made_pairing_unit_ids if made else content.pairing_unit_ids
    return not_counted_reason(
        rule,
        Origin(
            designations=content.made_designations if made else content.designations,
            paired=unit is not None and not set(pairings).isdisjoint(unit.path),
            recognition_number=content.recognition_number,
            recognised_once=content.recognised_once,
            known=(content.made_county_code if made else content.county_code) is not None,
            designated_once=content.made_designated_once if made else content.designated_once,
            recognised_later=content.recognised_later,
        ),
        credited=unit is not None,
        deal=Deal(
            credit_kind=credit_kind or ("direct_purchase" if facts.works_at else "assisted_sale"),
            fund_source=fund_source,
            category=content.category,
        ),
    )
