"""Read a bank's file: find the header under whatever stands above it, and what moved in each row. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import ClassVar, Final

from orders.banking.statement.layouts import COLUMN_WORDS, MAPPABLE, StatementLayout
from orders.banking.statement.own_account import account_stated
from orders.order.transfer_code import codes_in
from shop.core.errors import Detail, Problem
from shop.sheet.cells import Cells, Mistake
from shop.sheet.read import ROWS_ABOVE_MAX, Line, Sheet, read_sheet
from shop.sheet.refused import HeaderWrong
from shop.sheet.table import SetAside, Table, refuse_rows, require_known, table_of
from shop.sheet.value import plain
from shop.sheet.words import ASIDE, BESIDE, DIRECTIONS, NOT_COUNTED, STATUSES

_TAKEN_BACK: Final = re.compile(
    r"冲正|冲账|冲帐|冲销|冲回|红冲|红字(?!发票|信息|增值税|专用)|抹账|抹帐|退汇|退票|退回|撤销|反交易|错账|错帐|调账|调帐|"
    r"\breversal\b|\breversed\b",
    re.IGNORECASE,
)
"""Words by which a bank says in the remark that money it had booked never came, or went back."""
_INTEREST: Final = ("结息", "利息")
_FIRST_DAY: Final = date(2015, 1, 1)


class LayoutUnknown(HeaderWrong):
    """No layout has this header: somebody maps it, another one confirms. extra: titles of the likeliest header."""

    code: ClassVar[str] = "layout_unknown"
    title: ClassVar[str] = "还不认识这种流水的表头"


class StatementEmpty(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "statement_empty"
    title: ClassVar[str] = "流水里没有一行"


@dataclass(frozen=True, slots=True)
class Came:
    """Money that came, or, with a negative amount, that a bank took back. row: of the file.

    payer_account, own_account: as written, to be digested before they are kept; own_account "" = the file does not say.
    """

    row: int
    serial_number: str
    day: date
    amount_fen: int
    payer_name: str
    payer_account: str
    remark: str
    own_account: str = ""


@dataclass(frozen=True, slots=True)
class StatementRead:
    """rows_read = came + set_aside. ignored: columns that somebody said need no reading. refunded: of those set aside,
    what had come and went back since, with the amount that came.
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
    titles = [plain(title) for title in table.titles]
    if twice := sorted({title for title in titles if title and titles.count(title) > 1}):
        raise HeaderWrong(f"重复的列：{'、'.join(twice)}。请使用网银直接导出的文件。")
    known = layout.known()
    ignored = require_known(table, known, {plain(one) for one in acknowledged})
    above = _stated_above(sheet, table.header_row)
    came: list[Came] = []
    refunded: list[Came] = []
    aside, errors = list(table.set_aside), list(table.errors)
    too_long = {one.pointer for one in errors}
    for line in table.rows:
        if f"/rows/{line.number}" in too_long:
            continue
        cells = _cells(line, layout, titles)
        found = _moved(line.number, cells, titles, layout, today, above)
        if isinstance(found, Came):
            came.append(found)
        elif found is not None and not cells.mistakes:
            aside.append(SetAside(line.number, found, ASIDE[found]))
            if found == "refunded" and (went := _went_back(line, layout, titles, today, above)):
                refunded.append(went)
        errors += [_detail(line.number, one) for one in cells.mistakes]
    errors += _same_twice(came)
    aside.sort(key=lambda one: one.row)
    if errors:
        raise refuse_rows(errors, rows_read=table.rows_read, set_aside=aside)
    if not table.rows_read:
        raise StatementEmpty("只有表头。请确认导出的时间范围内有流水。")
    return StatementRead(layout.bank, came, table.rows_read, aside, ignored, refunded)


def _detail(number: int, one: Mistake) -> Detail:
    said = f"第 {number} 行“{COLUMN_WORDS[one.column]}”：{one.said}"
    return Detail(f"/rows/{number}/{one.column}", one.code, said)


def _layout_of(sheet: Sheet, layouts: Sequence[StatementLayout]) -> tuple[StatementLayout, Table]:
    """The layout that knows most of the columns of the first header that any knows; of several alike the one whose bank
    stands above it.
    """
    found = [
        (layout, table)
        for layout in layouts
        if (table := table_of(sheet, layout.is_header, ends_at={plain(one) for one in layout.ends_at})) is not None
    ]
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


def _stated_above(sheet: Sheet, header_row: int) -> str:
    """The own account that a line above the header states; "" where none does."""
    for line in sheet.lines:
        if line.number >= header_row:
            break
        if stated := account_stated(" ".join(filter(None, line.cells))):
            return stated
    return ""


def _cells(line: Line, layout: StatementLayout, titles: Sequence[str]) -> Cells:
    """The row by our names: of several columns under one name the first that is filled, of remarks and states all."""
    by_title = {title: place for place, title in enumerate(titles) if title and place < len(line.cells)}
    filled: dict[str, str] = {}
    lost = set()
    for name in MAPPABLE:
        places = [by_title[plain(title)] for title in getattr(layout, name) if plain(title) in by_title]
        texts = {place: line.cells[place] for place in places if line.cells[place]}
        if name in {"remark", "status"}:
            filled[name] = (" " if name == "remark" else BESIDE).join(dict.fromkeys(texts.values()))
        elif texts:
            place = next(iter(texts))
            filled[name] = texts[place]
            if place in line.lost:
                lost.add(name)
    if "serial_number" not in filled and layout.serial_else:
        parts = [line.cells[by_title[plain(title)]] for title in layout.serial_else if plain(title) in by_title]
        filled["serial_number"] = "/".join(parts) if all(parts) else ""
    return Cells(filled, lost)


