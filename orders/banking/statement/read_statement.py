"""Read a bank's file: find the header under whatever stands above it, and what moved in each row. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import ClassVar

from orders.banking.statement.layouts import COLUMN_WORDS, MAPPABLE, StatementLayout
from orders.banking.statement.own_account import account_stated
from orders.banking.statement.read_row import Came, Reading, moved, went_back
from orders.banking.statement.row_cells import cells_of, places_of
from shop.core.errors import Detail, Problem
from shop.sheet.cells import Mistake
from shop.sheet.heed import UnitOther, column, heed_above, says_direction, says_status, unit_in
from shop.sheet.read import DIGITS_KEPT, ROWS_ABOVE_MAX, Sheet, SheetRow, read_sheet
from shop.sheet.refused import HeaderWrong
from shop.sheet.table import SetAside, Table, refuse_rows, require_known, table_of
from shop.sheet.value import plain, rounded
from shop.sheet.words import ASIDE


class LayoutUnknown(HeaderWrong):
    """No layout has this header: somebody maps it, another one confirms. extra: titles of the likeliest header."""

    code: ClassVar[str] = "layout_unknown"
    title: ClassVar[str] = "还不认识这种流水的表头"


class DirectionUnread(LayoutUnknown):
    """A column that says which way money went, or whether it came at all, is left unread: it must be mapped."""

    code: ClassVar[str] = "direction_unread"
    title: ClassVar[str] = "说收支或状态的列不能不读"


class StatementEmpty(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "statement_empty"
    title: ClassVar[str] = "流水里没有一行"


@dataclass(frozen=True, slots=True)
class StatementRead:
    """rows_read = came + set_aside. ignored: columns that somebody said need no reading. refunded: of those set aside,
    what had come and, as the file says now, did not or went back since, with the amount that came; and with a negative
    amount what went out and reads like a refund.
    """

    bank: str
    came: list[Came]
    rows_read: int
    set_aside: list[SetAside] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    refunded: list[Came] = field(default_factory=list)


def read_statement(
    data: bytes, *, layouts: Sequence[StatementLayout], today: date, acknowledged: Collection[str] = ()
) -> StatementRead:
    """acknowledged: titles of columns that need no reading. Raises what `read_sheet` and `table_of` raise,
    LayoutUnknown, HeaderWrong, ColumnsUnknown, StatementEmpty, and RowsRefused with every wrong row.
    """
    sheet = read_sheet(data)
    layout, table = _layout_of(sheet, layouts)
    heed_above(sheet, table.header_row)
    titles = [plain(title) for title in table.titles]
    if twice := sorted({title for title in titles if title and titles.count(title) > 1}):
        raise HeaderWrong(f"重复的列：{'、'.join(twice)}。请使用网银直接导出的文件。")
    _refuse_units(layout, table)
    ignored = require_known(table, layout.known(), {plain(one) for one in acknowledged})
    _refuse_unread(layout, table, ignored)
    reading = Reading(layout, titles, today, _stated_above(sheet, table.header_row), _named(layout, table))
    came: list[Came] = []
    refunded: list[Came] = []
    aside, errors = list(table.set_aside), list(table.errors)
    broken = {one.pointer for one in errors}
    for line in table.rows:
        if f"/rows/{line.number}" in broken:
            continue
        cells = cells_of(line, layout, titles)
        found = moved(line, cells, reading)
        if isinstance(found, Came):
            came.append(found)
        elif found is not None and not cells.mistakes:
            aside.append(SetAside(line.number, found, ASIDE[found]))
            if went := went_back(line, found, reading):
                refunded.append(went)
        errors += [_detail(line.number, one, reading) for one in cells.mistakes]
    errors += _same_twice(came) + _rounded(came)
    aside.sort(key=lambda one: one.row)
    if errors:
        errors.sort(key=lambda one: int(one.pointer.split("/")[2]))
        raise refuse_rows(errors, rows_read=table.rows_read, set_aside=aside)
    if not table.rows_read:
        raise StatementEmpty("只有表头。请确认导出的时间范围内有流水。")
    return StatementRead(layout.bank, came, table.rows_read, aside, ignored, refunded)


def _named(layout: StatementLayout, table: Table) -> dict[str, str]:
    titles = [plain(title) for title in table.titles]
    places = {name: places_of(layout, name, titles) for name in MAPPABLE}
    return {name: table.titles[found[0]] for name, found in places.items() if found}


def _refuse_units(layout: StatementLayout, table: Table) -> None:
    """Raises UnitOther: no figure of a column in 万元 is what it says."""
    titles = [plain(title) for title in table.titles]
    for name in ("income", "outgo", "amount"):
        for place in places_of(layout, name, titles):
            if unit := unit_in(table.titles[place]):
                raise UnitOther(f"“{table.titles[place]}”以{unit}为单位，请换算成元再导入（或使用以元为单位的导出）。")


def _refuse_unread(layout: StatementLayout, table: Table, ignored: Collection[str]) -> None:
    """Of what nobody reads, and no layout of ours knows for needless. Raises DirectionUnread."""
    titles = [plain(title) for title in table.titles]
    read = {place for name in MAPPABLE for place in places_of(layout, name, titles)}
    by_people = {plain(one) for one in (ignored if layout.bank != "mapped" else (*ignored, *layout.ignored))}
    has = {name: bool(places_of(layout, name, titles)) for name in ("income", "outgo", "direction")}
    one_way = has["direction"] or (has["income"] and has["outgo"])
    for place, title in enumerate(titles):
        if place in read or title not in by_people:
            continue
        values = column(table.rows, place)
        if says_status(title, values) or (not one_way and says_direction(title, values)):
            raise DirectionUnread(
                f"“{table.titles[place]}”说的是收支方向或状态，不读它会把支出当成收入。"
                "请在页面上指明每一列是什么，由另一位同事确认后再导入。",
                extra={"titles": [one for one in table.titles if one]},
            )


def _is_row(layout: StatementLayout, titles: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether it has number, day and money, whatever its words read like: no total has all three."""
    found = cells_of(SheetRow(0, list(cells)), layout, titles)
    serial = found.maybe("serial_number") or ""
    named = "/" not in serial or bool(found.maybe("payer_account"))
    money = any(found.maybe_fen(name) for name in ("income", "outgo", "amount"))
    return bool(serial and named and money and found.maybe_day("day")) and not found.mistakes


