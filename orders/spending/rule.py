"""One spending rule in memory, and which rules speak about a proposal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from orders.spending.proposal import Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """The content of a `spending_rule` row, see there. valid_to None: until the next version of the same code."""

    code: str
    kind: str
    title: str
    province: str = ""
    union_id: UUID | None = None
    purposes: tuple[str, ...] = ()
    festivals: tuple[str, ...] = ()
    unit_kinds: tuple[str, ...] = ()
    fund_source: str | None = None
    from_fen: int | None = None
    below_fen: int | None = None
    amount_fen: int | None = None
    basis_points: int | None = None
    basis: str | None = None
    cap_window: str | None = None
    year_of: str | None = None
    lapses_on: str | None = None
    approvers: int | None = None
    quotes: int | None = None
    notice_days: int | None = None
    packages: int | None = None
    allows: tuple[str, ...] = ()
    step: str | None = None
    reason: str | None = None
    source_title: str
    source_number: str | None = None
    source_where: str | None = None
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(NewRule):
    """A kept rule, as it is asked. valid_to: as it was known when somebody decided."""

    id: UUID

    @property
    def source(self) -> str:
        """《…》总工办发〔2017〕32号 第八条, as a sentence quotes it."""
        title = self.source_title if self.source_title.startswith(("《", "示例")) else f"《{self.source_title}》"
        return title + (self.source_number or "") + (f" {self.source_where}" if self.source_where else "")

    @property
    def fen(self) -> int:
        return self.amount_fen or 0

    def speaks_about(self, proposal: Proposal, province: str) -> bool:
        """Whether place, union, purpose, festival, fund source and amount are all within this rule."""
        return (
            self.province in {"", province}
            and self.union_id in {None, proposal.union_id}
            and (not self.purposes or proposal.purpose in self.purposes)
            and (not self.festivals or proposal.festival in self.festivals)
            and self.fund_source in {None, proposal.fund_source}
            and (self.from_fen or 0) <= proposal.total_fen
            and (self.below_fen is None or proposal.total_fen < self.below_fen)
        )

    @property
    def specificity(self) -> tuple[bool, ...]:
        return (self.union_id is not None, self.province != "", bool(self.festivals), bool(self.purposes))


CONTENT = tuple(NewRule.__dataclass_fields__)


def rule_of(row: Any) -> Rule:
    """A row of the table, whatever else it carries."""
    return msgspec.convert({name: getattr(row, name) for name in ("id", *CONTENT)}, Rule)


def content_of(row: Any) -> NewRule:
    """What such a row says."""
    return msgspec.convert({name: getattr(row, name) for name in CONTENT}, NewRule)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a day, asked about one proposal. provinces: those of its members, '' where none are known."""

    rules: Sequence[Rule]
    proposal: Proposal
    provinces: tuple[str, ...]

    def all_of(self, kind: str, province: str) -> list[Rule]:
        """Every rule of a kind that speaks, in the order of their codes."""
        return sorted(
            (rule for rule in self.rules if rule.kind == kind and rule.speaks_about(self.proposal, province)),
            key=lambda rule: (rule.code, rule.id),
        )

    def best_of(self, kind: str, province: str) -> list[Rule]:
        """Only the most specific: a union's own before a province's before the country's."""
        return most_specific(self.all_of(kind, province))

    def anywhere(self, kind: str) -> list[Rule]:
        """The best rules of every province that has members, each once."""
        return list({rule.id: rule for place in self.provinces for rule in self.best_of(kind, place)}.values())


def most_specific(rules: Iterable[Rule]) -> list[Rule]:
    """Those that name most about their place, festival and purpose; several where they name the same."""
    known = list(rules)
    top = max((rule.specificity for rule in known), default=())
    return [rule for rule in known if rule.specificity == top]
