"""Read a table out of bytes: csv or xlsx by what is in it, whatever it is called."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

import python_calamine

from catalog.upload.workbook import check_workbook
from catalog.upload.wrong import CELL_MAX, COLUMNS_MAX, ROWS_MAX, FileTooLarge, FormulaFound, NotATable, TooManyRows

FILE_BYTES_MAX: Final = 20 * 1024 * 1024
_ZIP: Final = b"PK\x03\x04"
# What people hand in by mistake, said by name.
_KNOWN: Final = (
    (b"MZ", "这是一个程序文件"),
    (b"\x7fELF", "这是一个程序文件"),
    (b"%PDF", "这是 PDF 文件"),
    (b"\xd0\xcf\x11\xe0", "这是旧版 xls 文件，请用表格软件另存为 xlsx"),
    (b"\x89PNG", "这是一张图片"),
    (b"\xff\xd8\xff", "这是一张图片"),
    (b"Rar!", "这是压缩包"),
    (b"\x1f\x8b", "这是压缩包"),
    (b"7z\xbc\xaf", "这是压缩包"),
    (b"\xff\xfe", "文字编码是 UTF-16，请另存为 UTF-8 的 csv"),
    (b"\xfe\xff", "文字编码是 UTF-16，请另存为 UTF-8 的 csv"),
)
_NOT_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# `=…` and `@…` always, `+…` and `-…` unless a number follows: a spreadsheet would run it.
_FORMULA: Final = re.compile(r"^\s*(?:[=@]|[+-](?=[^\d.\s]))")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Text of a table. rows: (row number as the file counts, from 1; cells), empty rows left out.

    merged: the first merged range, such as `A1:C1`, where the workbook has one.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]]
    merged: str | None = None


def read_sheet(data: bytes, rows_max: int = ROWS_MAX) -> Sheet:
    """Bytes of a file to its first table; cells are stripped text, numbers and days in plain notation.

    csv is UTF-8 (with or without BOM) or GBK. Raises FileTooLarge, NotATable, FormulaFound, TooManyRows.
    """
    if len(data) > FILE_BYTES_MAX:
        raise FileTooLarge("文件超过 20 MB，请分成几个文件。")
    merged = None
    if data.startswith(_ZIP):
        lines, merged = _workbook_lines(data, rows_max)
    else:
        lines = _csv_lines(_text_of(data), rows_max)
    numbered = [(number, cells) for number, cells in lines if any(cells)]
    if not numbered:
        raise NotATable("文件是空的。")
    if len(numbered) - 1 > rows_max:
        raise TooManyRows(f"最多 {rows_max:,} 行，请分成几个文件。")
    for number, cells in numbered:
        _check(number, cells)
    header = numbered[0][1]
    while header and not header[-1]:
        header.pop()
    return Sheet(header, numbered[1:], merged)


def _check(number: int, cells: list[str]) -> None:
    if len(cells) > COLUMNS_MAX:
        raise NotATable(f"第 {number} 行超过 {COLUMNS_MAX} 列。")
    for column, cell in enumerate(cells, start=1):
        if len(cell) > CELL_MAX:
            raise NotATable(f"第 {number} 行第 {column} 列超过 {CELL_MAX} 个字。")
        if _FORMULA.match(cell):
            raise FormulaFound(f"第 {number} 行第 {column} 列是公式，请改成数值或文字（粘贴为值）。")


def _text_of(data: bytes) -> str:
    if not data.strip():
        raise NotATable("文件是空的。")
    for start, why in _KNOWN:
        if data.startswith(start):
            raise NotATable(f"{why}。请上传 csv 或 xlsx 表格。")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            found = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _NOT_TEXT.search(found):
            break
        return found
    raise NotATable("文件不是 csv 文字表格（应为 UTF-8 或 GBK 编码）。请另存为 csv 或 xlsx 再上传。")


def _csv_lines(content: str, rows_max: int) -> Iterator[tuple[int, list[str]]]:
    first = content[: content.find("\n") + 1] or content
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
            if reader.line_num > 50 * rows_max:
                raise TooManyRows(f"最多 {rows_max:,} 行，请分成几个文件。")
    except csv.Error as error:
        raise NotATable(f"第 {reader.line_num} 行的引号或分隔符有误，无法读成表格。") from error


def _workbook_lines(data: bytes, rows_max: int) -> tuple[Iterator[tuple[int, list[str]]], str | None]:
    check_workbook(data, rows_max)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        first = book.get_sheet_by_index(0)
        merged = next((_range(*corners) for corners in first.merged_cell_ranges or ()), None)
        table = first.to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise NotATable("工作簿已损坏或带密码，请用表格软件另存后再上传。") from error
    return ((number, [_cell(cell) for cell in cells]) for number, cells in enumerate(_as_rows(table), start=1)), merged


def _range(start: tuple[int, int], end: tuple[int, int]) -> str:
    """`A1:C1`; corners are (row, column) from 0, and a table has at most 60 columns."""

    def name(row: int, column: int) -> str:
        letters = chr(65 + column) if column < 26 else f"{chr(64 + column // 26)}{chr(65 + column % 26)}"
        return f"{letters}{row + 1}"

    return f"{name(*start)}:{name(*end)}"


def _as_rows(table: Iterable[Iterable[object]]) -> Iterable[Iterable[object]]:
    return table


def _cell(value: object) -> str:
    """A number without the tail a spreadsheet gives it, a day as YYYY-MM-DD, a truth as 是 or 否."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
