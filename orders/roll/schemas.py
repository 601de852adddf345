"""The roll as JSON. Names are masked."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.core.paging import NO_NUL

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=NO_NUL)]
Long = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400, pattern=NO_NUL)]
Outcome = Literal["self", "proxy", "posted", "refused", "not_reached"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignatureIn(_In):
    """Whose row: person_id, staff_number, or page and line. `proxy_name` for proxy, `waybill` for posted."""

    outcome: Outcome
    person_id: UUID | None = None
    staff_number: Short | None = None
    page: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    line: Annotated[int, Field(ge=1, le=1_000)] | None = None
    proxy_name: Short | None = None
    waybill: Short | None = None
    note: Long | None = None
    signed_on: date | None = None


class SignaturesIn(_In):
    signatures: Annotated[list[SignatureIn], Field(min_length=1, max_length=5_000)]


class SignedOut(BaseModel):
    """changed: rows that say something else now; open: rows neither signed nor explained."""

    changed: int
    open: int


class RollRowOut(BaseModel):
    page: int
    line: int
    person_id: UUID
    staff_number: str | None
    name: str
    unit: str
    department: str
    outcome: Outcome | None
    proxy_name: str | None
    waybill: str | None
    note: str | None
    signed_on: date | None


class RollScanOut(BaseModel):
    page: int
    evidence_sha256: str
    added_at: datetime


class LeftoverOut(BaseModel):
    id: UUID
    sku_id: UUID
    title: str
    spec: str
    pieces: int
    decision: str
    minutes_sha256: str


class RollOut(BaseModel):
    """counts: members by outcome; `open`: neither signed nor explained. items: rows by page and line."""

    purchase_id: UUID
    state: str
    members: int
    pages: int
    open: int
    counts: dict[str, int]
    items: list[RollRowOut]
    next_cursor: str | None
    scans: list[RollScanOut]
    leftovers: list[LeftoverOut]


class ScanIn(_In):
    """qr: the text of the page's code; the file was kept with POST /evidence before."""

    qr: Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL)]
    evidence_sha256: Digest


class ScanPlacedOut(BaseModel):
    page: int


class LeftoverIn(_In):
    sku_id: UUID
    pieces: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    decision: Long
    minutes_sha256: Digest


class LeftoverMadeOut(BaseModel):
    id: UUID


class FinishedOut(BaseModel):
    state: str
