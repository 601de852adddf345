"""What the correction desk takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from orders.credit.models import NOT_COUNTED_REASONS
from shop.core.paging import NO_NUL

Words = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FactsIn(BaseModel):
    """What shall hold; what is left out stays. counted left out: the rule of the placement judges again."""

    model_config = ConfigDict(extra="forbid")

    county_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    producer_id: UUID | None = None
    unit_id: UUID | None = None
    credit_kind: Literal["direct_purchase", "assisted_sale"] | None = None
    recognition_number: Words | None = None
    counted: bool | None = None
    not_counted_reason: str | None = None

    @model_validator(mode="after")
    def _reason_when_not_counted(self) -> Self:
        if (self.counted is False) != (self.not_counted_reason is not None):
            raise ValueError("不计入时须写明原因代码，计入时不写")
        if self.not_counted_reason is not None and self.not_counted_reason not in NOT_COUNTED_REASONS:
            raise ValueError("没有这个原因代码")
        if not self.model_dump(exclude_none=True):
            raise ValueError("请至少写明一项更正内容")
        return self


class CorrectionIn(BaseModel):
    """Of a whole line, or with component_id of one origin of it."""

    model_config = ConfigDict(extra="forbid")

    order_line: UUID
    component_id: UUID | None = None
    facts: FactsIn
    reason: Words
    document_sha256: Digest


class CorrectionDecisionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Words | None = None


class RefusalIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Words


class CorrectionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    order_line_id: UUID
    facts: dict[str, Any]
    reason: str
    document_sha256: str
    state: str
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    decision: str | None
    component_ids: list[UUID]


class CorrectionPage(BaseModel):
    items: list[CorrectionOut]
    next_cursor: str | None = None
