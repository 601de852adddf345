"""A workbook says what whoever looks at it sees: formats that show another figure, hidden rows, rows that are two."""

import pytest

from shop.core.errors import Problem
from shop.sheet.number_format import shows_another
from shop.sheet.read import read_sheet
from shop.sheet.refused import FormatChangesValue, NotATable, RowsHidden
from tests.make.formats import formatted, row_of, styled, texts
from tests.make.workbook import workbook


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('0.00"万元"', "1.28"), ("-0.00", "1.28"), ("(0.00)", "3"), ("0.00,", "1234"), ("0%", "0.5"), ("0.00‰", "5"),
        ('0.00"斤"', "3"), ("[$$-409]#,##0.00", "5"), ("[$€-2] 0.00", "5"), ("00000", "123"), ("0.00;0.00", "-5"),
        ('0!.0,"万"', "12000"), (";;;", "5"), ("0.00;;", "-3"), ('[>=10000]0!.0,"万";0', "12000"), ("0\\千", "3"),
        ('"1"0.00', "3"), ("0.00;0.00", "-0.01"),
    ],
)  # fmt: skip
def test_a_format_that_shows_another_figure(code: str, value: str) -> None:
    assert shows_another(code, value)
    data = styled(row_of(1, texts(1, ["编号", "金额"])) + row_of(2, [*texts(2, ["A1"]), formatted("B2", value)]), code)
    with pytest.raises(FormatChangesValue, match="B2"):
        read_sheet(data)


_ACCOUNTING = '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ '


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("General", "5"), ("G/通用格式", "5"), ("0.00", "-5"), ("#,##0.00", "0"), ("#,##0.00_);(#,##0.00)", "-5"),
        ("#,##0.00;[Red]#,##0.00", "-5"), ("0.00_ ;[红色]\\-0.00\\ ", "-5"), (_ACCOUNTING, "5"), (_ACCOUNTING, "-5"),
        (_ACCOUNTING, "0"), ("[$¥-804]#,##0.00", "5"), ('0.00"元"', "5"), ('yyyy"年"m"月"d"日"', "46346"),
        ("yyyy-mm-dd h:mm:ss", "46346.5"), ("@", "5"), ("0.00E+00", "5"), ("000000", "123456"), ("0.000", "0.5"),
        ('"¥"#,##0.00;[Red]"¥"\\-#,##0.00', "-4"), ("0", "5"), ("0.00;;", "0"),
    ],
)  # fmt: skip
def test_a_format_that_shows_the_same_figure(code: str, value: str) -> None:
    assert not shows_another(code, value)
    data = styled(row_of(1, texts(1, ["编号", "金额"])) + row_of(2, [*texts(2, ["A1"]), formatted("B2", value)]), code)
    assert len(read_sheet(data).lines) == 2


HEADER = row_of(1, texts(1, ["编号", "金额"]))


@pytest.mark.parametrize("how", [' hidden="1"', ' hidden="true"'])
def test_rows_that_nobody_sees_are_not_read(how: str) -> None:
    with pytest.raises(RowsHidden, match="第 3 行") as found:
        read_sheet(workbook(HEADER + row_of(2, texts(2, ["A1", 5.0])) + row_of(3, texts(3, ["A2", 99.0]), how)))
    assert found.value.extra == {"row": 3}
    empty = workbook(HEADER + row_of(2, texts(2, ["A1", 5.0])) + row_of(3, [], how))
    assert len(read_sheet(empty).lines) == 2, "an empty one hides nothing"


@pytest.mark.parametrize(
    "rows",
    [
        row_of(2, texts(2, ["A1", 5.0])) + row_of(2, texts(2, ["A2", 99.0])),
        row_of(3, texts(3, ["A1", 5.0])) + row_of(2, texts(2, ["A2", 99.0])),
        row_of(2, [*texts(2, ["A1", 5.0]), *texts(2, ["A1", 99.0])[1:]]),
        row_of(2, texts(3, ["A1", 5.0])),
    ],
)
def test_a_row_or_a_cell_that_stands_twice_is_refused(rows: str) -> None:
    with pytest.raises(NotATable):
        read_sheet(workbook(HEADER + rows))


def test_a_cell_that_a_spreadsheet_made_a_day_is_no_code() -> None:
    data = styled(HEADER + row_of(2, [formatted("A2", 46346), *texts(2, ["", 5.0])[1:]]), "yyyy-mm-dd")
    line = read_sheet(data).lines[1]
    assert (line.cells, line.lost) == (["2026-11-20", "5"], frozenset({0}))


def test_what_holds_nothing_wrong_is_read() -> None:
    try:
        read_sheet(workbook(HEADER + "<row><c t='inlineStr'><is><t>x</t></is></c></row>"))
    except Problem as problem:  # pragma: no cover
        pytest.fail(str(problem.detail))