def _moved(
    number: int, cells: Cells, titles: Sequence[str], layout: StatementLayout, today: date, above: str
) -> Came | str | None:
    """Money that came or was taken back; why the row is set aside; None: its mistakes are noted in the cells."""
    fen = _fen(cells, titles, layout)
    cells.maybe_fen("balance")  # a figure, or the cells have moved
    if cells.mistakes or isinstance(fen, str):
        return fen if isinstance(fen, str) else None
    if fen > 0 and (status := _status(cells)) is not None:
        return status
    if not cells.maybe("payer_name") and fen > 0 and any(word in (cells.maybe("remark") or "") for word in _INTEREST):
        return "interest"
    return _came(number, cells, fen, today, above)


def _went_back(line: Line, layout: StatementLayout, titles: Sequence[str], today: date, above: str) -> Came | None:
    """What had come before the file said that it went back; None where the row does not name it whole."""
    cells = _cells(line, layout, titles)
    fen = _fen(cells, titles, layout)
    if isinstance(fen, str):
        return None
    came = _came(line.number, cells, fen, today, above)
    return None if cells.mistakes else replace(came, remark=f"退回（{cells.maybe('status')}）{came.remark}"[:500])


def _came(number: int, cells: Cells, fen: int, today: date, above: str) -> Came:
    """The row's other cells; their mistakes are noted."""
    remark = cells.maybe("remark") or ""
    if (_marked(cells) or (fen > 0 and _out_below_zero(cells))) and not names_reversal(remark):
        remark = f"冲账 {remark}"
    day = cells.day("day")
    if not cells.mistakes and not _FIRST_DAY <= day <= today:
        cells.wrong("day", f"“{day}”晚于今天，或早于 {_FIRST_DAY.year} 年")
    return Came(
        row=number,
        serial_number=cells.code("serial_number"),
        day=day,
        amount_fen=fen,
        payer_name=(cells.text("payer_name") if fen > 0 else cells.maybe("payer_name") or "")[:100],
        payer_account=_account(cells),
        remark=remark[:500],
        own_account=cells.maybe_code("own_account") or above,
    )


def _account(cells: Cells) -> str:
    """An account, or a payment company's name for it: a name of somebody there says that cells have moved."""
    found = cells.maybe_code("payer_account") or ""
    if found.strip("-/") and not any(sign.isdigit() or sign in "@*" for sign in found):
        cells.wrong("payer_account", f"“{found[:20]}”不是账号；可能是文字里的逗号没有加引号，格子错位了", "cells_moved")
    return found


def _status(cells: Cells) -> str | None:
    """Why the row is set aside, by the words of its states; an unknown one is noted."""
    return next((one for one in cells.states("status", STATUSES) if one in NOT_COUNTED), None)


def _fen(cells: Cells, titles: Sequence[str], layout: StatementLayout) -> int | str:
    """Fen that came, negative where the bank took it back; else why the row is set aside."""
    two_columns = any(plain(title) in titles for title in layout.income)
    came, went = (
        (cells.maybe_fen("income"), cells.maybe_fen("outgo")) if two_columns else _by_direction(cells, titles, layout)
    )
    if cells.mistakes:
        return 0
    if came is None and went is None:
        if two_columns or cells.maybe_fen("amount") is None:
            cells.wrong("income" if two_columns else "amount", "没有金额", "cell_blank")
        return "neither"
    if came and went:
        cells.wrong("income", "同一行既有收入又有支出，可能是格子错位了")
        return 0
    said = cells.maybe("remark") or ""
    turned = names_reversal(said) or _marked(cells)
    if went and any("-" in plain(title) for title in layout.outgo if plain(title) in titles):
        went = abs(went)  # 支出（-元）: the minus is how this column writes what went out
    if went and (turned or codes_in(said)):
        return -went  # a row for a person: what carries one of our codes never goes out unseen
    return "money_out" if went else came or "nothing"


def _out_below_zero(cells: Cells) -> bool:
    """A negative figure under what went out: it came back, and a person looks."""
    said = DIRECTIONS.get(plain(cells.maybe("direction") or "").upper())
    return (cells.maybe_fen("outgo") or 0) < 0 or (said == "out" and (cells.maybe_fen("amount") or 0) < 0)


def _marked(cells: Cells) -> bool:
    return plain(cells.maybe("reversed") or "").upper() not in {"", "N", "否", "0", "正常"}


def names_reversal(remark: str) -> bool:
    """Whether the bank says that money went back to where it had come from."""
    return _TAKEN_BACK.search(remark) is not None


def _by_direction(cells: Cells, titles: Sequence[str], layout: StatementLayout) -> tuple[int | None, int | None]:
    """(came, went) of a layout with one column of amounts; (None, None): neither, or its mistake is noted."""
    amount = cells.maybe_fen("amount")
    if amount is None:
        return None, None
    if not any(plain(title) in titles for title in layout.direction):
        return (amount, None) if amount >= 0 else (None, -amount)
    written = plain(cells.maybe("direction") or "")
    said = DIRECTIONS.get(written.upper())
    if said is None:
        known = "、".join(DIRECTIONS)
        cells.wrong("direction", f"不认识“{written[:20]}”；认识的有：{known}" if written else "没有写收入还是支出")
    return (amount, None) if said == "in" else (None, amount) if said == "out" else (None, None)


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
