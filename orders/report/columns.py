"""What a row of the report says: every figure once, with its name, its head and how it is written.

JSON, page, sheet and terminal follow from COLUMNS; what JSON says of it stands in `schemas.FiguresOut`. A figure that
entries do not have yet is summed in `figures.py` first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from orders.report.figures import Part, People
from shop.core.money import half_up
from shop.sheet.write import thousandths, yuan

FEWEST_SHOWN = 5
FEW = "<5"


@dataclass(slots=True)
class Figures:
    """Sums in fen, milli-pieces and grams. All but `unverified_fen` are of headline entries (grades A to C)."""

    direct_purchase_fen: int = 0
    assisted_sale_fen: int = 0
    unverified_fen: int = 0
    refunded_fen: int = 0
    quantity_milli: int = 0
    grams: int = 0
    orders: int = 0
    participants: int = 0
    flagged_fen: int = 0

    @property
    def credited_fen(self) -> int:
        return self.direct_purchase_fen + self.assisted_sale_fen

    @property
    def quantity(self) -> int:
        return half_up(self.quantity_milli, 1_000)

    @property
    def shown_participants(self) -> int | None:
        """None for 1 to 4: so few people could be recognised (DOMAIN rule 25)."""
        return None if 0 < self.participants < FEWEST_SHOWN else self.participants

    def add(self, part: Part) -> None:
        net_fen = part.sale_fen + part.refund_fen
        if part.standing == "unverified":
            self.unverified_fen += net_fen
            return
        if part.credit_kind == "direct_purchase":
            self.direct_purchase_fen += net_fen
        else:
            self.assisted_sale_fen += net_fen
        self.refunded_fen -= part.refund_fen
        self.quantity_milli += part.quantity_milli
        self.grams += part.grams

    def count(self, found: People | None) -> None:
        if found:
            self.orders, self.participants = found.orders, found.participants

    def as_json(self) -> dict[str, Any]:
        return {column.name: column.of(self) for column in COLUMNS}


Written = Literal["fen", "pieces", "grams", "count", "people"]
_UNITS: Final[dict[Written, str]] = {
    "fen": "（元）",
    "pieces": "（件）",
    "grams": "（千克）",
    "count": "",
    "people": "",
}


@dataclass(frozen=True, slots=True)
class Column:
    """name: in JSON. head: its Chinese word, of which pages have the English. of: fen, pieces, grams or a number; None
    where it is not told.
    """

    name: str
    head: str
    written: Written
    of: Callable[[Figures], int | None]

    @property
    def sheet_head(self) -> str:
        return self.head + _UNITS.get(self.written, "")

    @property
    def untold(self) -> str:
        """What stands where there is no figure: of people, that they are few."""
        return FEW if self.written == "people" else "—"

    def cell(self, figures: Figures) -> Decimal | int | str:
        """For sheets: yuan, pieces, kilograms, a number."""
        value = self.of(figures)
        if value is None:
            return self.untold
        if self.written == "fen":
            return yuan(value)
        return thousandths(value) if self.written == "grams" else str(value) if self.written == "people" else value


COLUMNS: Final = (
    Column("direct_purchase_fen", "直接购买", "fen", lambda of: of.direct_purchase_fen),
    Column("assisted_sale_fen", "帮助销售", "fen", lambda of: of.assisted_sale_fen),
    Column("credited_fen", "计入合计", "fen", lambda of: of.credited_fen),
    Column("unverified_fen", "待核实", "fen", lambda of: of.unverified_fen),
    Column("flagged_fen", "异常标记", "fen", lambda of: of.flagged_fen),
    Column("refunded_fen", "已退款", "fen", lambda of: of.refunded_fen),
    Column("quantity", "数量", "pieces", lambda of: of.quantity),
    Column("grams", "重量", "grams", lambda of: of.grams),
    Column("orders", "订单数", "count", lambda of: of.orders),
    Column("participants", "参与人数", "people", lambda of: of.shown_participants),
)
