"""What we hand out: a spreadsheet shows it and never runs it, and our own reader gets back what was there."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
import python_calamine
from hypothesis import given
from hypothesis import strategies as st

from shop.sheet.read import clean, read_sheet, visible
from shop.sheet.write import CsvFile, XlsxSheet, csv_bytes, harmless, yuan

DANGEROUS = ["=1+1", "+1-1", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "＝1", " =1", "\r=1"]


def test_no_cell_begins_as_a_formula_and_figures_stay_figures(tmp_path: Path) -> None:
    row = [*DANGEROUS, "平常的字", -5, Decimal("-12.50"), None]
    written = csv_bytes([row])
    (cells,) = csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""))
    assert not [cell for cell in cells[: len(DANGEROUS)] if cell.lstrip()[:1] in set("=+-@＝")]
    assert cells[len(DANGEROUS) :] == ["平常的字", "-5", "-12.50", ""]
    out = CsvFile(tmp_path / "a.csv")
    out.add(row)
    out.close()
    assert (tmp_path / "a.csv").read_bytes() == written


@pytest.mark.parametrize(
    "sign", ["\u00a0", "\u200b", "\ufeff", "\u2003", "\u2028", "\u0085", "\u00ad", "\u000b", " ", "\t"]
)
def test_a_sign_that_nobody_sees_hides_no_formula(sign: str) -> None:
    assert harmless(f"{sign}=1+1") == f"'{sign}=1+1"
    assert harmless(f"{sign}货款") in {f"{sign}货款", f"'{sign}货款"}


def test_a_workbook_holds_text_and_no_formula(tmp_path: Path) -> None:
    sheet = XlsxSheet(tmp_path / "a.xlsx", "表")
    sheet.add([*DANGEROUS, -5, yuan(-1_250)])
    sheet.close()
    book = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "a.xlsx"))
    (row,) = book.get_sheet_by_index(0).to_python()
    assert [one.strip() for one in row[: len(DANGEROUS)]] == [one.strip() for one in DANGEROUS]
    assert row[len(DANGEROUS) :] == [-5.0, -12.5]
    assert read_sheet((tmp_path / "a.xlsx").read_bytes()).lines, "our own reader finds no formula in it"


@given(st.text(st.characters(blacklist_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"]), min_size=1))
def test_our_reader_takes_off_what_our_writer_put_on(text: str) -> None:
    seen = visible(text)
    if seen and seen[0] not in "'`" and not seen.startswith('="'):
        assert clean(harmless(text)) == clean(text)
