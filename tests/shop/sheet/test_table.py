"""A header under whatever stands above it, rows that add up, and large files that hold nobody up."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from fastapi import FastAPI

from shop.access.permissions import Role
from shop.core.database import Database
from shop.sheet.decode import LOST, text_of
from shop.sheet.read import Merged, Sheet, read_sheet
from shop.sheet.refused import ColumnsUnknown, MergedCells, NotATable, TooManyRows
from shop.sheet.table import Table, require_known, table_of
from shop.sheet.value import plain
from tests.make.caller import as_caller
from tests.make.evidence import worker
from tests.make.shop import small_shop
from tests.make.workbook import sheet_of, workbook


def table(data: bytes, **more: object) -> Table:
    found = table_of(read_sheet(data), lambda titles: {"编号", "金额"} <= set(titles), **more)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_note_above_with_another_separator_does_not_mislead(delimiter: str) -> None:
    above = "账号:1;户名:甲,乙;币种:人民币\n" if delimiter != ";" else "账号:1,户名:甲\n"
    lines = [["编号", "金额", "说明"], ["1", "5.00", "甲"], ["2", "6.00", "乙"]]
    found = table((above + "\n".join(delimiter.join(line) for line in lines)).encode())
    assert [line.cells for line in found.rows] == lines[1:]


def test_rows_add_up_whatever_stands_between_them() -> None:
    data = "编号,金额,说明\n1,5.00,甲\n合计：,5.00,\n-----,,\n2,6.00,乙,丙\n打印日期：2026-11-29\n总笔数,2\n9,9,9\n"
    found = table(data.encode(), ends_at={"总笔数"})
    assert [one.reason for one in found.set_aside] == ["total", "ruler", "note", "summary", "summary"]
    assert [(one.pointer, one.code) for one in found.errors] == [("/rows/5", "row_too_long")]
    assert found.rows_read == 7


@pytest.mark.parametrize(
    "footer",
    ["贷方合计：,9", "收入合计,9", "本月累计,9", "2026年11月合计,9", "期末余额：,9", "承前页,", "转下页,", "以下空白,",
     "第1页/共1页,", "#收入合计：1笔，共500.00元,备注", "共12人,", "总计（元）,9", "合计,9", "共 3 笔,"],
)  # fmt: skip
def test_a_footer_is_set_aside_and_refuses_nothing(footer: str) -> None:
    found = table(f"编号,金额\n1,5.00\n{footer}\n".encode())
    assert ([line.cells for line in found.rows], len(found.set_aside)) == ([["1", "5.00"]], 1)


def test_somebody_whose_name_reads_like_a_total_is_a_person() -> None:
    rows = ["A1,小计,,一部", ",合计,13900000001,二部", "A3,张三,13900000003,二部"]
    aside = [",合计,5,", "合计,5,,", ",小计,,", "小计,小计,13900000001,", "共 3 人,,,"]
    found = table_of(read_sheet("\n".join(["工号,姓名,手机,部门", *rows, *aside]).encode()), lambda titles: True)
    assert found is not None
    assert [",".join(line.cells) for line in found.rows] == rows
    assert [one.row for one in found.set_aside] == [5, 6, 7, 8, 9]
    first = table_of(read_sheet("收件人,手机\n小计,139 0000 0001\n合计,2\n".encode()), lambda titles: True)
    assert first is not None
    assert [line.cells[0] for line in first.rows] == ["小计"]
    money = table("编号,金额,手机\n合计,5.00,13900000001\n".encode())
    assert money.rows == [], "no column of names"


def test_a_column_without_a_title_is_asked_about_where_it_holds_something() -> None:
    filled, empty = table("编号,,金额\n1,已退款,5.00\n".encode()), table("编号,,金额\n1,,5.00\n".encode())
    require_known(empty, {"编号", "金额"}, ())
    with pytest.raises(ColumnsUnknown) as found:
        require_known(filled, {"编号", "金额"}, ())
    assert found.value.extra == {"unknown_columns": ["第 2 列（没有列名）"]}
    assert require_known(filled, {"编号", "金额"}, {plain("第 2 列（没有列名）")}) == ("第 2 列（没有列名）",)
    behind = table("编号,金额,\n1,5.00,已退款\n".encode())
    assert [one.code for one in behind.errors] == ["row_too_long"]


def test_a_merged_range_below_the_title_block_is_refused_wherever_it_is() -> None:
    sheet = read_sheet("标题,,\n编号,金额,说明\n1,2,3\n".encode())
    titled = Sheet(sheet.lines, (Merged("A1:C1", 1),), padded=True)
    assert table_of(titled, lambda titles: "编号" in titles) is not None
    with pytest.raises(MergedCells, match="B3:B4"):
        table_of(
            Sheet(sheet.lines, (Merged("A1:C1", 1), Merged("B3:B4", 4)), padded=True), lambda titles: "编号" in titles
        )


def test_half_a_sign_is_replaced_and_what_is_no_text_is_refused() -> None:
    whole = "编号,金额,说明\n" + "1,5.00,货款货款货款\n" * 50
    for encoding in ("utf-8", "gb18030"):
        cut = whole.encode(encoding).rstrip(b"\n")[:-1] + b"\n2,6.00,OK\n"
        assert text_of(cut).count(LOST) == 1
        assert table(cut).rows[-1].cells == ["2", "6.00", "OK"]
    with pytest.raises(NotATable):
        text_of(random.Random(1).randbytes(4_000))


SHORT_ROWS = b"1,2\n" * (19 * 1024 * 1024 // 4)


def test_nineteen_megabytes_of_short_rows_are_refused_in_two_seconds() -> None:
    started = time.process_time()
    with pytest.raises(TooManyRows):
        read_sheet("编号,金额\n".encode() + SHORT_ROWS)
    assert time.process_time() - started < 2


GBK = ("货,2\n" * 3_800_000).encode("gb18030")
HALF_A_SIGN = ("编号,金额,说明\n" + "1,5.00,货款货款货款货款\n" * 500_000).encode()[:-2]
ONE_LINE = b"a,b\n" + b"," * 19_000_000
PACKED: Final[Mapping[str, Callable[[], str]]] = {
    "merged": lambda: (
        f"""{sheet_of([["a"]])}</sheetData><mergeCells>{'<mergeCell ref="A1:B2"/>' * 500_000}"""
        "</mergeCells><sheetData>"
    ),
    "cells": lambda: "".join(f'<row r="{row}">{"<c/>" * 50}</row>' for row in range(1, 20_001)),
    "one_row": lambda: f'<row r="1">{"<c/>" * 3_000_000}</row>',
    "attribute": lambda: f'<row r="1" x="{"9" * 60_000_000}"/>',
}
"""Sheets, made when they are read: packing them takes a second of each process that only collects tests."""


@pytest.mark.anyio
@pytest.mark.parametrize(
    "large",
    [SHORT_ROWS, GBK, HALF_A_SIGN, ONE_LINE, *PACKED],
    ids=["short_rows", "gbk", "half_a_sign", "one_line", "merged", "cells", "one_row", "attribute"],
)  # fmt: skip
async def test_others_are_answered_while_a_large_file_is_read(
    app: FastAPI, database: Database, large: bytes | str
) -> None:
    """Beside the door, not behind it: the slowest of the other answers stays short."""
    large = workbook(PACKED[large]()) if isinstance(large, str) else large
    shop = await small_shop(database)
    actor = await worker(database, Role.STAFF, "unit", shop.bank)
    slowest, busy = 0.0, True

    async def others() -> None:
        nonlocal slowest
        async with as_caller(app, actor) as caller:
            while busy:
                began = time.monotonic()
                assert (await caller.get("/healthz")).status_code == 200
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.01)

    beside = asyncio.create_task(others())
    async with as_caller(app, actor) as caller:
        began = time.monotonic()
        answer = await caller.post("/api/v1/bank-statements", files={"file": ("a.csv", large)})
        took = time.monotonic() - began
    busy = False
    await beside
    assert answer.status_code in {413, 422}, answer.text
    assert (slowest < 0.2, took < 4) == (True, True), (slowest, took)
