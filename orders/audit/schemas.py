"""What the auditor's desk takes and gives. Amounts in fen."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from orders.privacy.models import RetainedKind
from shop.core.paging import NO_NUL

Words = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=NO_NUL, strip_whitespace=True)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=NO_NUL, strip_whitespace=True)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Pseudonym = Annotated[str, StringConstraints(pattern=r"^P-[0-9a-f]{16}$")]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]
OwnerRole = Literal["staff", "union_buyer", "union_approver", "union_receiver", "canteen_buyer", "administrator"]


class AuditEventOut(BaseModel):
    """who: the name of an official, the pseudonym of a buyer for auditors, null for the shop itself."""

    id: UUID
    at: datetime
    actor_id: UUID | None
    who: str | None
    action: str
    subject: str
    before: Any
    after: Any
    reason: str | None


class EventPage(BaseModel):
    items: list[AuditEventOut]
    next_cursor: str | None = None


class MandateIn(BaseModel):
    """auditor: e-mail address of an account with the auditor's role. Half-open periods of business days."""

    model_config = ConfigDict(extra="forbid")

    auditor: Line
    unit_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)]
    covers_from: Day
    covers_to: Day
    valid_from: Day
    valid_to: Day
    document_sha256: Digest

    @model_validator(mode="after")
    def _half_open(self) -> Self:
        if self.covers_to <= self.covers_from or self.valid_to <= self.valid_from:
            raise ValueError("结束日期须晚于开始日期")
        return self


class MandateOut(BaseModel):
    id: UUID
    auditor_id: UUID
    unit_ids: list[UUID]
    units: list[str]
    covers_from: date
    covers_to: date
    valid_from: date
    valid_to: date
    document_sha256: str


class MandatePage(BaseModel):
    items: list[MandateOut]
    next_cursor: str | None = None


class AuditLineOut(BaseModel):
    """What was entered of a line, under the pseudonym of its buyer; null where a union, canteen or import bought."""

    order_line_id: UUID
    order_id: UUID
    occurred_on: date
    pseudonym: str | None
    kind: str
    credit_kind: str
    unit_name: str | None
    fund_source: str
    channel: str
    county_name: str
    producer_name: str
    supplier_name: str
    category: str
    amount_fen: int
    quantity_milli: int
    grams: int
    grade: str
    counted: bool
    not_counted_reason: str | None


class LinePage(BaseModel):
    items: list[AuditLineOut]
    next_cursor: str | None = None


class BasketIn(BaseModel):
    """reason: why one person's orders must be seen; it is kept."""

    model_config = ConfigDict(extra="forbid")

    pseudonym: Pseudonym
    reason: Annotated[Words, Field(min_length=5)]


class BasketOut(BaseModel):
    pseudonym: str
    reason: str
    items: list[AuditLineOut]


class QuestionIn(BaseModel):
    """The owner is a role in the unit, or one account by its e-mail address."""

    model_config = ConfigDict(extra="forbid")

    unit_id: UUID
    subject: Line
    words: Words
    owner_role: OwnerRole | None = None
    owner: Line | None = None
    due_on: Day

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        if (self.owner_role is None) == (self.owner is None):
            raise ValueError("请写明由哪个角色或哪个账号答复，二选一")
        return self


class ReplyIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reply: Words


class QuestionOut(BaseModel):
    """state: open, replied, closed. late: open after its day. mine: the caller may reply."""

    id: UUID
    unit_id: UUID
    unit_name: str
    subject: str
    words: str
    owner_role: str | None
    owner: str | None
    due_on: date
    asked_by: UUID
    asker: str | None
    asked_at: datetime
    reply: str | None
    replier: str | None
    replied_at: datetime | None
    closed_at: datetime | None
    state: str
    late: bool
    mine: bool


class QuestionPage(BaseModel):
    items: list[QuestionOut]
    next_cursor: str | None = None


class SampleIn(BaseModel):
    """Business days [from, to). seed: any words, said beforehand, so that nobody chose the lines."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    since: Annotated[Day, Field(alias="from")]
    until: Annotated[Day, Field(alias="to")]
    size: Annotated[int, Field(ge=1, le=200)] = 25
    seed: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_NUL)]

    @model_validator(mode="after")
    def _half_open(self) -> Self:
        if self.until <= self.since:
            raise ValueError("结束日期须晚于开始日期")
        return self


class SampleOut(BaseModel):
    """line_ids in the order of sha256(seed + line id); population: lines there were to draw from."""

    id: UUID
    since: date
    until: date
    size: int
    seed: str
    population: int
    line_ids: list[UUID]
    drawn_at: datetime


class SamplePage(BaseModel):
    items: list[SampleOut]
    next_cursor: str | None = None


class RetentionIn(BaseModel):
    """years or days: one of them."""

    model_config = ConfigDict(extra="forbid")

    kind: RetainedKind
    years: Annotated[int, Field(ge=1, le=100)] | None = None
    days: Annotated[int, Field(ge=1, le=366)] | None = None
    source: Words
    document_sha256: Digest | None = None
    valid_from: Day


class RetentionOut(BaseModel):
    """in_force: rules today."""

    id: UUID
    kind: str
    years: int | None
    days: int | None
    source: str
    document_sha256: str | None
    valid_from: date
    in_force: bool


class RetentionPage(BaseModel):
    items: list[RetentionOut]
    next_cursor: str | None = None
