"""One transfer brought by two files is one, however each writes its number; where it is not sure a person says so."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Actor, Role
from shop.core.database import Database
from tests.make.bank_desk import PAYER, Desk, bank_desk, money
from tests.make.banking import brought, share_now
from tests.make.evidence import worker
from tests.make.units import unit
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio

H = "交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,余额,摘要"
UP = "账号：6222000011112222\n"
FUNDS = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,"
    "备注,业务凭证号"
)
BILL = "交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注"
ALIPAY = "交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注"
ABC = "交易时间,对方户名,对方账号,收入金额,支出金额,账户余额,交易附言"
ICBC = "交易日期,交易时间,凭证号,对方户名,对方账号,借方发生额,贷方发生额,摘要"


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def bring(desk: Desk, data: str | bytes, *, by: Actor | None = None) -> dict[str, Any]:
    data = data.encode() if isinstance(data, str) else data
    return await brought(desk.app, desk.database, by or desk.importer, data)


def two_files(kind: str, yuan: str, code: str) -> tuple[str | bytes, str | bytes]:
    row = f"20261120,S123456,甲,622200,,{yuan},,{code}\n"
    funds = f"`2026-11-20 10:00:00,`4200001,`5010001,`甲,`交易,`收入,`{yuan},`100.00,`sys,`{code},`x\n"
    log = (
        f"{UP}{ABC.replace('对方户名', '日志号,对方户名')}\n20261120 10:00:00,L123456,甲,6222,{yuan},,1000.00,{code}\n"
    )
    return {
        "zeros lost by a spreadsheet": (
            f"{H}\n{row.replace('S123456', '0012345')}",
            workbook(sheet_of([H.split(","), [20261120, 12345, "甲", "622200", "", float(yuan), "", code]])),
        ),
        "digits lost by a spreadsheet": (
            f"{H}\n{row.replace('S123456', '2026112800000015123')}20261120,2026112800000015124,乙,6,1.00,,,\n",
            f"{H}\n{row.replace('S123456', '2026112800000010000')}20261120,2026112800000015129,丙,6,,0.01,,\n",
        ),
        "two bills of wechat": (
            f"{FUNDS}\n{funds}",
            f"{BILL}\n2026-11-20 10:00:00,转账,甲某,x,收入,¥{yuan},/,已存入零钱,4200001,x,{code}\n",
        ),
        "booked after midnight": (
            f"{H}\n{row.replace('20261120', '20261121')}",
            f"{H.replace('交易日期', '交易时间')}\n{row.replace('20261120', '20261120 23:59:58')}",
        ),
        "booked after a weekend": (
            f"{UP}{H}\n{row.replace('S123456', '81-B10000001')}",
            f"{UP}{H.replace('交易日期', '入账日期')}\n{row.replace('20261120,S123456', '20261123,81-B10000001')}",
        ),
        "without a number after a weekend": (
            f"{UP}{ABC}\n20261120 10:00:00,甲,6222,{yuan},,1000.00,{code}\n",
            f"{UP}交易日期,{ABC}\n20261123,20261120 10:00:00,甲,6222,{yuan},,1000.00,{code}\n",
        ),
        "without the log number": (
            log,
            f"{UP}{ABC}\n20261120 10:00:00,甲,6222,{yuan},,1000.00,{code}\n",
        ),
        "under another number": (f"{UP}{H}\n{row}", f"{UP}{H}\n{row.replace('S123456', 'X9')}"),
        "the other side's account above": (f"{UP}{H}\n{row}", f"查询条件：对方账号：62220000\n{UP}{H}\n{row}"),
        "only the other side's account": (f"{UP}{H}\n{row}", f"对方账号：62220000\n{H}\n{row}"),
        "in small letters": (f"{H}\n{row}", f"{H}\n{row.replace('S123456', 's123456')}"),
    }[kind]


KINDS = [
    "zeros lost by a spreadsheet", "digits lost by a spreadsheet", "two bills of wechat", "booked after midnight",
    "booked after a weekend", "without a number after a weekend", "without the log number", "under another number",
    "in small letters",
]  # fmt: skip
SURE = ["the other side's account above", "only the other side's account"]


@pytest.mark.parametrize("kind", KINDS + SURE)
async def test_half_a_price_brought_twice_does_not_pay_the_whole(desk: Desk, kind: str) -> None:
    _, order, code = await desk.ordered()
    half = order.total_fen // 2
    first, again = two_files(kind, f"{half / 100:.2f}", code)
    assert (await bring(desk, first))["matched"] == 1
    done = await bring(desk, again)
    assert (done["known"], done["conflicts"]) == ((1, 0) if kind in SURE else (0, 1))
    assert await desk.order_now(order) != ("confirmed", "paid")
    named = await desk.named()
    assert named.get("bank_conflict") == (None if kind in SURE else half)
    # Said by two people, it is a receipt like any other.
    if kind in SURE:
        return
    row = next(one for one in await desk.waiting() if one["why_queued"] == "serial_conflict")
    match = f"/bank-statements/{row['statement_id']}/match"
    body = {"transfer_id": row["id"], "shares": [{"payer_share_id": str(await desk.share_of(order))}], "reason": "两笔"}
    proposal = (await desk.post(desk.importer, match, body, status=201))["proposal_id"]
    await desk.post(desk.second, f"{match}/{proposal}/confirm")
    assert await desk.order_now(order) == ("confirmed", "paid")
    assert "receipt_doubled" not in await desk.named(), "people have looked"


async def test_what_two_of_one_file_are_and_what_is_days_apart_are_two(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    half = order.total_fen // 2
    done = await desk.bring(money("S1", half, code), money("S2", half, code))
    assert (done["matched"], done["conflicts"]) == (2, 0), "a bank names a row once in a file"
    more = await desk.bring(money("S1", half, code), money("S2", half, code), money("S7", half, code, day="2026-11-22"))
    assert (more["known"], more["conflicts"], more["matched"]) == (2, 0, 1)


async def test_of_an_overlapping_file_only_what_is_new_is_new(desk: Desk) -> None:
    """Two equal payments of one payer on one day: the second is none of the first, which stands in this file too."""
    first = f"20261120 10:00:00,{PAYER},6222,70.00,,1000.00,货款"
    second = f"20261120 11:00:00,{PAYER},6222,70.00,,1070.00,货款"
    assert (await bring(desk, f"{UP}{ABC}\n{first}\n"))["fresh"] == 1
    done = await bring(desk, f"{UP}{ABC}\n{first}\n{second}\n")
    assert (done["known"], done["fresh"], done["conflicts"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "again",
    [
        workbook(
            sheet_of([["账号：6222000011112222"], ABC.split(","), ["2026-11-20", PAYER, "6222", 70, "", 2000, "货款"]])
        ),
        f'{UP}{ABC}\n2026/11/20,{PAYER},6222,70,,"2,000.00",货款\n',
        f"{UP}{ABC}\n2026年11月20日 01:00,{PAYER},,70.00,,2000.0,货款\n",
    ],
)
async def test_a_number_composed_of_what_was_read_is_the_same_however_it_was_written(
    desk: Desk, again: str | bytes
) -> None:
    assert (await bring(desk, f"{UP}{ABC}\n2026-11-20 01:00:01,{PAYER},6222,70.00,,2000.00,货款\n"))["fresh"] == 1
    done = await bring(desk, again)
    assert (done["known"], done["fresh"]) == (1, 0)


async def test_a_voucher_number_of_zeros_names_nothing(desk: Desk) -> None:
    row = f"2026-11-20,2026-11-20 10:00:00,000000000,{PAYER},6222001,,70.00,货款"
    assert (await bring(desk, f"{UP}{ICBC}\n{row}\n"))["fresh"] == 1
    numeric = ["2026-11-20", "2026-11-20 10:00:00", 0, PAYER, "6222001", "", 70, "货款"]
    done = await bring(desk, workbook(sheet_of([["账号：6222000011112222"], ICBC.split(","), numeric])))
    assert (done["known"], done["fresh"]) == (1, 0)
    later = await bring(desk, f"{UP}{ICBC}\n{row.replace('10:00:00', '11:30:00')}\n")
    assert (later["known"], later["conflicts"]) == (0, 1), "the same payer, day and sum: perhaps another, a person says"


async def test_another_company_s_receipt_is_never_taken_for_ours(desk: Desk) -> None:
    other = await worker(desk.database, Role.STAFF, "unit", await unit(desk.database, "OTHER"))
    row = f"20261120,0012345,{PAYER},622200,,26.00,,货款"
    await bring(desk, f"{H}\n{row}\n", by=other)
    done = await bring(desk, f"{H}\n{row.replace('0012345', '12345')}\n")
    assert (done["known"], done["conflicts"], done["fresh"]) == (0, 0, 1)
    shop = await worker(desk.database, Role.STAFF, "all", "*")
    done = await bring(desk, f"{H}\n{row.replace('0012345', '000012345')}\n", by=shop)
    assert (done["known"], done["conflicts"]) == (0, 1), "the shop's own desk sees everybody's"


async def test_the_night_names_what_counts_twice_and_no_two_accounts(desk: Desk) -> None:
    """Rows of before the rule: two masked accounts are two receipts, a name with a blank is the same payer."""
    await bring(desk, f"账号：6222****1111\n{H}\n20261120,S1,甲 公司,622200,,26.00,,货款\n")
    await bring(desk, f"账号：6222****2222\n{H}\n20261120,S1,甲 公司,622200,,26.00,,货款\n")
    assert "receipt_doubled" not in await desk.named()
    async with desk.database.transaction() as session:
        known = "UPDATE bank_transfer SET account_last4 = '1111', payer_name = '甲公司' WHERE account_last4 = '2222'"
        await session.execute(text(known))
    assert (await desk.named())["receipt_doubled"] == 2_600
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE bank_transfer SET serial_number = '000S1' WHERE payer_name = '甲公司'"))
    assert (await desk.named())["receipt_doubled"] == 2_600
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE bank_transfer SET day = '2026-11-25' WHERE payer_name = '甲公司'"))
    assert "receipt_doubled" not in await desk.named()


async def test_a_reversal_takes_back_no_receipt_of_another_masked_account(desk: Desk) -> None:
    row = f"20261120,S1,{PAYER},622200,,26.00,,货款\n"
    back = f"20261121,R1,{PAYER},622200,26.00,,,冲正\n"
    await bring(desk, f"账号：6222****1111\n{H}\n{row}")
    await bring(desk, f"账号：6222****2222\n{H}\n{back}")
    waits = next(one for one in await desk.waiting() if one["amount_fen"] < 0)
    assert (waits["state"], waits["undoing"], waits["may_take_back"]) == ("queued", None, [])
    await bring(desk, f"账号：6222****1111\n{H}\n{back.replace('R1', 'R2')}")
    assert [one["state"] for one in await desk.waiting() if one["serial_number"] == "R2"] == ["proposed"]


@pytest.mark.parametrize("then", ["交易关闭", "退款成功", "已退款", "退款中", "已关闭", "转账失败", "等待付款"])
async def test_what_a_later_export_says_of_a_receipt_is_told_to_a_person(desk: Desk, then: str) -> None:
    _, order, code = await desk.ordered()
    row = f"2026-11-20 10:00:00,转账,甲,a@b.c,{code},收入,{order.total_fen / 100:.2f},余额,交易成功,2026112000001,,\n"
    await bring(desk, f"{ALIPAY}\n{row}")
    other = row.replace("2026112000001", "2026112000002").replace(code, "别的").replace("甲", "乙")
    done = await bring(desk, f"{ALIPAY}\n{(row + other).replace('交易成功', then)}")
    assert (done["taken_back"], done["rows_set_aside"]) == (1, 1), "what was never counted is only set aside"
    (waits,) = await desk.waiting()
    assert (waits["amount_fen"], waits["state"]) == (-order.total_fen, "proposed")
    assert (await desk.named())["bank_reversal"] == -order.total_fen
    await desk.post(desk.second, f"/bank-undoings/{waits['undoing']['id']}/confirm")
    assert await desk.order_now(order) == ("placed", "unpaid")


async def test_a_refund_that_the_other_bill_of_wechat_tells_is_told(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    yuan = f"{order.total_fen / 100:.2f}"
    funds, bill = two_files("two bills of wechat", yuan, code)
    await bring(desk, funds)
    done = await bring(desk, str(bill).replace("已存入零钱", "已全额退款"))
    assert done["taken_back"] == 1
    assert (await desk.named())["bank_reversal"] == -order.total_fen


async def test_a_part_that_wechat_gave_back_is_told_too(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    yuan = f"{order.total_fen / 100:.2f}"
    _, bill = two_files("two bills of wechat", yuan, code)
    part = str(bill).replace("已存入零钱", "已退款(￥5.00)")
    first = await bring(desk, part)
    assert (first["fresh"], first["matched"], first["rows_set_aside"]) == (1, 0, 0)
    (waits,) = await desk.waiting()
    assert (waits["amount_fen"], waits["why_queued"]) == (order.total_fen, "amount_differs")
    assert waits["remark"].startswith("部分退款（¥5.00）")
    # Of what had come whole before, the part waits to be named.
    whole = str(bill).replace("4200001", "4200777").replace(code, "货款")
    await bring(desk, whole)
    done = await bring(desk, whole.replace("已存入零钱", "已退款(￥5.00)"))
    assert (done["taken_back"], done["fresh"], done["known"]) == (1, 1, 0)
    assert min(one["amount_fen"] for one in await desk.waiting()) == -500
    assert (await bring(desk, whole.replace("已存入零钱", "已退款(￥5.00)") + "\n"))["known"] == 1


async def test_a_refund_made_at_the_bank_is_no_plain_payment(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    yuan = f"{order.total_fen / 100:.2f}"
    funds, _ = two_files("two bills of wechat", yuan, code)
    await bring(desk, funds)
    out = "`2026-11-21 10:00:00,`4200009,`5010002,`退款,`退款,`支出,`{},`74.00,`sys,`退款总金额,`x\n"
    fee = out.format("0.15").replace("5010002", "5010003").replace("退款", "手续费")
    done = await bring(desk, f"{FUNDS}\n{out.format(yuan)}{fee}{out.format('3.00').replace('5010002', '5010004')}")
    assert (done["taken_back"], [one["reason"] for one in done["set_aside"]]) == (1, ["money_out", "money_out"])
    (waits,) = await desk.waiting()
    assert waits["amount_fen"] == -order.total_fen
    assert (await desk.named())["bank_reversal"] == -order.total_fen
    await desk.post(desk.second, f"/bank-undoings/{waits['undoing']['id']}/confirm")
    again = await bring(desk, f"{FUNDS}\n{out.format(yuan)}\n")
    assert again["taken_back"] == 0, "it took its receipt back once"


async def test_a_refund_to_somebody_else_is_none_of_this_receipt(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    yuan = f"{order.total_fen / 100:.2f}"
    await bring(desk, f"{UP}{H}\n20261120,S1,{PAYER},622200,,{yuan},,{code}\n")
    done = await bring(desk, f"{UP}{H}\n20261121,O1,乙公司（虚构）,633300,{yuan},,,退货款\n")
    assert (done["taken_back"], [one["reason"] for one in done["set_aside"]]) == (0, ["money_out"])
    done = await bring(desk, f"{UP}{H}\n20261121,O2,{PAYER},622200,{yuan},,,退货款\n")
    assert done["taken_back"] == 1
    assert await share_now(desk.database, await desk.share_of(order)) == (order.total_fen, order.total_fen, "paid")
