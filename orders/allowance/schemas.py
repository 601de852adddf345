"""Allowances in JSON. All money in fen."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.core.paging import NO_NUL

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=NO_NUL)]
BatchNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class GrantIn(BaseModel):
    """So much (`amount_fen`) for each person, for the goods of one plan, until the day before `expires_on`.

    No `person_ids`: every member of the plan. The same batch number with the same content is the same batch.
    """

    model_config = ConfigDict(extra="forbid")

    batch_number: BatchNumber
    plan_id: UUID
    amount_fen: Annotated[int, Field(strict=True, gt=0, le=10**9)]
    expires_on: date
    person_ids: Annotated[list[UUID], Field(min_length=1, max_length=50_000)] | None = None


class WithdrawIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


@dataclass(frozen=True, slots=True)
class NamedUnion:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class AllowanceOut:
    """state: open, expired, withdrawn. held_fen: waits in orders that are not paid yet; available_fen is beside it."""

    id: UUID
    union: NamedUnion
    plan_id: UUID
    title: str
    batch_number: str
    granted_fen: int
    available_fen: int
    held_fen: int
    state: str
    expires_on: date
    sku_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class AllowanceList:
    items: list[AllowanceOut]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class GrantOut:
    """A batch in counts and sums. left_fen: neither spent nor returned, what open orders hold included."""

    id: UUID
    batch_number: str
    union: NamedUnion
    plan_id: UUID
    title: str
    fiscal_year: int
    members: int
    amount_fen: int
    granted_fen: int
    left_fen: int
    held_fen: int
    state: str
    expires_on: date
    granted_at: datetime
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    sku_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class GrantList:
    items: list[GrantOut]
    next_cursor: str | None
