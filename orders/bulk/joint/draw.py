"""An approved plan, drawn up as an order: lines, who owns which pieces, who pays which fen. Pure, in linear time.

Money is divided once, from the line down: line net → payers → origins (DOMAIN rule 10); freight by the same weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from catalog.campaign.entitled import ENTITLED
from catalog.price import pricing
from orders.bulk.joint.demand import Demand, Destination
from orders.bulk.problems import PlanInvalid
from orders.checkout.facts import Goods, SkuFacts
from orders.checkout.quote import Piece
from orders.checkout.quoted import TROUBLES
from shop.core.errors import Detail
from shop.core.money import split

Rates = Mapping[UUID, Mapping[str, pricing.Rate]]
"""Supplier → region prefix → rate."""
PREFIXES = (6, 4, 2, 0)


@dataclass(frozen=True, slots=True)
class DrawnShare:
    """One payer's share of a line."""

    payer: int
    pieces: Sequence[Piece]

    @property
    def net_fen(self) -> int:
        return sum(piece.net_fen for piece in self.pieces)


@dataclass(slots=True)
class DrawnLine:
    """So many pieces of a SKU at the plan's price. owners: payer → pieces."""

    sku: SkuFacts
    unit_price_fen: int
    price_id: UUID
    quantity: int = 0
    discount_fen: int = 0
    owners: dict[int, int] = field(default_factory=dict)
    shares: list[DrawnShare] = field(default_factory=list)

    @property
    def gross_fen(self) -> int:
        return self.quantity * self.unit_price_fen

    @property
    def net_fen(self) -> int:
        return self.gross_fen - self.discount_fen


@dataclass(frozen=True, slots=True)
class Allocated:
    """destination and line are positions; payer: whose pieces."""

    destination: int
    line: int
    payer: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """freight: payer → fen; their sum is what the parcel costs."""

    destination: int
    supplier_id: UUID
    freight: Mapping[int, int]

    @property
    def freight_fen(self) -> int:
        return sum(self.freight.values())


@dataclass(frozen=True, slots=True)
class Drawn:
    """due_fen: payer → goods and freight. stock: SKU → pieces to hold."""

    lines: Sequence[DrawnLine]
    allocated: Sequence[Allocated]
    parcels: Sequence[Parcel]
    due_fen: Mapping[int, int]
    stock: Mapping[UUID, int]


def draw(demand: Demand, goods: Goods, rates: Rates, *, ship_on: date) -> Drawn:
    """Raises PlanInvalid for goods that cannot be sold or sent, with a detail each."""
    facts = {sku.id: sku for sku in goods.skus}
    lines, allocated = _lines(demand, facts)
    if wrong := [detail for line in lines if (detail := _trouble(line.sku, ship_on))]:
        raise PlanInvalid("有商品现在不能下单，请调整计划后重新提交审批。", wrong)
    _discount(lines, goods)
    weights = _weights(demand)
    for line in lines:
        line.shares = _shares(line, weights)
    parcels = _parcels(demand, lines, allocated, rates, weights)
    due: dict[int, int] = {}
    for line in lines:
        for share in line.shares:
            due[share.payer] = due.get(share.payer, 0) + share.net_fen
    for parcel in parcels:
        for payer, fen in parcel.freight.items():
            due[payer] = due.get(payer, 0) + fen
    stock: dict[UUID, int] = {}
    for line in lines:
        for content in line.sku.contents:
            stock[content.stock_sku_id] = stock.get(content.stock_sku_id, 0) + content.pieces * line.quantity
    return Drawn(lines, allocated, parcels, due, stock)


def _lines(demand: Demand, facts: Mapping[UUID, SkuFacts]) -> tuple[list[DrawnLine], list[Allocated]]:
    """One line a SKU and price; what each destination gets of it for each payer."""
    numbers: dict[tuple[UUID, int], int] = {}
    lines: list[DrawnLine] = []
    allocated: dict[tuple[int, int, int], int] = {}
    for there, destination in enumerate(demand.destinations):
        for (payer, package_id), count in destination.packages.items():
            for inside in demand.packages[package_id]:
                key = (inside.sku_id, inside.unit_price_fen)
                if key not in numbers:
                    numbers[key] = len(lines)
                    lines.append(_line(facts, *key))
                number, pieces = numbers[key], inside.pieces * count
                line = lines[number]
                line.quantity += pieces
                line.owners[payer] = line.owners.get(payer, 0) + pieces
                at = (there, number, payer)
                allocated[at] = allocated.get(at, 0) + pieces
    return lines, [Allocated(*at, pieces) for at, pieces in allocated.items()]


def _line(facts: Mapping[UUID, SkuFacts], sku_id: UUID, unit_price_fen: int) -> DrawnLine:
    """The price row that the plan's price came from, so that its fall can be noticed; else the one for a piece."""
    sku = facts.get(sku_id)
    if sku is None or not any(step.list in ENTITLED["union"] for step in sku.prices):
        title = sku.title if sku else str(sku_id)
        raise PlanInvalid("有商品已经下架，请调整计划。", [Detail("/packages", "not_for_sale", f"{title} 已经下架")])
    of_unions = [step for step in sku.prices if step.list in ENTITLED["union"]]
    same = [step for step in of_unions if step.fen == unit_price_fen]
    return DrawnLine(sku, unit_price_fen, min(same or of_unions, key=lambda step: step.min_quantity).price_id)


