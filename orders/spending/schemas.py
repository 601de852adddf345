"""Rules and decisions as programs send and read them. Fen, basis points, business days."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orders.funds.source import UnionFund
from orders.spending.models import Basis, CapWindow, Festival, Kind, Purpose, Step, YearOf
from shop.core.paging import NO_NUL

FEN_MAX = 10**13

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
Amount = Annotated[int, Field(strict=True, ge=0, le=FEN_MAX)]
Count = Annotated[int, Field(strict=True, ge=0, le=99)]
Allowed = Purpose | Festival | UnionFund | Literal["one_paired_cooperative", "all_assisted"]


class RuleFacts(BaseModel):
    """What a rule says: see `SpendingRule`. What its kind needs must be there; empty filters match everything."""

    code: Code
    kind: Kind
    title: Words
    province: Annotated[str, StringConstraints(strip_whitespace=True, max_length=30, pattern=NO_NUL)] = ""
    union_id: UUID | None = None
    purposes: Annotated[list[Purpose], Field(max_length=20)] = []
    festivals: Annotated[list[Festival], Field(max_length=20)] = []
    unit_kinds: Annotated[list[Literal["budget_unit", "bank", "company", "school"]], Field(max_length=9)] = []
    fund_source: UnionFund | None = None
    from_fen: Amount | None = None
    below_fen: Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)] | None = None
    amount_fen: Annotated[int, Field(strict=True, ge=1, le=FEN_MAX)] | None = None
    basis_points: Annotated[int, Field(strict=True, ge=0, le=10_000)] | None = None
    basis: Basis | None = None
    cap_window: CapWindow | None = None
    year_of: YearOf | None = None
    lapses_on: Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")] | None = None
    approvers: Annotated[int, Field(strict=True, ge=1, le=9)] | None = None
    quotes: Count | None = None
    notice_days: Count | None = None
    packages: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    allows: Annotated[list[Allowed], Field(max_length=20)] = []
    step: Step | None = None
    reason: Words | None = None
    source_title: Words
    source_number: Words | None = None
    source_where: Words | None = None
    valid_from: Annotated[date, Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]
    valid_to: Annotated[date, Field(ge=date(1990, 1, 2), le=date(2200, 1, 1))] | None = None


class SpendingRuleIn(RuleFacts):
    model_config = ConfigDict(extra="forbid")


class SpendingEndIn(BaseModel):
    """The first day on which the rule no longer holds, and by which document."""

    model_config = ConfigDict(extra="forbid")

    valid_to: Annotated[date, Field(ge=date(1990, 1, 2), le=date(2200, 1, 1))]
    reason: Words


class SpendingRuleOut(RuleFacts):
    id: UUID
    union_name: str | None
    says: str
    concerns: str
    source: str
    recorded_at: datetime


class SpendingRulePage(BaseModel):
    items: list[SpendingRuleOut]
    next_cursor: str | None


class FindingOut(BaseModel):
    """people: how many members it concerns; never who."""

    code: str
    detail: str
    rule_id: UUID | None
    source: str | None
    people: int


class SkipOut(BaseModel):
    step: str
    rule_id: UUID
    reason: str


class AskedRule(BaseModel):
    id: UUID
    code: str
    title: str
    source: str


class DecisionOut(BaseModel):
    """A decision as stored. same: asked again just now, the rules of then gave the same answer to the same facts."""

    id: UUID
    purchase_id: UUID
    union_id: UUID
    decided_at: datetime
    allowed: bool
    refusals: list[FindingOut]
    warnings: list[FindingOut]
    approvers_needed: int
    quotes_needed: int
    notice_days: int
    skips: list[SkipOut]
    line: str
    rules: list[AskedRule]
    same: bool
