"""JSON in and out of the intake desk."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shop.core.paging import NO_NUL
from shop.sheet.schemas import RowsOut, SetAsideOut

Words = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)]
Title = Annotated[str, Field(min_length=1, max_length=60, pattern=NO_NUL)]
Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]
Cell = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class ChannelOut(BaseModel):
    code: str
    name: str


class ChannelIn(BaseModel):
    """columns: our name of a column → its titles in the channel's statement. valid_to: the first day without it."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    name: Annotated[str, Field(min_length=1, max_length=60, pattern=NO_NUL)]
    kind: Literal["platform", "marketplace", "sister_platform", "pavilion", "cabinet", "fair", "direct_contract"]
    columns: Annotated[
        dict[Annotated[str, Field(max_length=40, pattern=NO_NUL)], Annotated[list[Title], Field(max_length=20)]],
        Field(max_length=40),
    ]
    valid_from: Day
    valid_to: Day | None = None
    source: Words


class ChannelPage(BaseModel):
    items: list[ChannelOut]


class UploadedOut(RowsOut):
    """id: None of a dry run. repeated: these bytes were handed in before. Counts are of rows, sums in fen.

    sales, refunds: what confirming would enter; known: rows imported before; held: claimed by another unit already.
    """

    id: UUID | None
    channel: str
    state: str
    repeated: bool
    rows: int
    sales: int
    refunds: int
    known: int
    held: int
    sales_fen: int
    refunds_fen: int
    held_fen: int


class UnitOut(BaseModel):
    id: UUID
    name: str


class IntakeClaimOut(BaseModel):
    """unit: the later claim's; first: whose the sale is. state `waiting`: its batch is not confirmed yet.

    why: same_line (the same number and line of the channel) or same_invoice (invoice and amount).
    """

    id: UUID
    state: Literal["waiting", "open", "first", "later"]
    why: str
    channel: str
    number: str
    line: str
    unit: UnitOut
    first: UnitOut
    amount_fen: int
    day: date
    reason: str | None = None


class MistakeOut(BaseModel):
    """row: as the file counts; column: its title there; reason: what is wrong and what would be right."""

    row: int
    column: str
    code: str
    reason: str


class IntakeRowOut(BaseModel):
    """Amounts of a refund are negative. why: a row is set aside as it stands. cells: as written."""

    model_config = ConfigDict(from_attributes=True)

    row: int
    state: str
    why: str | None
    type: str | None
    number: str | None
    line: str | None
    refund_number: str | None
    credit_kind: str | None
    fund_source: str | None
    unit: str | None
    invoice_number: str | None
    county_code: str | None
    amount_fen: int | None
    grams: int | None
    quantity_milli: int | None
    day: date | None
    cells: dict[str, str]


class BatchOut(BaseModel):
    """Counts are of rows; entered and its sums only of a confirmed batch, else what confirming would enter.

    rows = rows_taken + rows_set_aside + rows_refused. acknowledged_columns: what nobody read, as the uploader said.
    """

    id: UUID
    channel: str
    channel_name: str
    origin: str
    state: Literal["refused", "staged", "confirmed", "rejected"]
    file_name: str
    file_sha256: str
    rows: int
    error_count: int
    sales: int
    refunds: int
    repeated: int
    held: int
    set_aside: int
    rows_taken: int
    rows_set_aside: int
    rows_refused: int
    acknowledged_columns: list[str]
    sales_fen: int
    refunds_fen: int
    held_fen: int
    grade: Literal["A", "B", "C", "D"]
    evidence_sha256: str | None
    evidence_kind: str | None
    uploaded_by: UUID | None
    uploaded_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    decision: str | None


class BatchFull(BatchOut):
    """errors, asked (kept, and somebody should look), rows_aside: the first 200 each; items: a page of the rows."""

    errors: list[MistakeOut]
    asked: list[MistakeOut]
    rows_aside: list[SetAsideOut]
    claims: list[IntakeClaimOut]
    items: list[IntakeRowOut]
    next_cursor: str | None


class BatchPage(BaseModel):
    items: list[BatchOut]
    next_cursor: str | None


class ClaimPage(BaseModel):
    items: list[IntakeClaimOut]
    next_cursor: str | None


class IntakeRejectIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Words


class DecideIn(BaseModel):
    """for first: the sale stays where it is; later: what remains of it moves."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    to: Literal["first", "later"] = Field(alias="for")
    reason: Words


class OfflineIn(BaseModel):
    """A sale that no file states, with the photo that proves it. Written as in the template's columns."""

    model_config = ConfigDict(extra="forbid")

    channel: Cell
    number: Cell
    line: Cell = ""
    type: Cell = ""
    refund_number: Cell = ""
    credit_kind: Cell = ""
    unit: Cell
    fund_source: Cell = ""
    invoice_number: Cell = ""
    province: Cell = ""
    county: Cell
    producer: Cell
    supplier: Cell = ""
    product: Cell
    category: Cell = ""
    recognition_number: Cell = ""
    quantity: Cell
    kg: Cell = ""
    amount: Cell
    day: Cell
    evidence_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