def _trouble(sku: SkuFacts, ship_on: date) -> Detail | None:
    code = None
    if sku.state != "listed" or not sku.active or not sku.contents or any(not c.county_code for c in sku.contents):
        code = "not_for_sale"
    elif any(content.papers_expired for content in sku.contents):
        code = "papers_expired"
    elif sku.ship_months and ship_on.month not in sku.ship_months:
        code = "out_of_season"
    return Detail("/packages", code, f"{sku.title}：{TROUBLES[code][0]}") if code else None


def _discount(lines: Sequence[DrawnLine], goods: Goods) -> None:
    discounts = {s.id: s.discounts for s in goods.suppliers}
    priced = pricing.price(
        [
            pricing.PricingLine(line.sku.supplier_id, line.gross_fen, line.sku.net_grams * line.quantity)
            for line in lines
        ],
        discounts,
        {},
    )
    for line, discount in zip(lines, priced.discount_fen, strict=True):
        line.discount_fen = discount


def _weights(demand: Demand) -> Mapping[int, int] | None:
    """Payer → weight where money is shared otherwise than by pieces: fixed shares, or heads (a spare is one too)."""
    if demand.shared_by == "packages":
        return None
    if demand.shared_by == "fixed":
        found = {number: payer.weight for number, payer in enumerate(demand.payers) if payer.weight}
    else:
        found = {}
        for destination in demand.destinations:
            for (payer, _), count in destination.packages.items():
                found[payer] = found.get(payer, 0) + count
    if not found:
        raise PlanInvalid("请填写各付款方的份额。", [Detail("/payers", "no_weight", "没有份额")])
    return dict(sorted(found.items()))


def _shares(line: DrawnLine, weights: Mapping[int, int] | None) -> list[DrawnShare]:
    by_payer = weights or dict(sorted(line.owners.items()))
    payers, parts = list(by_payer), list(by_payer.values())
    net = split(line.net_fen, parts)
    contents = line.sku.contents
    allocation = [content.allocation_fen * content.pieces for content in contents]
    grams = [split(content.net_grams * content.pieces * line.quantity, parts) for content in contents]
    milli = [split(content.pieces * line.quantity * 1_000, parts) for content in contents]
    return [
        DrawnShare(
            payer,
            [
                Piece(content, fen, grams[c][number], milli[c][number])
                for c, (content, fen) in enumerate(zip(contents, split(net[number], allocation), strict=True))
            ],
        )
        for number, payer in enumerate(payers)
    ]


def _parcels(
    demand: Demand,
    lines: Sequence[DrawnLine],
    allocated: Sequence[Allocated],
    rates: Rates,
    weights: Mapping[int, int] | None,
) -> list[Parcel]:
    """A parcel for each supplier at each destination; its freight → payers by their pieces in it, or the weights."""
    inside: dict[tuple[int, UUID], list[Allocated]] = {}
    for one in allocated:
        inside.setdefault((one.destination, lines[one.line].sku.supplier_id), []).append(one)
    found, unserved = [], {}
    for (there, supplier_id), parts in inside.items():
        rate = rate_for(rates, supplier_id, demand.destinations[there].region_code)
        if rate is None or not rate.served:
            name = lines[parts[0].line].sku.supplier_name
            unserved[supplier_id] = Detail("/sites", "cannot_arrive", f"{name} 不能送到部分收货地区")
            continue
        fen = pricing.freight_of(
            rate,
            grams=sum(lines[part.line].sku.net_grams * part.pieces for part in parts),
            goods_fen=sum(_worth(lines[part.line], part.pieces) for part in parts),
        )
        found.append(Parcel(there, supplier_id, _freight(fen, parts, weights)))
    if unserved:
        raise PlanInvalid("有货物不能送到收货地，请换收货点或商品。", list(unserved.values()))
    return found


def rate_for(rates: Rates, supplier_id: UUID, region_code: str) -> pricing.Rate | None:
    """The longest prefix of the region wins."""
    of_supplier = rates.get(supplier_id, {})
    return next((of_supplier[p] for n in PREFIXES if (p := region_code[:n]) in of_supplier), None)


def _worth(line: DrawnLine, pieces: int) -> int:
    return line.net_fen * pieces // line.quantity


def _freight(fen: int, parts: Sequence[Allocated], weights: Mapping[int, int] | None) -> dict[int, int]:
    if weights is None:
        by_pieces: dict[int, int] = {}
        for part in parts:
            by_pieces[part.payer] = by_pieces.get(part.payer, 0) + part.pieces
        weights = dict(sorted(by_pieces.items()))
    return dict(zip(weights, split(fen, list(weights.values())), strict=True))


def regions_of(destinations: Sequence[Destination]) -> list[str]:
    return sorted({destination.region_code for destination in destinations})
