"""Files as people really hand them in, and as somebody with bad intentions would."""

import io
import zipfile
from collections.abc import Callable

import pytest
import xlsxwriter

from shop.core.errors import Problem
from shop.sheet.read import ROWS_ABOVE_MAX, read_sheet
from shop.sheet.refused import (
    FILE_BYTES_MAX,
    ROWS_MAX,
    ErrorFound,
    FileTooLarge,
    FormulaFound,
    NotATable,
    SeveralSheets,
    TooManyRows,
)
from tests.make.workbook import cell, sheet_of, workbook

CSV = "商品编号,单价（元）,说明\nT1,38.5,-18℃冷冻\n\nT2,40,“好”\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_csv_in_the_encodings_of_this_country(encoding: str) -> None:
    sheet = read_sheet(CSV.encode(encoding))
    assert [(line.number, line.cells) for line in sheet.lines] == [
        (1, ["商品编号", "单价（元）", "说明"]),
        (2, ["T1", "38.5", "-18℃冷冻"]),
        (4, ["T2", "40", "“好”"]),
    ]


def test_xlsx_reads_like_csv() -> None:
    sheet = read_sheet(
        workbook(sheet_of([["商品编号", "县代码", "单价"], ["T1", 620623, 38.5], ["", "", ""], ["T2", 1, 2]]))
    )
    assert [(line.number, line.cells) for line in sheet.lines] == [
        (1, ["商品编号", "县代码", "单价"]),
        (2, ["T1", "620623", "38.5"]),
        (4, ["T2", "1", "2"]),
    ]


def zip_of(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def liar(book: bytes) -> bytes:
    """An archive that says of its parts that they are empty when unpacked."""
    found = bytearray(book)
    at = found.find(b"PK\x01\x02")
    while at >= 0:
        found[at + 24 : at + 28] = bytes(4)
        at = found.find(b"PK\x01\x02", at + 4)
    return bytes(found)


def bomb() -> bytes:
    return workbook(sheet_of([["a"]]), {"xl/media/x.bin": bytes(200 * 1024 * 1024)})


SHARED = (
    '<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    f"<si><t>{'长' * 2_000}</t></si></sst>"
)
REPEATED = "".join(f'<row r="{r}">{f"<c t={chr(34)}s{chr(34)}><v>0</v></c>" * 2}</row>' for r in range(1, 10_001))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", NotATable),
        (b"\n\n", NotATable),
        (b"MZ\x90\x00\x03" + bytes(100), NotATable),
        (b"%PDF-1.7\n", NotATable),
        (b"\xd0\xcf\x11\xe0" + bytes(600), NotATable),
        (CSV.encode("utf-16"), NotATable),
        (b"a,b\n1,\x002\n", NotATable),
        (b'a,b\n"1,2\n', NotATable),
        (zip_of("notes.txt", b"hello"), NotATable),
        (zip_of("notes.txt", b"hello")[:40], NotATable),
        (workbook("<row"), NotATable),
        (workbook('<row r="1"><c r="XFD1"><v>1</v></c></row>'), NotATable),
        (workbook(sheet_of([["a"]]), {"xl/x.xml": b'<!DOCTYPE x [<!ENTITY y "z">]><x>&y;</x>'}), NotATable),
        (workbook('<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), TooManyRows),
        (workbook('<row r="²"><c r="A1"><v>1</v></c></row>'), NotATable),
        (workbook(f'<row r="{"9" * 5_000}"><c r="A1"><v>1</v></c></row>'), NotATable),
        (b"a\n" + b"1\n" * (ROWS_MAX + ROWS_ABOVE_MAX), TooManyRows),
        (workbook(f'<row r="1">{cell("A1", "a")}<c r="B1"><f>1+1</f><v>2</v></c></row>'), FormulaFound),
        (b"x" * (FILE_BYTES_MAX + 1), FileTooLarge),
        (bomb, FileTooLarge),
        (lambda: liar(bomb()), FileTooLarge),
        (workbook(REPEATED, {"xl/sharedStrings.xml": SHARED.encode()}), FileTooLarge),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value.__name__,
)
def test_what_is_no_table_is_refused_by_name(data: bytes | Callable[[], bytes], problem: type[Problem]) -> None:
    with pytest.raises(problem) as refused:
        read_sheet(data() if callable(data) else data)
    assert refused.value.detail


def sheets(*named: tuple[str, bool, list[list[str]]]) -> bytes:
    """A workbook of sheets: (name, whether it is hidden, rows)."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        pages = [(book.add_worksheet(name), hidden, rows) for name, hidden, rows in named]
        next(page for page, hidden, _ in reversed(pages) if not hidden).activate()
        for page, hidden, rows in pages:
            for number, row in enumerate(rows):
                page.write_row(number, 0, row)
            if hidden:
                page.hide()
    return out.getvalue()


ROWS = [["编号", "金额"], ["1", "5.00"]]


def test_of_several_sheets_only_the_visible_one_that_holds_something_is_read() -> None:
    hidden = sheets(("作废", True, [["编号", "金额"], ["9", "9999.00"]]), ("空", False, []), ("正式", False, ROWS))
    assert [line.cells for line in read_sheet(hidden).lines] == ROWS
    with pytest.raises(SeveralSheets, match="10月、11月") as found:
        read_sheet(sheets(("10月", False, ROWS), ("11月", False, ROWS)))
    assert found.value.extra == {"sheets": ["10月", "11月"]}


def test_an_error_value_is_no_empty_cell() -> None:
    with pytest.raises(ErrorFound, match="B2"):
        read_sheet(workbook('<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="e"><v>#REF!</v></c></row>'))
