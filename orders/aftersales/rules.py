"""Who gets back how much. Pure: what remains goes in, parts that never exceed it come out (DOMAIN rule 11)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from shop.core.money import split


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of one share component after every refund that did not fail: fen, grams, milli-pieces."""

    line_id: UUID
    share_id: UUID
    component_id: UUID
    fen: int
    grams: int
    quantity_milli: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a refund takes of one share component; same units, never more than what remained."""

    component_id: UUID
    fen: int
    grams: int
    quantity_milli: int


def of_pieces(line: Sequence[Remaining], *, pieces: int, unrefunded: int) -> list[Part]:
    """Give back `pieces` (1 … unrefunded) of one line, which has `unrefunded` pieces left.

    line: its components in their order, shares together. The last pieces take everything that remains.
    """

    def spread(measure: Callable[[Remaining], int]) -> Mapping[UUID, int]:
        total = sum(measure(part) for part in line)
        return _spread(split(total, [pieces, unrefunded - pieces])[0], line, measure)

    fen, grams, milli = spread(_fen), spread(_grams), spread(_milli)
    return _parts(line, fen, grams, milli)


def of_amount(remaining: Sequence[Remaining], *, amount_fen: int) -> list[Part]:
    """Give back an amount (1 … what remains) over lines, then payers, then origins; pieces and grams stay."""
    nothing = dict.fromkeys((part.component_id for part in remaining), 0)
    return _parts(remaining, _spread(amount_fen, remaining, _fen), nothing, nothing)


def of_everything(remaining: Sequence[Remaining]) -> list[Part]:
    """Give back all that is left."""
    return [
        Part(part.component_id, part.fen, part.grams, part.quantity_milli)
        for part in remaining
        if part.fen or part.grams or part.quantity_milli
    ]


def _fen(part: Remaining) -> int:
    return part.fen


def _grams(part: Remaining) -> int:
    return part.grams


def _milli(part: Remaining) -> int:
    return part.quantity_milli


def _spread(total: int, over: Sequence[Remaining], measure: Callable[[Remaining], int]) -> dict[UUID, int]:
    """Split by what remains of each line, inside it of each payer, inside him of each origin."""
    return _down(total, over, measure, (lambda part: part.line_id, lambda part: part.share_id))


def _down(
    total: int,
    over: Sequence[Remaining],
    measure: Callable[[Remaining], int],
    levels: Sequence[Callable[[Remaining], UUID]],
) -> dict[UUID, int]:
    if not levels:
        parts = split(total, [measure(part) for part in over])
        return {part.component_id: fen for part, fen in zip(over, parts, strict=True)}
    groups = [list(group) for _, group in groupby(over, levels[0])]
    totals = split(total, [sum(measure(part) for part in group) for group in groups])
    found: dict[UUID, int] = {}
    for group, part in zip(groups, totals, strict=True):
        found |= _down(part, group, measure, levels[1:])
    return found


def _parts(
    over: Sequence[Remaining], fen: Mapping[UUID, int], grams: Mapping[UUID, int], milli: Mapping[UUID, int]
) -> list[Part]:
    parts = (
        Part(part.component_id, fen[part.component_id], grams[part.component_id], milli[part.component_id])
        for part in over
    )
    return [part for part in parts if part.fen or part.grams or part.quantity_milli]