def _detail(number: int, one: Mistake, reading: Reading) -> Detail:
    ours = COLUMN_WORDS.get(one.column, "币种")
    title = reading.named.get(one.column, ours)
    also = f"（{ours}）" if plain(title) != plain(ours) else ""
    return Detail(f"/rows/{number}/{one.column}", one.code, f"第 {number} 行“{title}”{also}：{one.said}")


def _layout_of(sheet: Sheet, layouts: Sequence[StatementLayout]) -> tuple[StatementLayout, Table]:
    """The layout that knows most of the columns of the first header that any knows; of several alike the one whose bank
    stands above it.
    """
    found = [(layout, table) for layout in layouts if (table := _table_of(sheet, layout)) is not None]
    if not found:
        widest = max(sheet.lines[:ROWS_ABOVE_MAX], key=lambda line: sum(1 for cell in line.cells if cell))
        raise LayoutUnknown(
            f"现在认识的有：{'、'.join(dict.fromkeys(one.name for one in layouts))}。"
            "请在页面上指明每一列是什么，由另一位同事确认后再导入。",
            extra={"titles": [cell for cell in widest.cells if cell]},
        )

    def fit(one: tuple[StatementLayout, Table]) -> tuple[int, int, bool]:
        layout, table = one
        known = layout.known()
        above = "".join(cell for line in sheet.lines if line.number < table.header_row for cell in line.cells)
        return (-table.header_row, sum(plain(title) in known for title in table.titles), layout.name in plain(above))

    return max(found, key=fit)


def _table_of(sheet: Sheet, layout: StatementLayout) -> Table | None:
    ends_at = {plain(one) for one in layout.ends_at}
    return table_of(sheet, layout.is_header, ends_at=ends_at, is_row=partial(_is_row, layout))


def _stated_above(sheet: Sheet, header_row: int) -> str:
    """The own account that a line above the header states; "" where none does."""
    for line in sheet.lines:
        if line.number >= header_row:
            break
        if stated := account_stated(" ".join(filter(None, line.cells))):
            return stated
    return ""


def _same_twice(came: Sequence[Came]) -> list[Detail]:
    """A bank names a row by account, day and number once; another payer under the same number is for a person, and so
    is what was booked again after it had been taken back.
    """
    turned = {(one.own_account, one.day, one.serial_number) for one in came if one.amount_fen < 0} & {
        (one.own_account, one.day, one.serial_number) for one in came if one.amount_fen > 0
    }
    first: dict[tuple[object, ...], int] = {}
    found = []
    for one in came:
        key = (one.own_account, one.day, one.serial_number, min(one.amount_fen, 0), plain(one.payer_name))
        if (one.own_account, one.day, one.serial_number) in turned:
            continue
        if one.serial_number and first.setdefault(key, one.row) != one.row:
            said = f"第 {one.row} 行“流水号”：流水号与第 {first[key]} 行重复"
            found.append(Detail(f"/rows/{one.row}/serial_number", "row_repeated", said))
    return found


def _rounded(came: Sequence[Came]) -> list[Detail]:
    """Where a spreadsheet has made up the ends of all long numbers, none of them names its row."""
    if not rounded(one.serial_number for one in came):
        return []
    said = "超过 15 位的流水号末尾都是 0，像是被表格软件改掉了，请把这一列设为文本后重新导出"
    long = [one for one in came if len(one.serial_number) > DIGITS_KEPT and one.serial_number.isdigit()]
    return [
        Detail(f"/rows/{one.row}/serial_number", "digits_lost", f"第 {one.row} 行“流水号”：“{one.serial_number}”{said}")
        for one in long
    ]
