"""What a filing round takes and gives. Amounts in fen."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.core.paging import NO_NUL

Words = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=NO_NUL, strip_whitespace=True)]
Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class RoundIn(BaseModel):
    """month: YYYY-MM. due_on: when branches should have signed, the 5th of the following month by default."""

    model_config = ConfigDict(extra="forbid")

    month: Month
    unit: UUID
    due_on: Day | None = None


class ConfirmIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    nil: bool = False


class SignIn(BaseModel):
    """digest: of the report that the signer has read."""

    model_config = ConfigDict(extra="forbid")

    digest: Digest


class ChaseIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    words: Words | None = None


class SendBackIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Words


class UnitOut(BaseModel):
    id: UUID
    name: str


class RoundOut(BaseModel):
    """counts: filings by state. complete: every branch has signed."""

    id: UUID
    month: str
    unit: UnitOut
    due_on: date
    opened_at: datetime
    counts: dict[str, int]
    complete: bool


class RoundPage(BaseModel):
    items: list[RoundOut]
    next_cursor: str | None = None


class FilingOut(BaseModel):
    """difference_fen: what the ledger learned of the month since the figure was confirmed (counted, grades A to C).

    late: not signed after the due day. reason: of the last sending back, while it stands.
    """

    unit: UnitOut
    state: str
    is_nil: bool
    late: bool
    direct_purchase_fen: int
    assisted_sale_fen: int
    credited_fen: int
    unverified_fen: int
    not_counted_fen: int
    difference_fen: int
    known_at: datetime | None
    report_digest: str | None
    preparer: str | None
    prepared_at: datetime | None
    signer: str | None
    signed_at: datetime | None
    chased: int
    last_chased_at: datetime | None
    reason: str | None


class BoardOut(RoundOut):
    """own_fen: credited in the month to the unit itself, or to units that are in no branch of this round."""

    branches: list[FilingOut]
    credited_fen: int
    signed_fen: int
    difference_fen: int
    own_fen: int


class FilingStepOut(BaseModel):
    kind: str
    actor: str | None
    at: datetime
    words: str | None
    report_digest: str | None
    credited_fen: int


class CauseOut(BaseModel):
    cause: str
    entries: int
    credited_fen: int
    unverified_fen: int
    not_counted_fen: int


class BranchOut(FilingOut):
    """causes and unexplained_fen: the bridge from the confirmed figure to what is known now."""

    steps: list[FilingStepOut]
    causes: list[CauseOut]
    unexplained_fen: int
