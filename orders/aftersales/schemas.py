"""A refund as it is asked for and as it stands. Money in fen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

QUANTITY_MAX = 9_999
AMOUNT_MAX_FEN = 10**11

Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class RefundLineIn(BaseModel):
    """payer_share_id: of a joint order, whose pieces; left out, all payers of the line bear it."""

    model_config = ConfigDict(extra="forbid")

    line_id: UUID
    payer_share_id: UUID | None = None
    quantity: Annotated[int, Field(strict=True, ge=1, le=QUANTITY_MAX)]


class RefundIn(BaseModel):
    """Either pieces of lines, or an amount: of one line, or spread over what is left of all."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[RefundLineIn], Field(min_length=1, max_length=200)] | None = None
    amount_fen: Annotated[int, Field(strict=True, ge=1, le=AMOUNT_MAX_FEN)] | None = None
    line_id: UUID | None = None
    reason: Reason

    @model_validator(mode="after")
    def one_way(self) -> Self:
        if (self.lines is None) == (self.amount_fen is None):
            raise ValueError("请在“按件数”和“按金额”中选一种")
        if self.lines is not None and self.line_id is not None:
            raise ValueError("按件数退款时，请把行号写在 lines 里")
        if self.lines is not None and len({line.line_id for line in self.lines}) < len(self.lines):
            raise ValueError("同一行请合并件数")
        return self


@dataclass(frozen=True, slots=True)
class RefundLineOut:
    line_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class RefundOut:
    """state: requested → submitted → succeeded | failed. It is credited negative on the day it succeeds.

    payment_id: null of a joint order, which is paid by bank transfers: its payers owe less, at once.
    """

    id: UUID
    order_id: UUID
    payment_id: UUID | None
    kind: str
    state: str
    amount_fen: int
    reason: str
    lines: list[RefundLineOut]
    requested_at: datetime
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True)
class CancelledOut:
    """refund_id: of the money on its way back, where the order had been paid."""

    id: UUID
    state: str
    refund_id: UUID | None
