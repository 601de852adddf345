"""Read one row of a bank's file: what moved, or why it is set aside. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from orders.banking.statement.layouts import StatementLayout
from orders.banking.statement.one_transfer import UNNAMED
from orders.banking.statement.row_cells import cells_of, places_of
from orders.month.models import FIRST_MONTH
from orders.order.transfer_code import codes_in
from shop.core import clock
from shop.sheet.cells import Cells, some_of
from shop.sheet.heed import foreign_cells
from shop.sheet.read import SheetRow
from shop.sheet.value import Unreadable, fen_of, plain
from shop.sheet.words import BESIDE, DIRECTIONS, NOT_COUNTED, STATUSES, part_refunded

_TAKEN_BACK: Final = re.compile(
    r"冲正|冲账|冲帐|冲销|冲回|红冲|红字(?!发票|信息|增值税|专用)|抹账|抹帐|退汇|退票|退回|撤销|反交易|错账|错帐|调账|调帐|"
    r"\breversal\b|\breversed\b",
    re.IGNORECASE,
)
"""Words by which a bank says in the remark that money it had booked never came, or went back."""
_PART: Final = "部分退款（"
_INTEREST: Final = ("结息", "利息")
_SENT_BACK: Final = re.compile("退款|退货")
"""Words by which money that went out may be a refund, made at the bank, of what had come."""
_KINDS: Final = frozenset({"业务类型", "交易类型", "业务种类", "交易种类"})
_FIRST_DAY: Final = clock.first_of(FIRST_MONTH)
"""Of the books: what came before is in none."""


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
class Reading:
    """By what rows are read. titles: made `plain`; above: the own account stated there; named: how the file calls our
    columns.
    """

    layout: StatementLayout
    titles: Sequence[str]
    today: date
    above: str
    named: Mapping[str, str]


def moved(line: SheetRow, cells: Cells, reading: Reading) -> Came | str | None:
    """Money that came or was taken back; why the row is set aside; None: its mistakes are noted in the cells."""
    for _, wrong in foreign_cells(reading.titles, line):
        cells.wrong("currency", wrong, "currency_other")
    fen = _fen(cells, reading)
    cells.maybe_fen("balance")  # a figure, or the cells have moved
    if cells.mistakes or isinstance(fen, str):
        return fen if isinstance(fen, str) else None
    if fen > 0 and (status := _status(cells, fen)) is not None:
        return status
    if not cells.maybe("payer_name") and fen > 0 and any(word in (cells.maybe("remark") or "") for word in _INTEREST):
        return "interest"
    came = _came(line.number, cells, fen, reading)
    return "before_books" if not cells.mistakes and came.day < _FIRST_DAY else came


def went_back(line: SheetRow, why: str, reading: Reading) -> Came | None:
    """Of a row set aside: what had come before the file said that it went back, or did not come; what went out again as
    a refund. None where it is neither, or the row does not name it whole.
    """
    cells = cells_of(line, reading.layout, reading.titles)
    fen = _fen(cells, reading)
    if why in NOT_COUNTED and isinstance(fen, int):
        came = _came(line.number, cells, fen, reading)
        came = replace(came, remark=f"退回（{cells.maybe('status')}）{came.remark}"[:500])
    elif why == "money_out" and _reads_like_a_refund(line, cells, reading):
        went = abs(cells.maybe_fen("outgo") or cells.maybe_fen("amount") or 0)
        came = _came(line.number, cells, -went, reading)
        if _SENT_BACK.search(came.payer_name):  # what a payment company calls the row, nobody's name
            came = replace(came, payer_name="")
    else:
        return None
    return None if cells.mistakes or came.day < _FIRST_DAY else came


def _reads_like_a_refund(line: SheetRow, cells: Cells, reading: Reading) -> bool:
    kinds = [one for one, title in zip(line.cells, reading.titles, strict=False) if title in _KINDS]
    return _SENT_BACK.search(" ".join([cells.maybe("remark") or "", *kinds])) is not None


def _came(number: int, cells: Cells, fen: int, reading: Reading) -> Came:
    """The row's other cells; their mistakes are noted. Without a payer's name (cash) it waits for a person."""
    remark = cells.maybe("remark") or ""
    if (_marked(cells) or (fen > 0 and _out_below_zero(cells))) and not names_reversal(remark):
        remark = f"冲账 {remark}"
    if fen > 0 and (part := _part(cells)):
        remark = f"{_PART}{part}）{remark}"
    day = cells.day("day")
    if not cells.mistakes and day > reading.today:
        cells.wrong("day", f"“{day}”晚于今天")
    return Came(
        row=number,
        serial_number=cells.code("serial_number"),
        day=day,
        amount_fen=fen,
        payer_name=(cells.maybe("payer_name") or (UNNAMED if fen > 0 else ""))[:100],
        payer_account=_account(cells),
        remark=remark[:500],
        own_account=cells.maybe_code("own_account") or reading.above,
    )


def _account(cells: Cells) -> str:
    """An account, or a payment company's name for it: a name of somebody there says that cells have moved."""
    found = cells.maybe_code("payer_account") or ""
    if found.strip("-/") and not any(sign.isdigit() or sign in "@*" for sign in found):
        cells.wrong("payer_account", f"“{found[:20]}”不是账号；可能是文字里的逗号没有加引号，格子错位了", "cells_moved")
    return found


def _status(cells: Cells, fen: int) -> str | None:
    """Why the row is set aside, by the words of its states; an unknown one is noted. What went back in part stands, and
    waits for a person.
    """
    said = cells.states("status", STATUSES)
    if "part_refunded" in said:
        part = _part(cells)
        try:
            if part and abs(fen_of(part)) >= fen:
                return "refunded"
        except Unreadable:
            part = None
        if part is None:
            cells.wrong("status", f"“{(cells.maybe('status') or '')[:40]}”没有写清退了多少元")
    return next((one for one in said if one in NOT_COUNTED), None)


def _part(cells: Cells) -> str | None:
    """How much of it went back, as its state says."""
    states = (cells.maybe("status") or "").split(BESIDE)
    return next((part for one in states if (part := part_refunded(plain(one)))), None)


def part_refunded_fen(remark: str) -> int:
    """How much of a receipt went back, as the bill said when it was read; 0 where it said nothing."""
    if not remark.startswith(_PART):
        return 0
    return abs(fen_of(remark.removeprefix(_PART).partition("）")[0]))


def _fen(cells: Cells, reading: Reading) -> int | str:
    """Fen that came, negative where the bank took it back; else why the row is set aside."""
    layout, titles = reading.layout, reading.titles
    two_columns = bool(places_of(layout, "income", titles))
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
    if went and went < 0:
        return -went  # it came back, and a person says what it is
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
        known = some_of(DIRECTIONS)
        cells.wrong("direction", f"不认识“{written[:20]}”；认识的有：{known}" if written else "没有写收入还是支出")
    return (amount, None) if said == "in" else (None, amount) if said == "out" else (None, None)
