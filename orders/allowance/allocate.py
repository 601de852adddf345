"""Which allowance bears how much of which line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shop.core.money import split


@dataclass(frozen=True, slots=True)
class Purse:
    """An allowance that can be spent: `fen` of it, on these SKUs."""

    allowance_id: UUID
    union_id: UUID
    fiscal_year: int
    fen: int
    expires_on: date
    sku_ids: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Allocated:
    """So much of a purse on one line, by its place in the order."""

    line: int
    purse: Purse
    fen: int


def allocate(amount_fen: int, purses: Sequence[Purse], lines: Sequence[tuple[UUID, int]]) -> list[Allocated]:
    """Allocate an amount to the eligible lines by line net (DOMAIN rule 12). lines: (SKU, net fen).

    One purse after the other, in the order given; each by what the ones before left of a line. Lays less than
    `amount_fen` where purses or eligible lines do not reach; with a large amount it says how much could be laid.
    """
    left = [net_fen for _, net_fen in lines]
    allocated: list[Allocated] = []
    for purse in purses:
        eligible = [i for i, (sku_id, _) in enumerate(lines) if sku_id in purse.sku_ids and left[i] > 0]
        share = min(amount_fen, purse.fen, sum(left[i] for i in eligible))
        if share <= 0:
            continue
        amount_fen -= share
        for i, fen in zip(eligible, split(share, [left[i] for i in eligible]), strict=True):
            left[i] -= fen
            if fen:
                allocated.append(Allocated(i, purse, fen))
    return allocated
