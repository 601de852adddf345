"""What the bank desk sends and gets."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orders.aftersales.sent_transfer import BankReference
from orders.banking.statement.layouts import ColumnName
from shop.core.paging import NO_NUL
from shop.sheet.schemas import RowsOut, SetAsideOut, TitleSaid

FenIn = Annotated[int, Field(strict=True, ge=1, le=10**12)]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
]


class BankImportedOut(RowsOut):
    """repeated: these bytes were imported before. state: imported (nothing has moved: another person confirms it at
    POST /bank-statements/{statement_id}/confirm), or what was decided before. incoming: rows that brought money or took
    it back.
    """

    statement_id: UUID
    repeated: bool
    state: str
    incoming: int


class StatementConfirmedOut(RowsOut):
    """incoming = fresh + known; fresh = matched + queued.

    known: rows that an earlier, overlapping file had brought; proven: those of them that another person had brought, so
    that this file is their second export. conflicts: rows under the account, day and number of a known one, with
    another amount or payer; taken_back: rows in which the bank took money back, whether or not their receipt was found.
    Both wait for a person.
    """

    statement_id: UUID
    state: Literal["confirmed"] = "confirmed"
    incoming: int
    fresh: int
    known: int
    matched: int
    queued: int
    conflicts: int
    taken_back: int
    proven: int


class StatementRefusedOut(BaseModel):
    statement_id: UUID
    state: str


class BankReceiptIn(BaseModel):
    """What the bank's electronic receipt says. account: of ours, as printed. sha256: its file, kept before."""

    model_config = ConfigDict(extra="forbid")

    transfer_id: UUID
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    account: Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=64, pattern=NO_NUL)]
    day: date
    serial_number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=NO_NUL)]
    amount_fen: FenIn


class ProvenOut(BaseModel):
    transfer_id: UUID
    kind: str


class ShareIn(BaseModel):
    """amount_fen may be left out where one share takes the whole transfer."""

    model_config = ConfigDict(extra="forbid")

    payer_share_id: UUID
    amount_fen: FenIn | None = None


class BankMatchIn(BaseModel):
    """remember_payer: from now on this account pays for these payers."""

    model_config = ConfigDict(extra="forbid")

    transfer_id: UUID
    shares: Annotated[list[ShareIn], Field(min_length=1, max_length=200)]
    remember_payer: bool = False
    reason: Reason


class ProposedOut(BaseModel):
    """Waits for another person: POST …/match/{proposal_id}/confirm."""

    proposal_id: UUID
    state: str


class BankRejectIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class UnmatchIn(BaseModel):
    """reason: why the match was wrong."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class TakesBackIn(BaseModel):
    """receipt_id: the receipt that the bank's negative row takes back."""

    model_config = ConfigDict(extra="forbid")

    receipt_id: UUID
    reason: Reason


class UndoingOut(BaseModel):
    """proposed: waits for another person (POST /bank-undoings/{undoing_id}/confirm); confirmed: money has moved."""

    undoing_id: UUID
    state: str


class PayBackIn(BaseModel):
    """bank_reference: the serial number of the bank transfer that took the money back."""

    model_config = ConfigDict(extra="forbid")

    amount_fen: FenIn
    bank_reference: BankReference
    returned_on: date
    reason: Reason


class RefundReturnedIn(BaseModel):
    """bank_reference: the serial number of the bank transfer that returned the refund."""

    model_config = ConfigDict(extra="forbid")

    bank_reference: BankReference
    returned_on: date


class RefundReturnedOut(BaseModel):
    refund_id: UUID
    state: str


class PaidBackOut(BaseModel):
    id: UUID


class BankShareOut(BaseModel):
    payer_share_id: UUID
    order_number: str
    payer_name: str
    transfer_code: str
    due_fen: int
    open_fen: int
    fen: int | None


class ProposalOut(BaseModel):
    id: UUID
    reason: str
    remember_payer: bool
    proposed_by: UUID


class ReceiptOut(BaseModel):
    """left_fen: what stands of it; a negative row may take a part of it back."""

    id: UUID
    serial_number: str
    day: date
    payer_name: str
    remark: str
    state: str
    left_fen: int


