"""What was counted, turned into money, grams and pieces of each origin. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from orders.aftersales.rules import Part, Remaining, of_pieces

NOBODY = UUID(int=0)
"""Whose pieces they are where no payer owns them alone; and the approver where a rule skipped the approval."""
LEFT_OF_SHELF_LIFE = (2, 3)
"""Goods are expected with at least so much of their shelf life left."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One line of a delivery in milli-pieces: expected = accepted + short + damaged + refused.

    payer_share_id: whose pieces; None where the line has one payer in this delivery.
    """

    line_id: UUID
    payer_share_id: UUID | None
    accepted_milli: int
    short_milli: int = 0
    damaged_milli: int = 0
    refused_milli: int = 0
    reason: str | None = None
    best_before: date | None = None
    batch_number: str | None = None

    @property
    def gone_milli(self) -> int:
        return self.short_milli + self.damaged_milli + self.refused_milli

    @property
    def counted_milli(self) -> int:
        return self.accepted_milli + self.gone_milli


@dataclass(slots=True)
class Left:
    """What is open of one share component: neither accepted, nor gone, nor given back."""

    line_id: UUID
    share_id: UUID
    component_id: UUID
    payer_share_id: UUID
    supplier_id: UUID
    fen: int
    grams: int
    quantity_milli: int

    def remaining(self) -> Remaining:
        return Remaining(self.line_id, self.share_id, self.component_id, self.fen, self.grams, self.quantity_milli)


@dataclass(slots=True)
class Open:
    """Pieces that are treated alike: one payer's of a line where he owns them, else all of the line."""

    milli: int
    parts: list[Left] = field(default_factory=list)

    def take(self, milli: int) -> list[Part]:
        """Split off what `milli` of the open pieces are worth (DOMAIN rule 11); it is not open afterwards."""
        if not milli:
            return []
        taken = of_pieces([part.remaining() for part in self.parts], pieces=milli, unrefunded=self.milli)
        by_id = {part.component_id: part for part in self.parts}
        for one in taken:
            left = by_id[one.component_id]
            left.fen -= one.fen
            left.grams -= one.grams
            left.quantity_milli -= one.quantity_milli
        self.milli -= milli
        return taken


Group = tuple[UUID, UUID]
"""(line, payer share that owns the pieces, or NOBODY)."""


@dataclass(frozen=True, slots=True)
class Divided:
    """What a delivery's count does to one component."""

    component_id: UUID
    accepted: Part
    gone: Part


def divide(opened: Mapping[Group, Open], counts: Iterable[tuple[Group, Counted]]) -> list[Divided]:
    """Take every count out of what is open: first what did not come, then what was accepted.

    The last count of a group takes everything that is left, so accepted + gone = all of it, whatever the order.
    """
    accepted: dict[UUID, list[Part]] = {}
    gone: dict[UUID, list[Part]] = {}
    for group, count in counts:
        for part in opened[group].take(count.gone_milli):
            gone.setdefault(part.component_id, []).append(part)
        for part in opened[group].take(count.accepted_milli):
            accepted.setdefault(part.component_id, []).append(part)
    return [
        Divided(component_id, together(component_id, accepted.get(component_id, ())), together(component_id, lost))
        for component_id in dict.fromkeys([*accepted, *gone])
        for lost in [gone.get(component_id, ())]
    ]


def together(component_id: UUID, parts: Sequence[Part]) -> Part:
    return Part(
        component_id,
        sum(part.fen for part in parts),
        sum(part.grams for part in parts),
        sum(part.quantity_milli for part in parts),
    )


def shelf_life_warning(shelf_life_days: int | None, best_before: date | None, accepted_on: date) -> str | None:
    """Said where less of the shelf life is left than is expected; kept with the line, it refuses nothing."""
    if shelf_life_days is None or best_before is None:
        return None
    left, (part, whole) = (best_before - accepted_on).days, LEFT_OF_SHELF_LIFE
    if left * whole >= shelf_life_days * part:
        return None
    return f"保质期 {shelf_life_days} 天，到货时只剩 {left} 天，不足三分之二"


def whole_pieces(milli: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    """(line, milli-pieces) that left → line → whole pieces: of weighed goods a part of a piece counts as none."""
    sums: dict[UUID, int] = {}
    for line_id, count in milli:
        sums[line_id] = sums.get(line_id, 0) + count
    return {line_id: count // 1_000 for line_id, count in sums.items() if count >= 1_000}
