"""Does it count? Pure: frozen facts and the rule of the day in, a reason or nothing out."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

COUNTING_DESIGNATIONS = frozenset({"lifted_out", "key_revitalisation", "provincial", "emergency"})
"""`severely_poor` is for weights and priority; every such county is lifted out as well."""


@dataclass(frozen=True, slots=True)
class Rule:
    id: UUID
    needs_designation: bool
    needs_recognition: bool
    origin_basis: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known on the placement day of the county that the rule asks about, and of the product.

    recognition_number: of the recognition valid that day; recognised_once: there was one before.
    """

    designations: Collection[str]
    paired: bool
    recognition_number: str | None
    recognised_once: bool


def not_counted_reason(rule: Rule | None, origin: Origin, *, credited: bool) -> str | None:
    """None when the sale counts, else why not. credited: there is a unit through whose effort it was sold.

    DOMAIN rules 1, 3 and 7: a unit, a designation or pairing, a valid recognition where the rule asks for one.
    """
    if rule is None:
        return "outside_rule_period"
    if not credited:
        return "no_credited_unit"
    if rule.needs_designation and not origin.paired and not COUNTING_DESIGNATIONS.intersection(origin.designations):
        return "no_designation"
    if rule.needs_recognition and origin.recognition_number is None:
        return "recognition_expired" if origin.recognised_once else "recognition_missing"
    return None
