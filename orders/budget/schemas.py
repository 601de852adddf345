"""Budgets in JSON. All money in fen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.core.paging import NO_NUL

FiscalYear = Annotated[int, Field(strict=True, ge=2000, le=2998)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=NO_NUL)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_MOST = 10**12


class BudgetPaperIn(BaseModel):
    """Why, and the document's digest (`POST /evidence`)."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    document_sha256: Sha256


class BudgetIn(BudgetPaperIn):
    union_id: UUID
    fiscal_year: FiscalYear
    amount_fen: Annotated[int, Field(strict=True, gt=0, le=_MOST)]


class AdjustmentIn(BudgetPaperIn):
    """change_fen: negative lowers the budget."""

    change_fen: Annotated[int, Field(strict=True, ge=-_MOST, le=_MOST)]


@dataclass(frozen=True, slots=True)
class VersionOut:
    """kind: adopted, adjusted, carried_in, carried_out."""

    version: int
    kind: str
    change_fen: int
    reason: str
    document_sha256: str
    actor_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class BudgetOut:
    """amount = available + encumbered + allowances (granted, neither spent nor returned) + spent."""

    union_id: UUID
    union_name: str
    fiscal_year: int
    amount_fen: int
    available_fen: int
    encumbered_fen: int
    allowances_fen: int
    spent_fen: int
    versions: list[VersionOut]


@dataclass(frozen=True, slots=True)
class BudgetList:
    items: list[BudgetOut]
    next_cursor: str | None = None
