"""Figures that look like another sum, another currency or another way: refused by row and column, or for a person."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.bank_desk import PAYER, Desk, bank_desk
from tests.make.banking import brought
from tests.make.caller import as_caller, refused
from tests.make.formats import formatted, row_of, styled, texts

pytestmark = pytest.mark.anyio

H = "交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,余额,摘要"
ROW = f"20261120,S1,{PAYER},622200,,26.00,,货款"


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def hand_in(desk: Desk, data: str | bytes, **form: Any) -> httpx.Response:
    data = data.encode() if isinstance(data, str) else data
    async with as_caller(desk.app, desk.importer) as caller:
        return await caller.post("/api/v1/bank-statements", data=form, files={"file": ("a.csv", data)})


async def bring(desk: Desk, data: str | bytes, **form: Any) -> dict[str, Any]:
    data = data.encode() if isinstance(data, str) else data
    return await brought(desk.app, desk.database, desk.importer, data, **form)


def errors_of(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(one["pointer"], one["code"]) for one in refused(answer, 422, "import_refused")["errors"]]


@pytest.mark.parametrize("title", ["币种", "币别", "货币种类"])
@pytest.mark.parametrize("currency", ["日元", "美元", "USD", "HKD", "欧元", "13"])
async def test_another_currency_is_no_yuan(desk: Desk, title: str, currency: str) -> None:
    header = H.replace("对方户名", f"{title},对方户名")
    rows = [ROW.replace(PAYER, f"{one},{PAYER}").replace("S1", f"S{n}") for n, one in enumerate(["人民币", currency])]
    assert errors_of(await hand_in(desk, "\n".join([header, *rows]))) == [("/rows/3/currency", "currency_other")]


@pytest.mark.parametrize("currency", ["人民币", "人民币元", "CNY", "rmb", "CNH", "CNY-人民币", ""])
async def test_yuan_is_yuan(desk: Desk, currency: str) -> None:
    header = H.replace("对方户名", "币种,对方户名")
    assert (await bring(desk, f"币种：人民币\n{header}\n{ROW.replace(PAYER, f'{currency},{PAYER}')}\n"))["fresh"] == 1


@pytest.mark.parametrize(
    ("above", "code"),
    [("币种：美元", "currency_other"), ("账号：6222000011112222 币种：USD", "currency_other"),
     ("币种,港币", "currency_other"), ("单位：万元", "unit_other"), ("（单位：人民币万元）", "unit_other"),
     ("金额单位：千元", "unit_other"), ("单位：美元", "unit_other"), ("单位:分", "unit_other"),
     ("2026年收款明细（万元）", "unit_other")],
)  # fmt: skip
async def test_a_currency_or_a_unit_above_the_header_refuses_the_file(desk: Desk, above: str, code: str) -> None:
    refused(await hand_in(desk, f"{above}\n{H}\n{ROW}\n"), 422, code)


@pytest.mark.parametrize(
    "above", ["单位：万里公司（虚构）", "单位：元", "币种：全部", "金额单位：人民币元", "单位：分公司", "币种：本币"]
)
async def test_words_that_only_sound_like_it_refuse_nothing(desk: Desk, above: str) -> None:
    assert (await bring(desk, f"{above}\n{H}\n{ROW}\n"))["fresh"] == 1


async def test_a_column_in_ten_thousands_is_not_mapped(desk: Desk) -> None:
    columns = {"day": ["日子"], "serial_number": ["编号"], "payer_name": ["谁付的"], "income": ["收入（万元）"]}
    requested = {"name": "某某社（虚构）", "unit_id": str(desk.shop.bank), "columns": columns, "ignored": []}
    problem = refused(await desk.answer(desk.importer, "/bank-layouts", requested), 422, "layout_incomplete")
    assert "万元" in problem["detail"]


@pytest.mark.parametrize("title", ["借贷标志", "收支方向", "交易状态"])
async def test_which_way_money_went_is_not_mapped_away(desk: Desk, title: str) -> None:
    columns = {"day": ["日子"], "serial_number": ["编号"], "payer_name": ["谁付的"], "income": ["金额"]}
    requested = {"name": "某某社（虚构）", "unit_id": str(desk.shop.bank), "columns": columns, "ignored": [title]}
    problem = refused(await desk.answer(desk.importer, "/bank-layouts", requested), 422, "layout_incomplete")
    assert title in problem["detail"]


@pytest.mark.parametrize(
    ("title", "value"),
    [("借贷标志", "借"), ("标识", "D"), ("类别", "支出"), ("交易状态", "失败"), ("结果", "交易关闭")],
)
async def test_which_way_money_went_is_not_acknowledged_away(desk: Desk, title: str, value: str) -> None:
    data = f"日期,凭证号,对手方,金额,{title}\n20261120,S1,甲,26.00,{value}\n"
    refused(await hand_in(desk, data), 422, "columns_unknown")
    problem = refused(await hand_in(desk, data, acknowledged_columns=[title]), 422, "direction_unread")
    assert problem["titles"] == ["日期", "凭证号", "对手方", "金额", title]
    harmless = data.replace(title, "柜员").replace(value, "0017")
    assert (await bring(desk, harmless, acknowledged_columns=["柜员"]))["fresh"] == 1


async def test_a_format_that_multiplies_or_turns_round_is_refused_by_cell(desk: Desk) -> None:
    head = row_of(1, texts(1, H.split(",")))
    for code in ('0.00"万元"', "-0.00"):
        row = row_of(2, [*texts(2, ["20261120", "S1", PAYER, "622200"]), formatted("F2", "1.28")])
        problem = refused(await hand_in(desk, styled(head + row, code)), 422, "format_changes_value")
        assert problem["cell"] == "F2"


async def test_a_number_that_became_a_day_or_ends_in_zeros_is_none(desk: Desk) -> None:
    head = row_of(1, texts(1, H.split(",")))
    cells = [*texts(2, ["20261120"]), formatted("B2", 46346), *texts(2, ["", "", PAYER, "", "", 26.0])[2:]]
    assert errors_of(await hand_in(desk, styled(head + row_of(2, cells), "yyyy-mm-dd"))) == [
        ("/rows/2/serial_number", "digits_lost")
    ]
    rows = [ROW.replace("S1", f"2026112800000{n}0000") for n in (11, 12)]
    assert [code for _, code in errors_of(await hand_in(desk, "\n".join([H, *rows])))] == ["digits_lost"] * 2
    whole = [*rows, ROW.replace("S1", "2026112800000011234")]
    assert (await bring(desk, "\n".join([H, *whole])))["fresh"] == 3, "of many some end in zeros"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_rows_that_an_open_quote_swallowed_are_not_lost(desk: Desk, end: str) -> None:
    rows = [f'{ROW[:-2]}"甲', ROW.replace("S1", "S2"), ROW.replace("S1", "S3")[:-2] + '乙"']
    assert [code for _, code in errors_of(await hand_in(desk, end.join([H, *rows, ""])))] == ["row_swallowed"]
    first = [ROW.replace(PAYER, f'"{PAYER}'), ROW.replace("S1", "S2").replace(PAYER, f'{PAYER}"')]
    assert [code for _, code in errors_of(await hand_in(desk, end.join([H, *first, ""])))] == ["row_swallowed"]
    note = [ROW, f'合计,"笔数{end}{ROW.replace("S1", "S2")}{end}完"']
    assert [code for _, code in errors_of(await hand_in(desk, end.join([H, *note, ""])))] == ["row_swallowed"]
    lines = ROW.replace("货款", f'"货款，{end}第二行, 第三{end}行"')
    assert (await bring(desk, end.join([H, lines, ""])))["fresh"] == 1, "a remark may have several lines"


@pytest.mark.parametrize("day", ["2016-05-01", "2019-12-31"])
async def test_what_came_before_the_books_is_set_aside(desk: Desk, day: str) -> None:
    _, order, code = await desk.ordered()
    old = f"{day},S0,{PAYER},622200,,{order.total_fen / 100:.2f},,{code}"
    done = await bring(desk, f"{H}\n{old}\n{ROW}\n")
    assert (done["fresh"], [(one["row"], one["reason"]) for one in done["set_aside"]]) == (1, [(2, "before_books")])
    first = await bring(desk, f"{H}\n{old.replace(day, '2020-01-01')}\n")
    assert first["matched"] == 1
    assert await desk.order_now(order) == ("confirmed", "paid")


@pytest.mark.parametrize("row", ["20261120,S1,甲,622200,-26.00,,,他行返回", "20261120,S1,甲,622200,-500.00,,,往来款"])
async def test_what_came_back_under_what_went_out_waits_for_a_person(desk: Desk, row: str) -> None:
    done = await bring(desk, f"{H}\n{row}\n")
    assert (done["fresh"], done["matched"], done["rows_set_aside"]) == (1, 0, 0)
    (waits,) = await desk.waiting()
    assert (waits["amount_fen"] > 0, waits["why_queued"]) == (True, "came_back")


async def test_two_columns_of_income_that_differ_say_nothing(desk: Desk) -> None:
    header = "交易日期,交易流水号,对方户名,对方账号,贷方发生额,收入金额,摘要"
    for one, other in (("1.00", "100.00"), ("0.00", "100.00")):
        answer = await hand_in(desk, f"{header}\n20261120,S1,甲,622200,{one},{other},x\n")
        assert errors_of(answer) == [("/rows/2/income", "columns_differ")]
    assert (await bring(desk, f"{header}\n20261120,S1,甲,622200,100,100.00,x\n"))["fresh"] == 1
    both = "记账日期,账户明细编号-交易流水号,发生额,收支方向,借贷标志,对方账户名称,摘要"
    answer = await hand_in(desk, f"{both}\n20261120,S1,26.00,收入,借,甲,x\n")
    assert errors_of(answer) == [("/rows/2/direction", "columns_differ")]


async def test_a_row_with_number_day_and_money_is_no_total(desk: Desk) -> None:
    header = "摘要,交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,余额"
    done = await bring(desk, f"{header}\n本月合计,20261120,S1,甲,622200,,26.00,\n合计,,,,,,26.00,\n")
    assert (done["fresh"], [one["row"] for one in done["set_aside"]]) == (1, [3])
    header = "交易日期,对方户名,交易流水号,对方账号,借方发生额,贷方发生额,余额,摘要"
    done = await bring(desk, f"{header}\n20261120,小计,S2,62222,,26.00,,BF\n2026-11-20,合计,,,,52.00,,\n")
    assert (done["fresh"], [one["row"] for one in done["set_aside"]]) == (1, [3])


async def test_cash_without_a_name_refuses_nothing_and_pays_nothing_by_itself(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    cash = f"20261120,C1,,,,{order.total_fen / 100:.2f},,{code}"
    done = await bring(desk, f"{H}\n{cash}\n{ROW}\n")
    assert (done["fresh"], done["matched"]) == (2, 0)
    waits = next(one for one in await desk.waiting() if one["serial_number"] == "C1")
    assert (waits["payer_name"], waits["why_queued"]) == ("（现金或未写户名）", "new_payer")
    assert await desk.order_now(order) == ("placed", "pending")


async def test_a_refusal_names_the_file_s_own_column_and_few_words_in_the_order_of_rows(desk: Desk) -> None:
    header = "记账日期,账户明细编号-交易流水号,发生额,借贷标志,对方账户名称,摘要"
    rows = ["20261120,S1,26.00,不明,甲,x", "20261120,S2,26.00,贷,甲,x,多,出", "20261120,S3,26.00,不明,甲,x"]
    problem = refused(await hand_in(desk, "\n".join([header, *rows])), 422, "import_refused")
    assert [one["pointer"] for one in problem["errors"]] == ["/rows/2/direction", "/rows/3", "/rows/4/direction"]
    said = problem["errors"][0]["detail"]
    assert said.startswith("第 2 行“借贷标志”（收支方向）：不认识“不明”")
    assert said.count("、") == 7
    assert said.endswith(" 等")
