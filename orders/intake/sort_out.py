"""What becomes of each row, given what was imported before. Pure: files and confirmations ask the same question."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from orders.intake.row import Key, SaleRow, same_key_of, same_number
from shop.core.ids import derived_id
from shop.sheet.cells import Mistake
from shop.sheet.words import NOT_COUNTED
from shop.ui.filters import yuan


@dataclass(slots=True)
class Sale:
    """A sale that stands. former: units that had it before a claim against them was decided; whole: as of a `Row`."""

    id: UUID
    key: Key
    unit_id: UUID
    day: date
    amount_fen: int
    left_fen: int
    left_grams: int
    left_milli: int
    invoice_number: str | None = None
    former: frozenset[UUID] = frozenset()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    id: UUID
    sale_id: UUID
    state: str
    amount_fen: int


@dataclass(slots=True)
class Known:
    """What was there before. claims: by `same_key_of` and unit; refunds: (sale, channel, `same_number`) → fen; held:
    (claim, `same_number`) of refunds that wait.
    """

    sales: dict[UUID, Sale] = field(default_factory=dict)
    claims: dict[tuple[Key, UUID], Claim] = field(default_factory=dict)
    refunds: dict[tuple[UUID, str, str], int] = field(default_factory=dict)
    held: set[tuple[UUID, str]] = field(default_factory=set)
    unit_names: Mapping[UUID, str] = field(default_factory=dict)
    _by_key: dict[Key, UUID] = field(default_factory=dict)
    _by_order: dict[tuple[str, str], list[Sale]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for sale in list(self.sales.values()):
            self.add(sale)

    def sale_of(self, row: SaleRow) -> Sale | None:
        """The sale that a row names, however it writes its numbers."""
        return self.sales.get(self._by_key.get(row.same_key, row.sale_id))

    def whole_beside_line(self, row: SaleRow) -> Sale | None:
        """Another sale of the row's order, where one of the two states it as a whole: its money stands in both."""
        return next((one for one in self._by_order[row.same_key[:2]] if one.whole or row.whole), None)

    def add(self, sale: Sale) -> None:
        self.sales[sale.id] = sale
        self._by_key[same_key_of(sale.key)] = sale.id
        self._by_order[same_key_of(sale.key)[:2]].append(sale)


@dataclass(slots=True)
class Sorted:
    """sales, refunds: to enter, a refund with the sale it is of; claims: to open, with the sale and why."""

    sales: list[SaleRow] = field(default_factory=list)
    refunds: list[tuple[SaleRow, UUID]] = field(default_factory=list)
    claims: list[tuple[SaleRow, UUID, str]] = field(default_factory=list)


def claim_id_of(row: SaleRow) -> UUID:
    return derived_id("intake_claim", *row.key, row.unit_id)


def sort_out(rows: Sequence[SaleRow], known: Known) -> Sorted:
    """Say of each whole row what becomes of it (`state`), or note why it cannot be (`mistakes`); `known` grows by it.

    Sales come before refunds, whatever their order in the file. The same sale again is nothing new; another unit's is
    held. A refund without its sale, before it, or above what remains of it is a mistake.
    """
    done = Sorted()
    by_invoice: dict[tuple[str, int], list[Sale]] = defaultdict(list)
    for sale in known.sales.values():
        if sale.invoice_number:
            by_invoice[sale.invoice_number, sale.amount_fen].append(sale)
    whole = [row for row in rows if not row.mistakes and row.why is None]
    for row in whole:
        if row.type == "sale":
            _sale(row, known, by_invoice, done)
    for row in whole:
        if row.type == "refund":
            _refund(row, known, done)
    for row in rows:
        _ask_of_closed(row, known)
    return done


def _ask_of_closed(row: SaleRow, known: Known) -> None:
    """A sale that counts already, and of which the channel now says that it was closed: a person must look."""
    sale = known.sale_of(row) if row.why in NOT_COUNTED and row.type == "sale" else None
    if sale is not None and sale.left_fen > 0:
        said = f"以前按成交记入了 {yuan(sale.left_fen)}，现在的状态是关闭或退款；如已退款，请导入它的退款行"
        row.asked.append(Mistake("status", "closed_after_sale", said))


