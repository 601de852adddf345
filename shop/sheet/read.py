"""Read a table out of bytes: csv or xlsx by what is in it, whatever it is called."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

import python_calamine

from shop.sheet.decode import text_of
from shop.sheet.refused import (
    CELL_MAX,
    COLUMNS_MAX,
    FILE_BYTES_MAX,
    ROWS_MAX,
    FileTooLarge,
    NotATable,
    SeveralSheets,
    TooManyRows,
)
from shop.sheet.workbook import check_workbook

ROWS_ABOVE_MAX: Final = 60
"""Titles, notes and empty rows that may stand above a header."""
DIGITS_KEPT: Final = 15
"""A spreadsheet keeps so many digits of a number; those beyond are made up."""
_ZIP: Final = b"PK\x03\x04"
SEPARATORS: Final = ",\t;|"
"""What may part the cells of a csv."""
EATEN: Final = "|"
"""The one of them that is also the second half of signs in GBK: half a sign before it takes it along."""
_LOOKED_AT: Final = 64 * 1024
_QUOTED: Final = re.compile(r'"[^"]*"')
_GUARDED: Final = re.compile(r'^=\s*"([^"]*)"$')
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Signs that nobody sees, and that make two of one."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row with its number as the file counts, from 1. Cells are clean text, numbers and days in plain notation.

    lost: places of cells that no longer say a code that stood there: numbers with more digits than a spreadsheet keeps,
    and days.
    """

    number: int
    cells: list[str]
    lost: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged range, such as `A1:C1`, and its last row."""

    address: str
    last_row: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a table that are not empty. padded: all are filled up to the same width (a workbook's). separator:
    what parts the cells of a csv; of a workbook "".
    """

    lines: list[SheetRow]
    merged: tuple[Merged, ...] = ()
    padded: bool = False
    separator: str = ""


def read_sheet(data: bytes, rows_max: int = ROWS_MAX) -> Sheet:
    """Bytes of a file to its table: of a workbook the one visible sheet that holds something. csv is UTF-8 (with or
    without BOM) or GBK.

    Takes a second for a large file: call it beside the event loop. Text stays text, whatever it begins with.
    Raises FileTooLarge, NotATable, TooManyRows; of workbooks FormulaFound, ErrorFound and SeveralSheets.
    """
    if len(data) > FILE_BYTES_MAX:
        raise FileTooLarge("文件超过 20 MB，请分成几个文件。")
    if data.startswith(_ZIP):
        sheet = _workbook(data, rows_max)
    else:
        content = text_of(data)
        separator = _delimiter(content)
        lines = [line for line in _csv_lines(content, separator, rows_max) if any(line.cells)]
        sheet = Sheet(lines, separator=separator)
    if not sheet.lines:
        raise NotATable("文件是空的。")
    if len(sheet.lines) > rows_max + ROWS_ABOVE_MAX:
        raise _too_many(rows_max)
    for line in sheet.lines:
        _check(line)
    return sheet


def visible(raw: str) -> str:
    """Without the signs that nobody sees."""
    return raw if raw.isascii() and raw.isprintable() else _INVISIBLE.sub("", raw)


def clean(raw: str) -> str:
    """A cell's text without what a spreadsheet or an export puts around it: invisible signs, the apostrophe or
    backtick that says "this is text", `="…"`.
    """
    found = visible(raw).strip()
    if found[:1] in {"'", "`"}:
        found = found.lstrip("'`").strip()
    elif found[:1] == "=" and (guarded := _GUARDED.match(found)):
        found = clean(guarded[1])
    return found


def _check(line: SheetRow) -> None:
    if len(line.cells) > COLUMNS_MAX:
        raise NotATable(f"第 {line.number} 行超过 {COLUMNS_MAX} 列。")
    for column, cell in enumerate(line.cells, start=1):
        if len(cell) > CELL_MAX:
            raise NotATable(f"第 {line.number} 行第 {column} 列超过 {CELL_MAX} 个字。")


