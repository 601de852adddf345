"""Read a bank's file: find the header under whatever stands above it, and what came in each row. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import ClassVar, Final

from catalog.upload.sheet import Sheet, read_sheet
from catalog.upload.wrong import ERRORS_SHOWN_MAX, HeaderWrong, ImportRefused
from orders.banking.layouts import LAYOUTS, StatementLayout
from shop.core.errors import Detail, Problem

_ROWS_ABOVE_MAX: Final = 15
_DAY: Final = re.compile(
    r"^(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))(?:[ T]\d{1,2}:\d{2}(:\d{2})?)?$"
)
_GROUPED: Final = re.compile(r"^[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d{1,2}0*)?$")
_SCIENTIFIC: Final = re.compile(r"^\d(?:\.\d+)?[eE]\+?\d+$")
_TOTALS: Final = ("合计", "总计", "小计", "本页合计")
_NOTHING: Final = frozenset({"", "-", "--", "—", "/"})
_YUAN_MAX: Final = Decimal(10_000_000_000)


class StatementEmpty(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "statement_empty"
    title: ClassVar[str] = "流水里没有一笔收入"


@dataclass(frozen=True, slots=True)
class Came:
    """Money that came. row: of the file. payer_account: as written, to be digested before it is kept."""

    row: int
    serial_number: str
    day: date
    amount_fen: int
    payer_name: str
    payer_account: str
    remark: str


@dataclass(frozen=True, slots=True)
class StatementRead:
    bank: str
    came: list[Came]


def plain(words: str) -> str:
    """Half width, without any space: how figures and names are compared."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words))


def read_statement(data: bytes, *, today: date) -> StatementRead:
    """Raises what `read_sheet` raises, HeaderWrong, StatementEmpty, and ImportRefused with every wrong row."""
    sheet = read_sheet(data)
    layout, titles, rows = _layout_of(sheet)
    came: list[Came] = []
    errors: list[Detail] = []
    seen: dict[str, int] = {}
    for number, cells in rows:
        if any(plain(cell) in _TOTALS for cell in cells[:3]):
            continue
        row = _Row(number, cells, titles, errors)
        if (fen := _income(row, layout)) is None:
            continue
        one = _came(row, layout, fen, today)
        if one.serial_number and seen.setdefault(one.serial_number, number) != number:
            row.wrong("serial", f"流水号与第 {seen[one.serial_number]} 行重复")
        came.append(one)
    if errors:
        shown = errors[:ERRORS_SHOWN_MAX]
        first = "；".join(one.detail for one in shown[:3])
        raise ImportRefused(f"{first}。共 {len(errors)} 处错误，什么都没有保存。", shown, {"error_count": len(errors)})
    if not came:
        raise StatementEmpty("请确认导出的是收款账户的流水，且时间范围内有收入。")
    return StatementRead(layout.bank, came)


def _layout_of(sheet: Sheet) -> tuple[StatementLayout, list[str], Sequence[tuple[int, list[str]]]]:
    """The first row that is a header of a layout we know, and the rows below it."""
    lines = [(1, sheet.header), *sheet.rows]
    for place, (_, cells) in enumerate(lines[:_ROWS_ABOVE_MAX]):
        titles = [plain(cell) for cell in cells]
        for layout in LAYOUTS:
            if all(any(plain(title) in titles for title in column) for column in layout.needed()):
                twice = sorted({title for title in titles if title and titles.count(title) > 1})
                if twice:
                    raise HeaderWrong(f"重复的列：{'、'.join(twice)}。请使用网银直接导出的文件。")
                return layout, titles, lines[place + 1 :]
    known = "；".join(f"{layout.name}：{'、'.join(column[0] for column in layout.needed())}" for layout in LAYOUTS)
    raise HeaderWrong(f"认不出这家银行的表头。现在能读的有 {known}。")


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: list[str]
    titles: list[str]
    errors: list[Detail]

    def find(self, names: Sequence[str]) -> str:
        """The first filled cell under any of these titles."""
        for name in names:
            place = self.titles.index(plain(name)) if plain(name) in self.titles else len(self.cells)
            if place < len(self.cells) and self.cells[place]:
                return self.cells[place]
        return ""

    def all(self, names: Sequence[str]) -> str:
        """Every filled cell under these titles, for remarks that banks spread over several."""
        return " ".join(dict.fromkeys(found for name in names if (found := self.find((name,)))))

    def wrong(self, column: str, said: str) -> None:
        self.errors.append(Detail(f"/rows/{self.number}/{column}", "cell_wrong", f"第 {self.number} 行：{said}"))


def _income(row: _Row, layout: StatementLayout) -> int | None:
    """Fen that came; None for a row of money that went, or of none."""
    written = plain(row.find(layout.income or layout.amount))
    if written in _NOTHING:
        if layout.amount or plain(row.find(layout.outgo)) in _NOTHING:
            row.wrong("amount", "没有金额")
        return None
    yuan = _yuan(written)
    if yuan is None:
        row.wrong("amount", f"“{written}”不是金额（元，最多两位小数）")
        return None
    if layout.direction:
        direction = plain(row.find(layout.direction))
        if direction not in layout.came:
            if not direction:
                row.wrong("direction", "没有写收入还是支出")
            return None
    fen = int(yuan * 100)
    if layout.income and fen < 0:
        row.wrong("amount", "收入金额是负数（冲正），请核对后在银行更正的那一笔上处理")
    return fen if fen > 0 else None


def _yuan(written: str) -> Decimal | None:
    plainly = written.removeprefix("¥").removeprefix("CNY").removesuffix("元")
    if not _GROUPED.match(plainly):
        return None
    try:
        found = Decimal(plainly.replace(",", ""))
    except InvalidOperation:
        return None
    return found if abs(found) <= _YUAN_MAX else None


def _came(row: _Row, layout: StatementLayout, fen: int, today: date) -> Came:
    serial, account = plain(row.find(layout.serial_number)), plain(row.find(layout.payer_account))
    if not serial:
        row.wrong("serial", "没有流水号")
    for column, value in (("serial", serial), ("account", account)):
        if _SCIENTIFIC.match(value):
            row.wrong(column, f"“{value}”被表格软件改成了科学计数，请把这一列设为文本后重新导出")
        elif len(value) > 64:
            row.wrong(column, "超过 64 个字")
    name = row.find(layout.payer_name)
    if not name:
        row.wrong("payer_name", "没有对方户名")
    return Came(
        row=row.number,
        serial_number=serial,
        day=_day(row, layout, today),
        amount_fen=fen,
        payer_name=name[:100],
        payer_account=account,
        remark=row.all(layout.remark)[:500],
    )


def _day(row: _Row, layout: StatementLayout, today: date) -> date:
    """2026-11-22, 2026/11/22, 2026年11月22日 or 20261122, with or without a time; not in the future."""
    written = unicodedata.normalize("NFKC", row.find(layout.day)).strip()
    found = _DAY.match(written)
    try:
        day = date(int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])) if found else None
    except ValueError:  # the 31st of February
        day = None
    if day is None:
        row.wrong("day", f"“{written}”不是日期（如 2026-11-22）")
        return today
    if day.year < 2015 or day > today:
        row.wrong("day", f"“{written}”晚于今天，或早于 2015 年")
    return day
