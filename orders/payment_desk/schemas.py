"""What waits on the payments desk, and what people want done with it. Money in the smallest unit of its currency."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orders.aftersales.schemas import RefundLineIn
from orders.aftersales.sent_transfer import BankReference
from orders.payment_desk.decide import Action

Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
List = Literal["held", "advance", "dispute", "refund", "provider_refund"]
What = Literal[
    "held", "advance", "dispute", "dispute_short", "refund_failed", "refund_undone", "bank_refund", "provider_refund"
]


class ReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class GivenBackIn(BaseModel):
    """bank_reference: the serial number of the bank transfer by which the buyer got the money."""

    model_config = ConfigDict(extra="forbid")

    bank_reference: BankReference
    reason: Reason


class PaymentDeskMatchIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order_id: UUID


class AdoptIn(BaseModel):
    """lines: which pieces the provider's refund was for; left out, its amount is spread over what is left."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[RefundLineIn], Field(min_length=1, max_length=200)] | None = None
    reason: Reason


@dataclass(frozen=True, slots=True)
class OwnerOut:
    """Who decides: staff of that unit; without one, staff of the whole shop."""

    kind: Literal["unit", "platform"]
    unit_id: UUID | None
    unit_name: str | None


@dataclass(frozen=True, slots=True)
class PaymentDeskAskedOut:
    """What somebody has asked for; another person confirms it by the same call. bank_reference: of `given_back`; lines:
    of `adopt`, empty where the amount is spread.
    """

    decision_id: UUID
    action: Action
    reason: str
    asked_by: UUID
    asked_by_name: str
    asked_at: datetime
    bank_reference: str | None = None
    lines: tuple[RefundLineIn, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentDeskWaitingOut:
    """why: a code, such as differs, too_late, paid_twice, or the provider's own word; said: the same for people.

    expected_fen: of a held payment, what was asked for. age_minutes: since it is there. on_its_way: it is going back.
    by_bank: it came by bank transfer, and the bank desk returns it. payment_id null: it stands with a payer's share
    (`share:…`), of which no single payment is held.
    """

    subject: str
    what: What
    id: str
    payment_id: UUID | None
    order_id: UUID
    order_number: str
    amount_fen: int
    currency: str
    expected_fen: int | None
    why: str
    said: str
    to_do: str
    since: datetime
    age_minutes: int
    due_at: datetime | None
    on_its_way: bool
    by_bank: bool
    owner: OwnerOut
    asked: PaymentDeskAskedOut | None


@dataclass(frozen=True, slots=True)
class WaitingPage:
    items: list[PaymentDeskWaitingOut]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentDeskStepOut:
    """state: asked (another person confirms by the same call), done, withdrawn. refund_id: of money on its way back;
    payment_id: of the order that an advance paid.
    """

    subject: str
    action: Literal["return", "keep", "settle_otherwise", "adopt", "given_back", "match", "retry", "withdraw"]
    state: Literal["asked", "done", "withdrawn"]
    refund_id: UUID | None = None
    payment_id: UUID | None = None