def _csv_lines(content: str, separator: str, rows_max: int) -> Iterator[SheetRow]:
    """Stops at the first row too many, empty ones counted: nobody waits for the rest of a file that is refused."""
    reader = csv.reader(_short_lines(content), delimiter=separator, strict=True)
    last = 2 * (rows_max + ROWS_ABOVE_MAX)
    filled = 0
    try:
        for count, cells in enumerate(reader, start=1):
            line = SheetRow(reader.line_num, [clean(cell) for cell in cells])
            filled += any(line.cells)
            if filled > rows_max + ROWS_ABOVE_MAX or count > last:
                raise _too_many(rows_max)
            yield line
    except csv.Error as error:
        raise NotATable(f"第 {reader.line_num} 行的引号或分隔符有误，无法读成表格。") from error


def _short_lines(content: str) -> Iterator[str]:
    """Nobody waits while a line of millions of cells is taken apart."""
    for number, line in enumerate(io.StringIO(content, newline=""), start=1):
        if len(line) > CELL_MAX * COLUMNS_MAX:
            raise NotATable(f"第 {number} 行太长，不是表格的一行。")
        yield line


def _delimiter(content: str) -> str:
    """The sign that parts most lines into equally many cells; a note above the table may hold another one."""
    lines = _QUOTED.sub("", content[:_LOOKED_AT]).splitlines()

    def fits(sign: str) -> int:
        counts = Counter(found for line in lines if (found := line.count(sign)))
        return max((often * found for found, often in counts.items()), default=0)

    return max(SEPARATORS, key=fits)


def _too_many(rows_max: int) -> TooManyRows:
    return TooManyRows(f"最多 {rows_max:,} 行，请分成几个文件。")


def _workbook(data: bytes, rows_max: int) -> Sheet:
    check_workbook(data, rows_max + ROWS_ABOVE_MAX)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        first = _meant(book)
        if first is None:
            return Sheet([])
        merged = tuple(_merged(*corners) for corners in first.merged_cell_ranges or ())
        pad: list[object] = [""] * (first.start[1] if first.start else 0)
        # Row by row: a whole sheet at once would hold up every other thread of the process.
        lines = [_line(number, [*pad, *cells]) for number, cells in enumerate(first.iter_rows(), start=1)]
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise NotATable("工作簿已损坏或带密码，请用表格软件另存后再上传。") from error
    return Sheet([line for line in lines if any(line.cells)], merged, padded=True)


def _meant(book: python_calamine.CalamineWorkbook) -> python_calamine.CalamineSheet | None:
    """What somebody who opens it sees: never a hidden sheet, and never one of several."""
    seen = python_calamine.SheetVisibleEnum.Visible
    sheets = [book.get_sheet_by_name(one.name) for one in book.sheets_metadata if one.visible == seen]
    filled = [one for one in sheets if one.start is not None]
    if len(filled) > 1:
        names = [one.name for one in filled]
        raise SeveralSheets(
            f"有内容的表有 {len(names)} 张：{'、'.join(names[:10])}。请把要导入的一张单独另存为一个文件。",
            extra={"sheets": names},
        )
    return filled[0] if filled else None


def _merged(start: tuple[int, int], end: tuple[int, int]) -> Merged:
    """Corners are (row, column) from 0, and a table has at most 60 columns."""

    def name(row: int, column: int) -> str:
        letters = chr(65 + column) if column < 26 else f"{chr(64 + column // 26)}{chr(65 + column % 26)}"
        return f"{letters}{row + 1}"

    return Merged(f"{name(*start)}:{name(*end)}", end[0] + 1)


def _line(number: int, values: Iterable[object]) -> SheetRow:
    cells = list(values)
    lost = frozenset(
        place
        for place, value in enumerate(cells)
        if isinstance(value, date) or (isinstance(value, int | float) and abs(value) >= 10**DIGITS_KEPT)
    )
    return SheetRow(number, [_cell(value) for value in cells], lost)


def _cell(value: object) -> str:
    """A number at 15 digits without the tail a spreadsheet gives it, a day as YYYY-MM-DD, a truth as 是 or 否."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return f"{Decimal(f'{value:.{DIGITS_KEPT}g}'):f}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return clean(str(value))
