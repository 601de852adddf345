"""Lines to totals: pure sums, the same for cart, checkout, bulk orders and previews."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shop.core.money import split


@dataclass(frozen=True, slots=True)
class PriceStep:
    """`fen` a piece on a list, from `min_quantity` pieces on."""

    price_id: UUID
    min_quantity: int
    fen: int
    list: str = "retail"


@dataclass(frozen=True, slots=True)
class Discount:
    """`discount_fen` off once the supplier's goods in the order reach `threshold_fen`."""

    threshold_fen: int
    discount_fen: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Freight of a supplier to one place; see `FreightRate`."""

    served: bool
    first_grams: int
    first_fen: int
    step_grams: int
    step_fen: int
    free_from_fen: int | None


@dataclass(frozen=True, slots=True)
class PricingLine:
    """A line before discounts: whose goods, what they cost and weigh together."""

    supplier_id: UUID
    gross_fen: int
    grams: int


@dataclass(frozen=True, slots=True)
class Priced:
    """discount_fen: one per line, in order; freight_fen: one per supplier that can send there."""

    discount_fen: tuple[int, ...]
    freight_fen: dict[UUID, int]
    cannot_arrive: frozenset[UUID]


def step_for(steps: Sequence[PriceStep], quantity: int, lists: Sequence[str]) -> PriceStep | None:
    """The price of that many pieces: the lowest that the quantity reaches on one of the lists (DOMAIN rule 36). Where
    two ask the same, the list that stands first is named.
    """
    reached = [step for step in steps if step.min_quantity <= quantity and step.list in lists]
    return min(reached, key=lambda step: (step.fen, lists.index(step.list), step.min_quantity), default=None)


def best_discount(discounts: Sequence[Discount], goods_fen: int) -> int:
    """The largest discount whose threshold is reached; discounts do not add up."""
    return max((one.discount_fen for one in discounts if one.threshold_fen <= goods_fen), default=0)


def freight_of(rate: Rate, *, grams: int, goods_fen: int) -> int:
    """Fen for one parcel: the first weight, then every started step; nothing from `free_from_fen` of net goods on."""
    if rate.free_from_fen is not None and goods_fen >= rate.free_from_fen:
        return 0
    over = max(0, grams - rate.first_grams)
    return rate.first_fen + -(-over // rate.step_grams) * rate.step_fen


def price(lines: Sequence[PricingLine], discounts: dict[UUID, list[Discount]], rates: dict[UUID, Rate]) -> Priced:
    """Discount by supplier, split over that supplier's lines by gross (DOMAIN rule 10); freight by supplier.

    A supplier without a rate, or with one that does not serve the place, cannot arrive.
    """
    discount = [0] * len(lines)
    freight: dict[UUID, int] = {}
    unserved: set[UUID] = set()
    for supplier in {line.supplier_id: None for line in lines}:
        mine = [i for i, line in enumerate(lines) if line.supplier_id == supplier]
        gross = [lines[i].gross_fen for i in mine]
        off = best_discount(discounts.get(supplier, []), sum(gross))
        for i, part in zip(mine, split(off, gross), strict=True):
            discount[i] = part
        rate = rates.get(supplier)
        if rate is None or not rate.served:
            unserved.add(supplier)
            continue
        grams = sum(lines[i].grams for i in mine)
        freight[supplier] = freight_of(rate, grams=grams, goods_fen=sum(gross) - off)
    return Priced(tuple(discount), freight, frozenset(unserved))
