"""The one way out: csv and xlsx that a spreadsheet shows and never runs."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from shop.sheet.read import visible

if TYPE_CHECKING:
    from xlsxwriter import Workbook

CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BOM: Final = "\ufeff"  # without it a spreadsheet guesses another encoding
ROWS_A_CHUNK: Final = 500
_DANGEROUS: Final = frozenset("=+-@\t\r\n＝＋－＠")
Cell = str | int | Decimal | date | None
"""Text is text and made harmless; figures are figures (a negative one begins with `-` and stays one)."""


def harmless(text: str) -> str:
    """What a spreadsheet would run as a formula gets the apostrophe that makes it text; our reader takes it off."""
    first = visible(text).strip()[:1]
    return f"'{text}" if first and not _DANGEROUS.isdisjoint((text[0], first)) else text


def yuan(fen: int) -> Decimal:
    """Every fen, no rounding: −1250 → −12.50."""
    return Decimal(fen).scaleb(-2)


def thousandths(milli: int) -> Decimal:
    """Grams as kilograms, milli-pieces as pieces, with three decimals."""
    return Decimal(milli).scaleb(-3)


def csv_bytes(rows: Iterable[Sequence[Cell]]) -> bytes:
    """A whole csv, as spreadsheet software opens it: UTF-8 with its mark."""
    return b"".join(csv_chunks(rows))


def csv_chunks(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The same, some rows at a time."""
    held, waiting = io.StringIO(newline=""), 0
    held.write(BOM)
    writer = csv.writer(held)
    for row in rows:
        writer.writerow([_csv_cell(cell) for cell in row])
        waiting += 1
        if waiting == ROWS_A_CHUNK:
            yield _emptied(held)
            waiting = 0
    yield _emptied(held)


class CsvFile:
    """A csv written row by row into a file, in memory that does not grow with it."""

    def __init__(self, to: Path) -> None:
        self._out = to.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._out)

    def add(self, row: Sequence[Cell]) -> None:
        self._writer.writerow([_csv_cell(cell) for cell in row])

    def close(self) -> None:
        self._out.close()


def csv_response(name: str, rows: Iterable[Sequence[Cell]], *, private: bool = False) -> Response:
    """A csv to download. name: in ASCII; private: it holds names and is kept by nobody on the way."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if private:
        headers["cache-control"] = "no-store"
    return Response(csv_bytes(rows), media_type=CSV_TYPE, headers=headers)


class XlsxSheet:
    """One sheet written row by row into a file, in memory that does not grow with it. `close` it beside the loop."""

    def __init__(self, to: Path, title: str) -> None:
        import xlsxwriter  # only this needs it in memory  # noqa: PLC0415

        never = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book: Workbook = xlsxwriter.Workbook(str(to), {"constant_memory": True} | never)
        self._sheet = self._book.add_worksheet(title)
        self._as_text = self._book.add_format({"quote_prefix": True})
        self._rows = 0

    def add(self, row: Sequence[Cell]) -> None:
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                dangerous = harmless(cell) != cell
                self._sheet.write_string(self._rows, column, cell, self._as_text if dangerous else None)
            elif isinstance(cell, date):
                self._sheet.write_string(self._rows, column, cell.isoformat())
            elif cell is not None:
                self._sheet.write_number(self._rows, column, cell)
        self._rows += 1

    def close(self) -> None:
        self._book.close()


def _csv_cell(cell: Cell) -> str:
    return harmless(cell) if isinstance(cell, str) else "" if cell is None else str(cell)


def _emptied(held: io.StringIO) -> bytes:
    content = held.getvalue().encode()
    held.seek(0)
    held.truncate()
    return content
