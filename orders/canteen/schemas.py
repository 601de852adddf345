"""What kitchens send and get as JSON. Amounts: whole pieces (`quantity`), or `grams` of goods that are weighed."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orders.canteen.amount import PIECES_MOST, Amount
from orders.canteen.queries import LineSeen, ListLine, OrderSeen, PaperSeen
from shop.core.paging import NO_NUL
from shop.organisation.address_book import checked_street

Words = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
Milli = Annotated[int, Field(ge=0, le=PIECES_MOST * 1_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AmountIn(_Strict):
    sku_id: UUID
    quantity: Annotated[int | None, Field(ge=1, le=PIECES_MOST)] = None
    grams: Annotated[int | None, Field(ge=1, le=PIECES_MOST * 1_000)] = None

    def as_amount(self) -> Amount:
        return Amount(self.sku_id, self.quantity, self.grams)


class ListIn(_Strict):
    canteen_id: UUID
    name: Words
    lines: Annotated[list[AmountIn], Field(min_length=1, max_length=200)]


class ListChangeIn(_Strict):
    """version: of the list that was looked at."""

    version: Annotated[int, Field(ge=0, le=2**31 - 1)]
    name: Words
    lines: Annotated[list[AmountIn], Field(min_length=1, max_length=200)]


class OrderIn(_Strict):
    """No lines → those of the list, or of the order to repeat. supplements_id: more of what that order brought."""

    canteen_id: UUID
    deliver_on: date
    lines: Annotated[list[AmountIn], Field(max_length=200)] = []
    list_id: UUID | None = None
    repeat_order_id: UUID | None = None
    supplements_id: UUID | None = None


class CountIn(_Strict):
    """What came of a line: accepted, damaged, refused; the rest of what was ordered is short.

    Of weighed goods in grams, else in pieces.
    """

    line_id: UUID
    accepted: Milli
    damaged: Milli = 0
    refused: Milli = 0
    reason: Annotated[str | None, Field(max_length=200, pattern=NO_NUL)] = None
    best_before: date | None = None
    batch_number: Annotated[str | None, Field(max_length=60, pattern=NO_NUL)] = None


class CanteenTruckIn(_Strict):
    driver: Words
    plate: Annotated[str, Field(min_length=1, max_length=20, pattern=NO_NUL)]
    delivery_note: Annotated[str | None, Field(max_length=60, pattern=NO_NUL)] = None


class AcceptIn(_Strict):
    """witness_id: the second person. accepted_on: today when blank."""

    witness_id: UUID
    lines: Annotated[list[CountIn], Field(min_length=1, max_length=200)]
    accepted_on: date | None = None
    truck: CanteenTruckIn | None = None
    note: Annotated[str | None, Field(max_length=500, pattern=NO_NUL)] = None


class CanteenPaperIn(_Strict):
    """batch_number: that of the accepted line when blank."""

    line_id: UUID
    kind: Literal["conformity", "quarantine", "inspection", "delivery_note"]
    evidence_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    batch_number: Annotated[str | None, Field(max_length=60, pattern=NO_NUL)] = None
    number: Annotated[str | None, Field(max_length=60, pattern=NO_NUL)] = None


class ExtensionIn(_Strict):
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


class ContractIn(_Strict):
    """Days are business days, half-open. credit_days: days to pay after acceptance."""

    canteen_id: UUID
    payer_kind: Literal["canteen", "contractor"]
    payer_name: Words
    invoice_title: Words
    tax_number: Annotated[str | None, Field(max_length=30, pattern=r"^[0-9A-Z]{15,20}$")] = None
    credit_days: Annotated[int, Field(ge=0, le=180)]
    contact_name: Words
    contact_phone: Annotated[str, Field(pattern=r"^1[0-9]{10}$")]
    region_code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    street: Annotated[str, Field(min_length=1, max_length=120, pattern=NO_NUL), AfterValidator(checked_street)]
    valid_from: date
    valid_to: date | None = None
    source: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


@dataclass(frozen=True, slots=True)
class ListOut:
    id: UUID
    canteen_id: UUID
    name: str
    version: int
    changed_at: datetime
    lines: list[ListLine]


@dataclass(frozen=True, slots=True)
class CanteenLineOut:
    """Amounts in pieces, or in grams where `weighed`; accepted and the rest are null until the goods were counted."""

    id: UUID
    sku_id: UUID
    title: str
    spec: str
    weighed: bool
    unit_price_fen: int
    paid_fen: int
    ordered: int
    accepted: int | None
    short: int | None
    damaged: int | None
    refused: int | None
    reason: str | None
    batch_number: str | None
    best_before: date | None
    papers: list[PaperSeen]


@dataclass(frozen=True, slots=True)
class CanteenOrderOut:
    """due_fen: goods and freight, after acceptance of what was accepted; due_on: the last day to pay."""

    order: OrderSeen
    lines: list[CanteenLineOut]


@dataclass(frozen=True, slots=True)
class Made:
    id: UUID


@dataclass(frozen=True, slots=True)
class OrderPage:
    items: list[OrderSeen]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Lists:
    items: list[ListOut]
    next_cursor: None = None


def line_out(line: LineSeen) -> CanteenLineOut:
    def amount(milli: int | None) -> int | None:
        if milli is None:
            return None
        return line.grams(milli) if line.weighed else milli // 1_000

    return CanteenLineOut(
        id=line.id,
        sku_id=line.sku_id,
        title=line.title,
        spec=line.spec,
        weighed=line.weighed,
        unit_price_fen=line.unit_price_fen,
        paid_fen=line.net_fen,
        ordered=amount(line.ordered_milli) or 0,
        accepted=amount(line.accepted_milli),
        short=amount(line.short_milli),
        damaged=amount(line.damaged_milli),
        refused=amount(line.refused_milli),
        reason=line.reason,
        batch_number=line.batch_number,
        best_before=line.best_before,
        papers=line.papers,
    )
