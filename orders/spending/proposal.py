"""What is proposed, and what is decided about it: the plain facts that `rules.judge` works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Portion:
    """What one member gets, by his branch and its province ('' unknown). Fen; assisted_fen is part of fen."""

    person_id: UUID
    unit_id: UUID
    province: str
    fen: int
    assisted_fen: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A purchase before it is approved. `day`: whose rules are asked; `pays_on`: when the money will leave.

    gives: goods, cash or card. quotes: how many comparable ones are there. The four facts of a directed purchase:
    reason, minutes, reference price, and that all goods come from one cooperative of one paired county.
    """

    purchase_id: UUID
    union_id: UUID
    purpose: str
    festival: str | None
    fund_source: str
    day: date
    pays_on: date
    festival_year: int
    total_fen: int
    assisted_fen: int
    portions: Sequence[Portion]
    quotes: int = 0
    directed: bool = False
    has_reason: bool = False
    has_minutes: bool = False
    has_reference: bool = False
    packages: int = 1
    single_cooperative_paired: bool = False
    gives: str = "goods"


@dataclass(frozen=True, slots=True)
class SpentSoFar:
    """What is known on the day: headcount of the union by province; fen that count already, by counter.

    used: (owner, cap key, cap year) → fen, where there are any, this purchase's own apart.
    """

    headcounts: Mapping[str, int]
    used: Mapping[tuple[UUID, str, int], int]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a proposal is refused, or what one should know. people: how many members it concerns, 0 where it is none."""

    code: str
    detail: str
    rule_id: UUID | None = None
    source: str | None = None
    people: int = 0


@dataclass(frozen=True, slots=True)
class Skip:
    """A step (`quoting`, `noticed`) that may be left out, by which rule and why."""

    step: str
    rule_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A counter that `take_caps` guards, for members of a province.

    holder: person, purse (a person's top-up, for assisted goods only), or union (an average: cap_fen is its sum).
    """

    holder: str
    province: str
    key: str
    year: int
    cap_fen: int
    rule_id: UUID
    title: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say. quotes_needed: 0 where none are; line: one sentence for the buyer."""

    allowed: bool
    refusals: list[Finding]
    warnings: list[Finding]
    approvers_needed: int
    quotes_needed: int
    notice_days: int
    skips: list[Skip]
    limits: list[Limit]
    line: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A stored verdict. same: of a replay, whether it came out as it was stored."""

    id: UUID
    purchase_id: UUID
    verdict: Verdict
    same: bool = True

    @property
    def allowed(self) -> bool:
        return self.verdict.allowed

    @property
    def refusals(self) -> list[Finding]:
        return self.verdict.refusals

    @property
    def warnings(self) -> list[Finding]:
        return self.verdict.warnings

    @property
    def approvers_needed(self) -> int:
        return self.verdict.approvers_needed

    @property
    def notice_days(self) -> int:
        return self.verdict.notice_days

    @property
    def skips(self) -> list[Skip]:
        return self.verdict.skips

    @property
    def line(self) -> str:
        return self.verdict.line
