"""Does it count? Pure: frozen facts and the rule of the day in, a reason or nothing out."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from orders.credit import models
from orders.funds.source import FUND_SOURCES

COUNTING_DESIGNATIONS = frozenset(models.COUNTING_DESIGNATIONS)
_CREDIT_KINDS = frozenset(models.CREDIT_KINDS)
_FUND_SOURCES = frozenset(FUND_SOURCES)


@dataclass(frozen=True, slots=True)
class Rule:
    """A version of the counting rule; what it does not say is as it always was."""

    id: UUID
    needs_designation: bool
    needs_recognition: bool
    origin_basis: str
    designation_kinds: Collection[str] = COUNTING_DESIGNATIONS
    credit_kinds: Collection[str] = _CREDIT_KINDS
    fund_sources: Collection[str] = _FUND_SOURCES
    excluded_categories: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known on the placement day of the county that the rule asks about, and of the product.

    known: the county is stated at all. designated_once: a designation of it had ended by then. recognition_number: of
    the recognition valid that day; recognised_once: one had begun by then; recognised_later: one begins afterwards.
    """

    designations: Collection[str]
    paired: bool
    recognition_number: str | None
    recognised_once: bool
    known: bool = True
    designated_once: bool = False
    recognised_later: bool = False


@dataclass(frozen=True, slots=True)
class Deal:
    """How it was sold. None: not asked about."""

    credit_kind: str | None = None
    fund_source: str | None = None
    category: str | None = None
    donated: bool = False


_ANY_DEAL = Deal()


def not_counted_reason(rule: Rule | None, origin: Origin, *, credited: bool, deal: Deal = _ANY_DEAL) -> str | None:
    """None when the sale counts, else why not. credited: there is a unit through whose effort it was sold.

    DOMAIN rules 1, 3, 7 and 8: first the deal, then where the goods come from, then their papers. Whether the proof
    is good enough (`evidence_missing`) is known when the sale is recorded, and decided there.
    """
    if rule is None:
        return "outside_rule_period"
    return _of_the_deal(rule, deal, credited=credited) or _of_the_county(rule, origin) or _of_the_papers(rule, origin)


def _of_the_deal(rule: Rule, deal: Deal, *, credited: bool) -> str | None:
    if deal.donated:
        return "donated"
    if not credited:
        return "no_credited_unit"
    if deal.credit_kind is not None and deal.credit_kind not in rule.credit_kinds:
        return "credit_kind_excluded"
    if deal.fund_source is not None and deal.fund_source not in rule.fund_sources:
        return "fund_source_excluded"
    return "category_excluded" if deal.category in rule.excluded_categories else None


def _of_the_county(rule: Rule, origin: Origin) -> str | None:
    if not origin.known:
        return "origin_unknown"
    if not rule.needs_designation or origin.paired or not set(rule.designation_kinds).isdisjoint(origin.designations):
        return None
    if origin.designations:
        return "designation_kind_excluded"
    return "designation_expired" if origin.designated_once else "no_designation"


def _of_the_papers(rule: Rule, origin: Origin) -> str | None:
    if not rule.needs_recognition or origin.recognition_number is not None:
        return None
    if origin.recognised_once:
        return "recognition_expired"
    return "recognition_not_yet_valid" if origin.recognised_later else "recognition_missing"
