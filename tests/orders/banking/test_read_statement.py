"""What a bank's file may look like, and what is refused, row by row."""

from contextlib import suppress
from datetime import date

import pytest

from orders.banking.statement.layouts import LAYOUTS
from orders.banking.statement.read_statement import StatementEmpty, StatementRead, read_statement
from shop.core.errors import Problem
from shop.sheet.refused import HeaderWrong, RowsRefused
from tests.make.banking import CCB, ICBC, Row, as_csv, ccb, icbc
from tests.make.case import CASES, case
from tests.make.workbook import sheet_of, workbook

TODAY = date(2026, 11, 22)


def read(data: bytes) -> StatementRead:
    return read_statement(data, layouts=LAYOUTS, today=TODAY)


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        ("1234.5", 123_450), ("1,234.50", 123_450), ("１，２３４．５０", 123_450), ("¥88.00", 8_800), ("0.01", 1),
        ("12,345,678.90", 1_234_567_890), (" 7 ", 700), ("+3.30", 330),
    ],
)  # fmt: skip
@pytest.mark.parametrize("day", ["2026-11-20", "2026/11/20", "2026年11月20日", "20261120", "2026-11-20 09:30:01"])
def test_amounts_and_days_are_read_as_banks_write_them(written: str, fen: int, day: str) -> None:
    for data in (icbc([Row("A1", written, day=day)]), as_csv(ccb([Row("A1", written, day=day)])).encode("utf-8-sig")):
        (came,) = read(data).came
        assert (came.amount_fen, came.day) == (fen, date(2026, 11, 20))


def test_lines_above_the_header_money_that_went_and_totals_are_left_aside() -> None:
    above = ["账户明细查询", "账号：1001****2001", "币种：人民币"]
    lines = [[one] for one in above] + [
        ICBC,
        ["20261120", "S1", "", "100.00", "甲工会", "1", "货款", "BF1"],
        ["20261120", "S2", "50.00", "0.00", "快递公司", "2", "", ""],
        ["合计", "", "50.00", "100.00", "", "", "", ""],
    ]
    found = read(as_csv(lines).encode("gb18030"))
    assert [(one.row, one.serial_number, one.remark) for one in found.came] == [(5, "S1", "货款 BF1")]
    assert [(one.row, one.reason) for one in found.set_aside] == [(6, "money_out"), (7, "total")]
    assert found.rows_read == 3
    outgoing = ccb([Row("S3", "9.00")], direction="支出") + ccb([Row("S4", "8.00")])[1:]
    assert [one.serial_number for one in read(as_csv(outgoing).encode()).came] == ["S4"]
    book = workbook(sheet_of(ccb([Row("S5", "8.00")])))
    assert read(book).bank == "ccb"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Row("A", "12,34.00"), "不是金额"),
        (Row("A", "1.234"), "不是金额"),
        (Row("A", "一百元"), "不是金额"),
        (Row("", "5.00"), "“交易流水号”（流水号）：不能为空"),
        (Row("6.22202E+18", "5.00"), "科学计数"),
        (Row("A", "5.00", account="6.222021E+18"), "科学计数"),
        (Row("A", "5.00", day="2026-02-30"), "不是日期"),
        (Row("A", "5.00", day="2026-11-23"), "晚于今天"),
        (Row("A", ""), "没有金额"),
        (Row("OK", "5.00"), "流水号与第"),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file_and_is_named(row: Row, said: str) -> None:
    with pytest.raises(RowsRefused) as refused:
        read(icbc([Row("OK", "1.00"), row]))
    assert said in refused.value.errors[0].detail
    assert "第 3 行" in refused.value.errors[0].detail


def test_other_files_are_refused_as_a_whole() -> None:
    with pytest.raises(HeaderWrong, match="工商银行"):
        read("姓名,金额\n甲,1\n".encode())
    with pytest.raises(HeaderWrong, match="重复"):
        read(as_csv([[*CCB, "发生额"], ["", "", "", "", "", "", "", ""]]).encode())
    with pytest.raises(RowsRefused, match="不是金额"):
        read(icbc([Row("A", "=1+1")]))
    with pytest.raises(StatementEmpty):
        read(as_csv(ccb([])).encode())


def test_a_day_on_which_money_only_went_out_is_read() -> None:
    found = read(as_csv(ccb([Row("A", "1.00")], direction="支出")).encode())
    assert (found.came, [one.reason for one in found.set_aside], found.rows_read) == ([], ["money_out"], 1)


def test_every_layout_has_a_file_as_it_is_brought() -> None:
    """Of its own columns, in tests/cases: a layout that no file was ever read by is a guess."""
    banks = set()
    for path in CASES.glob("*.csv"):
        with suppress(Problem):
            banks.add(read_statement(case(path.name), layouts=LAYOUTS, today=date(2100, 1, 1)).bank)
    assert {one.bank for one in LAYOUTS} - banks == set()
