"""What is asked of suppliers, and what they send."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
TaxNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, to_upper=True, min_length=1, max_length=20, pattern=r"^[0-9A-Za-z]+$")
]


class RequestIn(BaseModel):
    """payer_share_ids: of a joint order, which shares; left out, all in reach. title: of a person's order only."""

    model_config = ConfigDict(extra="forbid")

    payer_share_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)] | None = None
    title: Title | None = None
    tax_number: TaxNumber | None = None


class InvoiceOut(BaseModel):
    """kind: blue, red. amount_fen: with tax, negative for red; remains_fen: not yet taken back by red letters."""

    id: UUID
    kind: str
    red_of_id: UUID | None
    number: str
    issued_on: date
    amount_fen: int
    tax_fen: int
    remains_fen: int
    file_sha256: str
    read_from: str


class RequestOut(BaseModel):
    """due_fen: accepted goods + freight due; invoiced_fen: invoices less red letters."""

    id: UUID
    order_id: UUID
    order_number: str
    payer_share_id: UUID | None
    supplier_id: UUID
    supplier_name: str
    title: str
    tax_number: str | None
    due_fen: int
    invoiced_fen: int
    requested_at: datetime
    invoices: list[InvoiceOut]


class RequestsOut(BaseModel):
    items: list[RequestOut]
    next_cursor: str | None = None


class TakenOut(BaseModel):
    id: UUID
    number: str
    kind: str
    amount_fen: int
    file_sha256: str
