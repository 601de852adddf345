"""Rows without a payer, cells that have moved below the balance, and a mapped layout that takes another one's place."""

from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI

from orders.banking.statement.layouts import LAYOUTS
from orders.banking.statement.read_statement import read_statement
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from shop.sheet.refused import RowsRefused
from tests.make.banking import Row, as_csv, icbc
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.shop import small_shop

TODAY = date(2026, 11, 22)


def test_interest_that_no_payer_sent_is_set_aside_and_any_other_row_is_cash() -> None:
    rows = [Row("A1", "5.00", "货款"), Row("A2", "1.23", "结息", name=""), Row("A3", "0.40", "存款利息", name="")]
    found = read_statement(icbc([*rows, Row("A4", "9.00", "利息款")]), layouts=LAYOUTS, today=TODAY)
    assert [(one.row, one.reason) for one in found.set_aside] == [(3, "interest"), (4, "interest")]
    assert [one.serial_number for one in found.came] == ["A1", "A4"], "a payer may write the word"
    (cash,) = read_statement(icbc([Row("A2", "1.23", "货款", name="")]), layouts=LAYOUTS, today=TODAY).came
    assert cash.payer_name == "（现金或未写户名）"


def test_a_word_where_the_balance_stands_says_that_cells_have_moved() -> None:
    header = ["交易日期", "交易流水号", "对方户名", "对方账号", "借方发生额", "贷方发生额", "余额", "摘要"]
    right = ["20261120", "S1", "甲工会（虚构）", "622202", "", "26.00", "1,026.00", "货款"]
    read_statement(as_csv([header, right]).encode(), layouts=LAYOUTS, today=TODAY)
    with pytest.raises(RowsRefused) as wrong:
        read_statement(as_csv([header, [*right[:6], "货款", ""]]).encode(), layouts=LAYOUTS, today=TODAY)
    assert [one.pointer for one in wrong.value.errors] == ["/rows/2/balance"]


@pytest.mark.anyio
async def test_a_layout_confirmed_under_a_name_ends_the_one_that_had_it_at_this_desk(
    app: FastAPI, database: Database
) -> None:
    shop = await small_shop(database)
    first, second = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in range(2)]
    strangers = [await worker(database, Role.STAFF, "unit", shop.branch) for _ in range(2)]

    async def mapped(by: Actor, then: Actor, unit: object, payer: str, name: str = "某某社（虚构）") -> None:
        columns = {"day": ["日子"], "serial_number": ["编号"], "payer_name": [payer], "income": ["进"]}
        requested = {"name": name, "unit_id": str(unit), "columns": columns, "ignored": []}
        async with as_caller(app, by) as caller:
            made = await caller.post("/api/v1/bank-layouts", json=requested)
        assert made.status_code == 201, made.text
        async with as_caller(app, then) as caller:
            assert (await caller.post(f"/api/v1/bank-layouts/{made.json()['id']}/confirm")).status_code == 200

    async def brings(by: Actor, payer: str) -> Any:
        data = as_csv([["日子", "编号", payer, "进"], ["20261120", str(new_id()), "甲", "5.00"]]).encode()
        async with as_caller(app, by) as caller:
            return await caller.post("/api/v1/bank-statements", files={"file": ("a.csv", data)})

    await mapped(first, second, shop.bank, "谁付的")
    await mapped(strangers[0], strangers[1], shop.branch, "付款方名")  # another desk's, under the same name
    await mapped(second, first, shop.bank, "来款人")
    refused(await brings(first, "谁付的"), 422, "layout_unknown")
    assert (await brings(first, "来款人")).status_code == 201
    assert (await brings(strangers[0], "付款方名")).status_code == 201
    async with as_caller(app, first) as caller:
        listed = (await caller.get("/api/v1/bank-layouts")).json()["items"]
    assert [(one["columns"]["payer_name"], one["state"]) for one in listed if one["unit_id"] == str(shop.bank)] == [
        (["来款人"], "confirmed")
    ], "what was replaced is not shown as in force"
