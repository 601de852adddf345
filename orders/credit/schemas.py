"""What the credit's API takes and gives."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from orders.credit.models import COUNTING_DESIGNATIONS, CREDIT_KINDS
from orders.funds.source import FUND_SOURCES, FundSource
from shop.core.paging import NO_NUL

Words = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]
Grade = Literal["A", "B", "C", "D"]
DesignationKind = Literal["lifted_out", "severely_poor", "key_revitalisation", "provincial", "emergency"]
CreditKind = Literal["direct_purchase", "assisted_sale"]


class RuleFacts(BaseModel):
    """Business days [valid_from, valid_to). minimum_grade: what is proven less well does not count yet."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    version: Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=NO_NUL, strip_whitespace=True)]
    valid_from: Day
    valid_to: Day | None = None
    source: Words
    needs_designation: bool = True
    needs_recognition: bool = True
    includes_freight: bool = False
    origin_basis: Literal["grown", "made"] = "grown"
    recognition_point: Literal["paid", "accepted"] = "paid"
    designation_kinds: Annotated[list[DesignationKind], Field(max_length=5)] = list(COUNTING_DESIGNATIONS)  # type: ignore[arg-type]
    credit_kinds: Annotated[list[CreditKind], Field(max_length=len(CREDIT_KINDS))] = list(CREDIT_KINDS)  # type: ignore[arg-type]
    fund_sources: Annotated[list[FundSource], Field(max_length=len(FUND_SOURCES))] = list(FUND_SOURCES)
    excluded_categories: Annotated[list[Words], Field(max_length=50)] = []
    minimum_grade: Grade = "D"


class CreditRuleIn(RuleFacts):
    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError("结束日期须晚于开始日期")
        return self


class CreditRuleOut(RuleFacts):
    model_config = ConfigDict(extra="ignore", from_attributes=True)

    id: UUID


class CreditRulePage(BaseModel):
    items: list[CreditRuleOut]
    next_cursor: str | None = None


class CreditEndIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    valid_to: Day
    reason: Words


class EntryOut(BaseModel):
    """Amounts are signed. reverses_id: the entry that is taken back; late_for: see CreditEntry.

    pseudonym: of the person, for an auditor whose mandate covers the entry; null for everybody else.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    cause_id: UUID
    component_id: UUID
    order_line_id: UUID
    order_id: UUID
    amount_fen: int
    quantity_milli: int
    grams: int
    occurred_on: date
    sale_on: date
    late_for: date | None
    recorded_at: datetime
    grade: str
    credit_kind: str
    unit_id: UUID | None
    unit_name: str | None
    fund_source: str
    channel: str
    county_code: str
    county_name: str
    province: str
    producer_id: UUID
    producer_name: str
    supplier_name: str
    category: str
    recognition_number: str | None
    rule_id: UUID | None
    counted: bool
    not_counted_reason: str | None
    attribution_id: UUID | None
    reverses_id: UUID | None
    evidence_sha256: str | None
    pseudonym: str | None = None


class EntryPage(BaseModel):
    items: list[EntryOut]
    next_cursor: str | None = None


class CreditLinkOut(BaseModel):
    """A document beside a component: claimed grade, and whether a second person agreed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    component_id: UUID
    sha256: str
    grade: str
    note: str
    state: str
    proposed_at: datetime
    checked_at: datetime | None
    finding: str | None


class LinkIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    component_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]
    sha256: Digest
    grade: Literal["A", "B", "C"]
    note: Words


class CreditLinksOut(BaseModel):
    items: list[CreditLinkOut]
    next_cursor: str | None = None


class CheckIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accept: bool
    finding: Words
