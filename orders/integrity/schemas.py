"""What the review queue takes and gives."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.core.paging import NO_NUL

Words = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]


class ReviewIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: Literal["cleared", "finding"]
    reason: Words


class DutyIn(BaseModel):
    """due_on: the last day."""

    model_config = ConfigDict(extra="forbid")

    owner_id: UUID
    due_on: Day
    what: Words


class IntegrityDecisionIn(BaseModel):
    """outcome `finding` needs `duty`: it becomes a rectification item."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["cleared", "finding"] = "cleared"
    reason: Words
    duty: DutyIn | None = None


class ClosingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    closing: Words
    evidence_sha256: Digest


class ThresholdIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, StringConstraints(max_length=40, pattern=NO_NUL)]
    name: Annotated[str, StringConstraints(max_length=40, pattern=NO_NUL)]
    value: Annotated[int, Field(ge=0, le=10**15)]
    valid_from: Day
    source: Words


class ThresholdsOut(BaseModel):
    """Kind → name → value, as they hold on that day."""

    on: date
    values: dict[str, dict[str, int]]


class FlagOut(BaseModel):
    """facts hold figures and ids, no names. state: open, proposed, how it was decided, or ended: what it pointed at is
    over before anybody decided.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    subject: str
    unit_id: UUID | None
    facts: dict[str, Any]
    raised_at: datetime
    lines: int
    state: Literal["open", "proposed", "cleared", "finding", "ended"]
    proposed_by: UUID | None
    proposed_outcome: str | None
    proposed_reason: str | None
    decided_by: UUID | None
    decided_at: datetime | None
    decision_reason: str | None
    rectification_id: UUID | None


class FlagPage(BaseModel):
    items: list[FlagOut]
    next_cursor: str | None = None


class IntegrityScanOut(BaseModel):
    """Kind → how many flags are new."""

    raised: dict[str, int]


class RectificationOut(BaseModel):
    """overdue: open, and its last day is over."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    flag_id: UUID
    kind: str
    unit_id: UUID | None
    what: str
    owner_id: UUID
    owner: str | None
    due_on: date
    state: Literal["open", "closed"]
    overdue: bool
    opened_by: UUID
    opened_at: datetime
    closed_by: UUID | None
    closed_at: datetime | None
    closing: str | None
    evidence_sha256: str | None


class RectificationPage(BaseModel):
    items: list[RectificationOut]
    next_cursor: str | None = None