class OpenUndoingOut(BaseModel):
    """What waits to be undone. reversal_id: the bank's negative row; null: the match was wrong, or (undoes_id) such a
    row had been named for the wrong receipt: both wait again.
    """

    id: UUID
    receipt: ReceiptOut
    reversal_id: UUID | None
    undoes_id: UUID | None
    reason: str
    proposed_by: UUID


class CameBackIn(BaseModel):
    """Which refund, or which pay-back of a share, came back with this row."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["refund", "pay_back"]
    returned_id: UUID
    reason: Reason


class CameBackOut(BaseModel):
    came_back_id: UUID
    state: str


class ReturnedOut(BaseModel):
    """What went out by a bank transfer of ours. payer_name: of a pay-back."""

    kind: Literal["refund", "pay_back"]
    id: UUID
    order_number: str
    payer_name: str | None
    fen: int
    bank_reference: str


class OpenCameBackOut(BaseModel):
    """state: proposed waits for a second person, or confirmed."""

    id: UUID
    returned: ReturnedOut
    state: str
    reason: str
    proposed_by: UUID


class TransferOut(BaseModel):
    """state: queued, proposed, matched, taken_back, set_aside, came_back. amount_fen below zero: the bank took it back.

    left_fen: what stands of a receipt. why_queued: new_payer, amount_differs, several_fit, order_over, serial_conflict,
    taken_back, part_taken_back, came_back, undone. came_back: the refund or pay-back of ours that came back with it;
    may_be_ours: those of its amount. proven: a second person's export or the bank's receipt agrees (grade A).
    """

    id: UUID
    statement_id: UUID
    serial_number: str
    day: date
    amount_fen: int
    left_fen: int
    payer_name: str
    payer_account_last4: str | None
    remark: str
    state: str
    why_queued: str | None
    proven: bool
    how: str | None
    proposal: ProposalOut | None
    shares: list[BankShareOut]
    suggestions: list[BankShareOut]
    undoing: OpenUndoingOut | None
    may_take_back: list[ReceiptOut]
    came_back: OpenCameBackOut | None
    may_be_ours: list[ReturnedOut]


class ShareNamedOut(BaseModel):
    payer_share_id: UUID
    order_number: str
    payer_name: str
    fen: int


class RowPlannedOut(BaseModel):
    """What confirming would make of a row: matched, queued (and why), known, conflict, taken_back."""

    row: int
    day: date
    serial_number: str
    amount_fen: int
    payer_name: str
    remark: str
    becomes: str
    why: str | None
    shares: list[ShareNamedOut]


class StatementHeadOut(BaseModel):
    """total_fen: what its rows brought, less what they took back."""

    id: UUID
    bank: str
    file_name: str
    unit_name: str | None
    rows_read: int
    incoming: int
    total_fen: int
    imported_at: datetime


class StatementsOut(BaseModel):
    items: list[StatementHeadOut]


class BankStatementOut(BaseModel):
    """state: imported (waits for a second person: `planned`), confirmed, refused, or alone (of before two were asked).

    rows_read = incoming + set_aside.
    """

    id: UUID
    bank: str
    file_name: str
    file_sha256: str
    state: str
    imported_at: datetime
    decided_at: datetime | None
    decided_reason: str | None
    rows_read: int
    incoming: int
    fresh: int
    set_aside: list[SetAsideOut]
    planned: list[RowPlannedOut]
    transfers: list[TransferOut]


class QueueOut(BaseModel):
    items: list[TransferOut]
    next_cursor: str | None = None


class LayoutIn(BaseModel):
    """columns: our name of a column → its titles in the file; ignored: titles that nobody needs.

    unit_id: whose desks read by it; none: everybody's, which needs scope `all`. sample_sha256: the file, kept before.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=NO_NUL)]
    unit_id: UUID | None = None
    columns: dict[ColumnName, Annotated[list[TitleSaid], Field(max_length=20)]]
    ignored: Annotated[list[TitleSaid], Field(max_length=60)] = []
    sample_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class LayoutOut(BaseModel):
    """state: proposed waits for another person; confirmed is read by from `valid_from` on."""

    id: UUID
    name: str
    unit_id: UUID | None
    columns: dict[str, list[str]]
    ignored: list[str]
    sample_sha256: str | None
    state: str
    valid_from: date
    proposed_by: UUID


class LayoutsOut(BaseModel):
    items: list[LayoutOut]
    next_cursor: None = None


class LayoutDecidedOut(BaseModel):
    id: UUID
    state: str
