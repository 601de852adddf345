"""The report as JSON. Money in fen, weights in grams, days as business days in Asia/Shanghai."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Asked = Annotated[
    str | None, Field(description="The moment asked for; absent where it is `known_at` itself, or none was asked for")
]


class CountyKey(BaseModel):
    """As it was called when the goods were ordered."""

    code: str
    name: str
    province: str


class NameKey(BaseModel):
    id: UUID
    name: str


class FiguresOut(BaseModel):
    """`credited_fen` = `direct_purchase_fen` + `assisted_sale_fen`, net of refunds.

    Every figure but `unverified_fen` stands on what is counted and proven (grades A to C).
    """

    direct_purchase_fen: int
    assisted_sale_fen: int
    credited_fen: int
    unverified_fen: Annotated[int, Field(description="Counted on a typed statement only (grade D), net of refunds")]
    flagged_fen: Annotated[int, Field(description="Of `credited_fen`, what stands under a flag that nobody cleared")]
    refunded_fen: Annotated[int, Field(description="What refunds took off `credited_fen`, as a positive figure")]
    quantity: Annotated[int, Field(description="Pieces, net of refunds; each figure rounded half-up by itself")]
    grams: int
    orders: Annotated[int, Field(description="Distinct orders with a sale in the period")]
    participants: Annotated[
        int | None,
        Field(description="Distinct persons with a personal order whose sale falls in the period; null for 1 to 4"),
    ]


class ReportRowOut(FiguresOut):
    """A row has exactly the keys that were asked for in `group_by`."""

    county: CountyKey | None = None
    province: str | None = None
    designation: Annotated[
        str | None,
        Field(
            description="All kinds that the county held on the placement day, joined by `+` in the order lifted_out, "
            "severely_poor, key_revitalisation, provincial, emergency. So rows add up to the totals, and one kind's "
            "whole figure is the sum of the rows that name it. null: paired with the unit, but not designated"
        ),
    ] = None
    producer: NameKey | None = None
    supplier: NameKey | None = None
    category: str | None = None
    month: Annotated[str | None, Field(examples=["2026-11"])] = None
    quarter: Annotated[str | None, Field(examples=["2026-Q4"])] = None
    half_year: Annotated[str | None, Field(examples=["2026-H2"])] = None
    year: Annotated[str | None, Field(examples=["2026"])] = None
    channel: str | None = None
    kind: str | None = None
    scope: str | None = None
    fund_source: str | None = None
    unit: Annotated[
        NameKey | None, Field(description="The credited unit itself; a parent is the sum over its rows")
    ] = None
    union: NameKey | None = None
    campaign: NameKey | None = None


class NotCountedOut(BaseModel):
    """Recognised value that does not count, and why; net of refunds."""

    reason: str
    amount_fen: int


class ReportPeriodOut(BaseModel):
    """Half-open: `to` is the first day after it."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[str, Field(alias="from")]
    to: str


class ReopenedOut(BaseModel):
    """A closed month was opened again by two people. unit null: the shop's own month."""

    unit: NameKey | None
    month: Annotated[str, Field(examples=["2026-10"])]
    at: str
    reason: str


class SalesOut(BaseModel):
    """`recognised_fen` = credited + unverified + not counted, to the fen. `unit` null: the whole shop.

    `known_at`: the tick that answers, which is not always the moment asked for: the other is `known_at_asked`.
    `digest`: hex SHA-256 over the canonical JSON (RFC 8785) of everything but `digest` and `signature`; `signature`:
    hex Ed25519 over the digest's 64 digits. `seal`: the last one when this was known.
    """

    period: ReportPeriodOut
    view: str
    unit: NameKey | None
    filters: dict[str, str]
    known_at: str
    known_at_asked: Asked = None
    group_by: list[str]
    rows: list[ReportRowOut]
    totals: FiguresOut
    not_counted: list[NotCountedOut]
    recognised_fen: int
    balanced_as_of: str | None
    seal: dict[str, str | int] | None
    reopened: Annotated[
        list[ReopenedOut] | None,
        Field(description="Months of the period that were closed and opened again by then; left out when none was"),
    ] = None
    digest: str
    signature: str


class BridgeSide(BaseModel):
    known_at: str
    known_at_asked: Asked = None
    credited_fen: int
    unverified_fen: int
    not_counted_fen: int
    recognised_fen: int


class BridgeCause(BaseModel):
    """cause: late_rows, refunds, refunds_undone, payments_undone, corrections, grade_changes. Signed fen that it moved
    between the two moments.
    """

    cause: str
    entries: int
    credited_fen: int
    unverified_fen: int
    not_counted_fen: int


class BridgeOut(BaseModel):
    """second − first − causes = unexplained, which is zero figure by figure, or somebody tampered."""

    first: BridgeSide
    second: BridgeSide
    causes: list[BridgeCause]
    unexplained: dict[str, int]
