"""A row of a statement: what it says, and which unit, county, producer and product that is."""

import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal
from uuid import UUID

from shop.core.ids import derived_id
from shop.sheet.cells import BLANKS, Mistake

Type = Literal["sale", "refund"]
State = Literal["wrong", "staged", "entered", "repeated", "held", "set_aside"]
Key = tuple[str, str, str]
"""Channel, the channel's number, its line."""


@dataclass(slots=True)
class SaleRow:
    """Amounts in fen, grams and milli-pieces; of a refund positive as well. Blank where it could not be read.

    why: it is set aside as it stands. asked: what somebody should look at. cells: as written, by field. unit_name to
    product_name: as written, looked up afterwards.
    """

    id: UUID
    channel: str
    number: int
    cells: dict[str, str]
    mistakes: list[Mistake] = field(default_factory=list)
    asked: list[Mistake] = field(default_factory=list)
    state: State = "staged"
    why: str | None = None
    type: Type | None = None
    external_number: str = ""
    external_line: str = "1"
    refund_number: str | None = None
    credit_kind: str | None = None
    fund_source: str | None = None
    invoice_number: str | None = None
    unit_name: str = ""
    province: str = ""
    county_name: str = ""
    producer_name: str = ""
    supplier_name: str = ""
    product_name: str = ""
    recognition_number: str = ""
    category: str | None = None
    quantity_milli: int = 0
    grams: int = 0
    amount_fen: int = 0
    day: date | None = None
    unit_id: UUID | None = None
    county_code: str | None = None
    producer_id: UUID | None = None
    supplier_id: UUID | None = None
    product_id: UUID | None = None
    first_unit_id: UUID | None = None
    claim_id: UUID | None = None

    @property
    def key(self) -> Key:
        return (self.channel, self.external_number, self.external_line)

    @property
    def same_key(self) -> Key:
        """Under which it is known, however its numbers are written."""
        return same_key_of(self.key)

    @property
    def sale_id(self) -> UUID:
        """Of the sale this row states, also the id of its component in the credit."""
        return sale_id_of(self.key)

    @property
    def whole(self) -> bool:
        """Its channel says no line: the row states the order as a whole."""
        return self.cells.get("line", "") in BLANKS

    def wrong(self, column: str, said: str, code: str = "cell_wrong") -> None:
        self.mistakes.append(Mistake(column, code, said))


def same_number(written: str) -> str:
    """How numbers of another channel are compared: N1 is n1, and a spreadsheet makes 12 of 0012. As `SAME_NUMBER`."""
    return unicodedata.normalize("NFKC", written).upper().lstrip("0")


def same_key_of(key: Key) -> Key:
    return (key[0], same_number(key[1]), same_number(key[2]))


SAME_NUMBER: Final = "ltrim(upper(normalize({}, NFKC)), '0')"
"""SQL of `same_number`."""


def sale_id_of(key: Key) -> UUID:
    return derived_id("outside_sale", *key)


def line_id_of(key: Key) -> UUID:
    return derived_id("outside_line", *key)


def order_id_of(key: Key) -> UUID:
    return derived_id("outside_order", *key[:2])
