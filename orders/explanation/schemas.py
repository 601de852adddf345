"""An explanation in JSON. All money in fen."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from orders.credit.schemas import CreditLinkOut, CreditRuleOut, EntryOut


class CreditDesignationOut(BaseModel):
    """A dated row as it stands in the list of counties. confirmed: a document was attached."""

    county_code: str
    kind: str
    valid_from: date | None
    valid_to: date | None
    source: str
    confirmed: bool


class CreditRecognitionOut(BaseModel):
    number: str
    issuer: str
    valid_from: date
    valid_to: date
    source: str


class AttributionOut(BaseModel):
    """Facts that hold or held. corrects_id: the row in whose place it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    corrects_id: UUID | None
    credit_kind: str
    unit_id: UUID | None
    unit_name: str | None
    fund_source: str
    county_code: str
    county_name: str
    province: str
    made_county_code: str | None
    producer_name: str
    supplier_name: str
    recognition_number: str | None
    designations: list[str]
    counted: bool
    not_counted_reason: str | None
    placed_on: date


class ComponentOut(BaseModel):
    """One origin of one payer's part. counted: what remains of it counts (grade D: as unverified).

    recognition: the certificate of the sale, or the one that had ended or not begun where that is the reason.
    """

    component_id: UUID
    counted: bool
    not_counted_reason: str | None
    why: str
    amount_fen: int
    grades: dict[str, int]
    attribution: AttributionOut
    corrected: list[AttributionOut]
    rule: CreditRuleOut | None
    designations: list[CreditDesignationOut]
    paired: bool
    recognition: CreditRecognitionOut | None
    evidence: list[CreditLinkOut]
    placed_on: date
    recognised_on: date | None
    recorded_at: datetime | None
    entries: list[EntryOut]


class ExplainOut(BaseModel):
    order_line: UUID
    order_id: UUID
    counted: bool
    why: str
    counted_fen: int
    not_counted_fen: int
    components: list[ComponentOut]
