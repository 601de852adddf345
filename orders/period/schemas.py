"""What the months' doors take and give."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.core.paging import NO_NUL

Words = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_NUL, strip_whitespace=True)]


class ReopenIn(BaseModel):
    """reason: why entries must go into the month again; every report that rests on the month repeats it."""

    model_config = ConfigDict(extra="forbid")

    reason: Words


class AgreeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Words | None = None


class ClosingRefuseIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Words


class UnitOut(BaseModel):
    id: UUID
    name: str


class ReopeningOut(BaseModel):
    """unit null: the shop's own month. state: requested, approved, refused."""

    id: UUID
    unit: UnitOut | None
    month: Annotated[str, Field(examples=["2026-11"])]
    state: str
    reason: str
    asked_by: UUID
    asker: str | None
    asked_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    decision: str | None


class ClosingStepOut(BaseModel):
    """kind: adjusting, closed, reopened. asker and reason: of a reopening, which `actor` agreed to."""

    kind: str
    at: datetime
    actor: str | None
    asker: str | None
    reason: str | None


class ClosingPeriodOut(BaseModel):
    """A month (YYYY-MM) of a top unit; unit null: the shop's own, for what counts for no unit.

    adjusts_until: until the day before it December still takes entries. reopening: what waits for a second person.
    history: every close and reopening in their order.
    """

    unit: UnitOut | None
    month: Annotated[str, Field(examples=["2026-11"])]
    state: str
    adjusts_until: date | None
    closed_by: UUID | None
    closer: str | None
    closed_at: datetime | None
    was_open: dict[str, int] | None
    reopening: ReopeningOut | None
    history: list[ClosingStepOut]


class PeriodPage(BaseModel):
    items: list[ClosingPeriodOut]
    next_cursor: str | None = None