def _sale(row: SaleRow, known: Known, by_invoice: dict[tuple[str, int], list[Sale]], done: Sorted) -> None:
    unit, day = row.unit_id, row.day
    if unit is None or day is None:
        raise ValueError("only whole rows are sorted out")
    claim = known.claims.get((row.same_key, unit))
    first = known.sale_of(row)
    if claim is not None:
        _again(row, claim.amount_fen, day, day)
    elif first is not None and unit in {first.unit_id, *first.former}:
        _again(row, first.amount_fen, first.day, day)
    elif first is not None:
        _hold(row, first, "same_line", known, done)
    elif other := known.whole_beside_line(row):
        if unit not in {other.unit_id, *other.former}:
            _hold(row, other, "same_line", known, done)
            return
        said = f"这一单号 {other.day} 的 {yuan(other.amount_fen)} 已按另一种方式（整单或分行）导入，不能再算一次"
        row.wrong("line", said, "order_contradicts")
    elif same := _same_invoice(row, known, by_invoice):
        _hold(row, same, "same_invoice", known, done)
    else:
        made = Sale(
            row.sale_id, row.key, unit, day, row.amount_fen, row.amount_fen, row.grams, row.quantity_milli,
            row.invoice_number, whole=row.whole,
        )  # fmt: skip
        known.add(made)
        if made.invoice_number:
            by_invoice[made.invoice_number, made.amount_fen].append(made)
        row.state = "staged"
        done.sales.append(row)


def _again(row: SaleRow, fen: int, before: date, day: date) -> None:
    if (fen, before) != (row.amount_fen, day):
        row.wrong("amount", f"同一单号以前导入的是 {before}，{yuan(fen)}，与这一行不一致", "row_contradicts")
    row.state = "repeated"


def _same_invoice(row: SaleRow, known: Known, by_invoice: Mapping[tuple[str, int], list[Sale]]) -> Sale | None:
    """The sale of another channel with this invoice and amount, whichever day each channel calls its own; one of that
    day, and that this channel has not claimed, if any.
    """
    stated = by_invoice.get((row.invoice_number or "", row.amount_fen), ())
    others = [one for one in stated if one.key[0] != row.channel]
    if len(others) < 2:
        return others[0] if others else None
    claimed = {claim.sale_id for (key, _), claim in known.claims.items() if key[0] == row.channel}
    return min(others, key=lambda one: (one.id in claimed, one.day != row.day))


def _hold(row: SaleRow, first: Sale, why: str, known: Known, done: Sorted) -> None:
    claim = Claim(claim_id_of(row), first.id, "open", row.amount_fen)
    if row.unit_id is not None:
        known.claims[row.same_key, row.unit_id] = claim
    row.state, row.first_unit_id, row.claim_id = "held", first.unit_id, claim.id
    done.claims.append((row, first.id, why))


def _refund(row: SaleRow, known: Known, done: Sorted) -> None:
    unit, day = row.unit_id, row.day
    if unit is None or day is None or row.refund_number is None:
        raise ValueError("only whole rows are sorted out")
    number = same_number(row.refund_number)
    sale = known.sale_of(row)
    claim = known.claims.get((row.same_key, unit))
    if claim is not None and claim.state != "later":
        waiting = known.sales[claim.sale_id]
        row.state, row.claim_id, row.first_unit_id = "set_aside", claim.id, waiting.unit_id
        if claim.state == "open":
            row.state = "repeated" if (claim.id, number) in known.held else "held"
            known.held.add((claim.id, number))
        return
    if claim is not None:
        sale = known.sales[claim.sale_id]
    elif sale is None:
        said = "没有这笔销售：退款早于销售。请先导入销售（同一份文件也可以），再导入退款"
        row.wrong("number", said, "refund_before_sale")
        return
    if sale.unit_id != unit:
        owner = known.unit_names.get(sale.unit_id, "另一个单位")
        row.wrong("unit", f"这笔销售记在“{owner}”名下，退款须由该单位导入", "refund_of_another")
        return
    before = known.refunds.get((sale.id, row.channel, number))
    if before is not None:
        if before != row.amount_fen:
            row.wrong("amount", f"同一退款单号以前导入的是 {yuan(before)}，与这一行不一致", "row_contradicts")
        row.state = "repeated"
        return
    take(row, sale)
    if not row.mistakes:
        known.refunds[sale.id, row.channel, number] = row.amount_fen
        row.state = "staged"
        done.refunds.append((row, sale.id))


def take(row: SaleRow, sale: Sale) -> None:
    """Take a refund from what remains of its sale, or note why that cannot be."""
    if row.day is not None and row.day < sale.day:
        row.wrong("day", f"退款日期早于销售日期 {sale.day}", "refund_before_sale")
    for column, requested, left, said in (
        ("amount", row.amount_fen, sale.left_fen, yuan(sale.left_fen)),
        ("kg", row.grams, sale.left_grams, f"{sale.left_grams} 克"),
        ("quantity", row.quantity_milli, sale.left_milli, f"{sale.left_milli / 1000:g} 件"),
    ):
        if requested > left:
            row.wrong(column, f"退款超过这笔销售还剩的 {said}", "refund_too_large")
    if not row.mistakes:
        sale.left_fen -= row.amount_fen
        sale.left_grams -= row.grams
        sale.left_milli -= row.quantity_milli
