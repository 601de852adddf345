"""Banks' files as people really bring them: read right, or refused by row; never read as something else."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Actor, Role
from shop.core.database import Database
from tests.make.banking import Row, as_csv, brought, icbc, share, share_now
from tests.make.caller import as_caller, refused
from tests.make.case import CASES, case
from tests.make.evidence import worker
from tests.make.shop import SmallShop, buyer, placed, small_shop
from tests.make.units import unit
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio
PAYER = "测试机械厂工会（虚构）"


class BankDesk:
    def __init__(self, app: FastAPI, database: Database, shop: SmallShop, actor: Actor) -> None:
        self.app, self.database, self.shop, self.actor = app, database, shop, actor

    async def bring(self, data: bytes, *, by: Actor | None = None, **form: Any) -> httpx.Response:
        async with as_caller(self.app, by or self.actor) as caller:
            return await caller.post("/api/v1/bank-statements", data=form, files={"file": ("流水.csv", data)})

    async def imported(self, data: bytes, **form: Any) -> dict[str, Any]:
        done = await brought(self.app, self.database, self.actor, data, **form)
        assert done["rows_read"] == done["rows_taken"] + done["rows_set_aside"] + done["rows_refused"]
        assert len(done["set_aside"]) == done["rows_set_aside"]
        return done

    async def kept(self) -> list[tuple[str, int, str, str]]:
        """(serial number, fen, payer, remark) of every transfer, by the file's row."""
        async with self.database.reading() as session:
            rows = await session.execute(
                text("SELECT serial_number, amount_fen, payer_name, remark FROM bank_transfer ORDER BY row")
            )
            return [tuple(row) for row in rows]


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> BankDesk:
    shop = await small_shop(database)
    return BankDesk(app, database, shop, await worker(database, Role.STAFF, "unit", shop.bank))


@pytest.mark.parametrize(
    ("name", "kept", "aside"),
    [
        ("b01_dashes.csv", [("B01-1", 10_000, PAYER, "货款")], ["money_out"]),
        ("b02_separator.csv", [("B02-1", 10_000, PAYER, "货款")], []),
        ("b03_remark.csv", [("B03-1", 10_000, PAYER, "货款"), ("B03-2", 1, "测试会员（虚构）", "@工会")], []),
        ("b08_serial16.csv", [("2026112800000015", 64_000, PAYER, "货款 BF")], []),
        ("b10_ccb_real_columns.csv", [("81-B10000001", 12_000, PAYER, "转账存入 货款")], []),
        (
            "b11_direction.csv",
            [(f"B11-{n}", n * 10_000, PAYER, "货款") for n in range(1, 5)],
            [],
        ),
        (
            "b12_half_character.csv",
            [("B12-1", 6_600, "甲工会（虚构）", "货款货\ufffd"), ("B12-2", 6_700, "乙工会（虚构）", "OK")],
            [],
        ),
        ("b13_preamble.csv", [("B13-1", 10_000, PAYER, "货款")], []),
        ("b14_header_row18.csv", [("B14-1", 10_000, PAYER, "货款")], []),
        ("b15_jdbc_time.csv", [("B15-1", 10_000, PAYER, "货款")], []),
        ("b16_footer.csv", [("B16-1", 10_000, PAYER, "货款")], ["total", "note"]),
        ("b17_backtick.csv", [("B17-1", 10_000, PAYER, "货款")], []),
        ("b18_text_guard.csv", [("0018001", 10_000, PAYER, "货款")], []),
    ],
)
async def test_what_a_bank_writes_is_read(
    desk: BankDesk, name: str, kept: list[tuple[str, int, str, str]], aside: list[str]
) -> None:
    done = await desk.imported(case(name, CODE="BF"))
    assert await desk.kept() == kept
    assert [one["reason"] for one in done["set_aside"]] == aside


@pytest.mark.parametrize("name", ["b04_comma_in.csv", "b04_comma_out.csv"])
async def test_a_row_longer_than_its_header_is_refused_by_row(desk: BankDesk, name: str) -> None:
    problem = refused(await desk.bring(case(name)), 422, "import_refused")
    row = 3 if name == "b04_comma_in.csv" else 2
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [(f"/rows/{row}", "row_too_long")]
    assert (problem["rows_read"], problem["rows_refused"]) == (row - 1, 1)
    assert await desk.kept() == []


async def test_a_comma_in_a_name_never_pays_an_order(desk: BankDesk) -> None:
    """Money that went out, shifted by one cell, looked like money that came in for this very order."""
    who = await buyer(desk.database, works_at=desk.shop.branch)
    order = await placed(desk.database, who, {desk.shop.skus[0]: 1})
    async with as_caller(desk.app, who) as caller:
        opened = (await caller.post(f"/api/v1/orders/{order.id}/pay", json={"method": "bank_transfer"})).json()
    data = case("b20_comma_pays.csv").replace(b"BFMTJH6G3GVH", opened["transfer_code"].encode())
    refused(await desk.bring(data), 422, "import_refused")
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT payment_state FROM shop_order")) != "paid"
        assert await session.scalar(text("SELECT count(*) FROM credit_entry")) == 0
    # The same where every line ends in a comma, so that the shifted row is no longer than the others: figures are
    # checked, whichever column they stand in.
    wide = data.replace("附言".encode(), "附言,".encode())
    refused(await desk.bring(wide), 422, "import_refused")
    assert await desk.kept() == []


async def test_half_a_sign_that_eats_a_bar_never_pays_an_order(desk: BankDesk) -> None:
    """GBK: money that went out moves left by one cell, and the balance stands where money comes in."""
    who = await buyer(desk.database, works_at=desk.shop.branch)
    order = await placed(desk.database, who, {desk.shop.skus[0]: 1})
    async with as_caller(desk.app, who) as caller:
        opened = (await caller.post(f"/api/v1/orders/{order.id}/pay", json={"method": "bank_transfer"})).json()
    header = "交易日期|交易流水号|摘要|对方户名|对方账号|借方发生额|贷方发生额|余额".encode("gb18030")
    whole = f"2026-11-20|S1|{opened['transfer_code']}|{PAYER}工".encode("gb18030")
    rest = f"|6222021001112223334|100.50||{order.total_fen / 100:.2f}".encode()
    problem = refused(await desk.bring(b"\n".join([header, whole[:-1] + rest])), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/2", "row_too_short")]
    assert await desk.kept() == []
    done = await desk.imported(b"\n".join([header, whole + rest, whole.replace(b"S1", b"S2") + b"|||7.00|9.00"]))
    assert [one[:3] for one in await desk.kept()] == [("S1", -10_050, f"{PAYER}工"), ("S2", 700, f"{PAYER}工")], done


async def test_a_long_number_in_a_number_cell_is_refused_because_its_last_digits_are_lost(desk: BankDesk) -> None:
    problem = refused(await desk.bring(case("b08_serial16.xlsx", CODE="BF")), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/2/serial_number", "digits_lost")]
    assert "设为文本" in problem["detail"]
    header = ["交易日期", "交易流水号", "对方户名", "对方账号", "借方发生额", "贷方发生额", "摘要"]
    short = workbook(sheet_of([header, [20261128, 123456789012345, PAYER, 622200000001, "", 59.699999999999996, "x"]]))
    await desk.imported(short)
    assert await desk.kept() == [("123456789012345", 5_970, PAYER, "x")]


async def test_the_same_number_of_another_account_day_or_payer_is_another_transfer(desk: BankDesk) -> None:
    def of(account: str, day: str, payer: str, yuan: str) -> bytes:
        header = ["本方账号", "交易日期", "交易流水号", "对方户名", "对方账号", "贷方发生额"]
        return as_csv([header, [account, day, "0001", payer, "", yuan]]).encode()

    first = await desk.imported(of("11110000", "20261127", "甲（虚构）", "10.00"))
    other_account = await desk.imported(of("22220000", "20261127", "乙（虚构）", "20.00"))
    other_day = await desk.imported(of("11110000", "20261128", "丙（虚构）", "30.00"))
    again = await desk.imported(of("11110000", "20261127", "甲（虚构）", "10.00") + b"\n")
    assert [one["fresh"] for one in (first, other_account, other_day, again)] == [1, 1, 1, 0]
    conflict = await desk.imported(of("11110000", "20261127", "丁（虚构）", "40.00"))
    assert (conflict["fresh"], conflict["conflicts"], conflict["matched"]) == (1, 1, 0)
    assert sorted(fen for _, fen, _, _ in await desk.kept()) == [1_000, 2_000, 3_000, 4_000]


async def test_a_file_without_its_account_and_one_with_it_bring_a_transfer_once(desk: BankDesk) -> None:
    of = await share(desk.database, desk.shop, due_fen=5_000)
    await desk.imported(icbc([Row("S1", "10.00", of.transfer_code)]))
    named = icbc([Row("S1", "10.00", of.transfer_code)], above=("账号：100120013002",))
    assert (await desk.imported(named))["known"] == 1
    assert (await desk.imported(named + b"\r\n"))["known"] == 1
    assert await share_now(desk.database, of.id) == (5_000, 1_000, "partly_paid")


async def test_another_company_s_desk_is_never_told_what_is_known_here(desk: BankDesk, database: Database) -> None:
    other = await unit(database, "OTHER")
    stranger = await worker(database, Role.STAFF, "unit", other)
    await desk.imported(icbc([Row("S1", "10.00")]))
    theirs = await brought(desk.app, database, stranger, icbc([Row("S1", "99.00")]))
    assert (theirs["conflicts"], theirs["known"]) == (0, 0)


async def test_a_column_that_nobody_reads_is_shown_before_anything_is_saved(desk: BankDesk) -> None:
    lines = [["交易日期", "交易流水号", "对方户名", "贷方发生额", "是否退汇"], ["20261128", "S1", "甲", "5.00", "是"]]
    data = as_csv(lines).encode()
    problem = refused(await desk.bring(data), 422, "columns_unknown")
    assert problem["unknown_columns"] == ["是否退汇"]
    assert await desk.kept() == []
    refused(await desk.bring(data, acknowledged_columns=["别的列"]), 422, "columns_unknown")
    await desk.imported(data, acknowledged_columns=["是否退汇"])
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT acknowledged_columns FROM bank_statement")) == ["是否退汇"]


@pytest.mark.parametrize("bank", sorted(path.stem.removeprefix("real_") for path in CASES.glob("real_*.csv")))
async def test_the_columns_that_banks_really_write(desk: BankDesk, bank: str) -> None:
    await desk.imported(case(f"real_{bank}.csv"))
    ((serial, fen, payer, remark),) = await desk.kept()
    assert (fen, payer) == (8_800, "甲（虚构）")
    assert serial
    assert "BF" in remark
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT bank FROM bank_transfer")) == bank


async def test_the_bills_of_wechat_and_alipay(desk: BankDesk) -> None:
    bill = case("wechat_bill.csv")
    income = bill.replace("已全额退款".encode(), "卡在半路".encode())
    problem = refused(await desk.bring(income), 422, "import_refused")
    assert "卡在半路" in problem["detail"], "a status that nobody knows is an error of its row, never a guess"
    refused(await desk.bring(bill.replace("已存入零钱".encode(), "已存入 零钱坏".encode())), 422, "import_refused")
    bill = bill.replace("已存入零钱".encode(), "已存入 零钱".encode())
    done = await desk.imported(bill)  # what is no income may say of its status what it likes
    assert [one["reason"] for one in done["set_aside"]] == ["money_out", "neither", "refunded"]
    funds = await desk.imported(case("wechat_funds.csv"))
    assert [one["reason"] for one in funds["set_aside"]] == ["money_out", "summary", "summary"]
    alipay = await desk.imported(case("alipay_ledger.csv"))
    assert [one["reason"] for one in alipay["set_aside"]] == ["money_out", "ruler", "note"]
    assert sorted(fen for _, fen, _, _ in await desk.kept()) == [2, 1_230, 12_000]


async def test_an_unknown_layout_is_mapped_by_one_and_confirmed_by_another(desk: BankDesk, database: Database) -> None:
    lines = [["日子", "编号", "谁付的", "进", "出", "说了啥", "网点"], ["20261128", "S1", "甲", "5.00", "", "BF", "一"]]
    data = as_csv(lines).encode()
    problem = refused(await desk.bring(data), 422, "layout_unknown")
    assert problem["titles"] == lines[0]
    requested = {
        "name": "某某社（虚构）",
        "unit_id": str(desk.shop.bank),
        "columns": {"day": ["日子"], "serial_number": ["编号"], "payer_name": ["谁付的"], "income": ["进"]},
        "ignored": ["网点"],
    }
    second = await worker(database, Role.STAFF, "unit", desk.shop.bank)
    branch = await worker(database, Role.STAFF, "unit", desk.shop.branch)
    async with as_caller(desk.app, desk.actor) as caller:
        short = {**requested, "columns": {"day": ["日子"]}}
        refused(await caller.post("/api/v1/bank-layouts", json=short), 422, "layout_incomplete")
        everybody = {**requested, "unit_id": None}
        refused(await caller.post("/api/v1/bank-layouts", json=everybody), 404, "not_found")
        made = await caller.post("/api/v1/bank-layouts", json=requested)
        assert made.status_code == 201, made.text
        address = f"/api/v1/bank-layouts/{made.json()['id']}"
        refused(await caller.post(f"{address}/confirm"), 409, "same_person")
    assert "某某社" in refused(await desk.bring(data), 422, "layout_waits")["detail"]
    async with as_caller(desk.app, branch) as caller:
        refused(await caller.post(f"{address}/confirm"), 404, "not_found")
    async with as_caller(desk.app, second) as caller:
        assert (await caller.post(f"{address}/confirm")).json()["state"] == "confirmed"
    problem = refused(await desk.bring(data), 422, "columns_unknown")
    assert problem["unknown_columns"] == ["出", "说了啥"]
    await desk.imported(data, acknowledged_columns=["出", "说了啥"])
    assert await desk.kept() == [("S1", 500, "甲", "")]
    below = await desk.bring(data + b"\n", by=branch, acknowledged_columns=["出", "说了啥"])
    assert below.status_code == 201, "what was mapped for a unit holds for the desks below it"


H = "交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,余额,摘要"


@pytest.mark.parametrize(
    "header",
    [
        "记账日期,账户明细编号-交易流水号,发生额,借/贷,对方账户名称,对方账户,摘要",
        "交易日期,核心流水号,发生额,借/贷,对方户名,对方账号,摘要",
    ],
)
async def test_a_direction_is_read_under_any_of_its_titles(desk: BankDesk, header: str) -> None:
    rows = ["2026-11-20,J0,26.00,借,甲,123456,BF", "2026-11-20,J1,27.00,贷,甲,123456,BF"]
    done = await desk.imported("\n".join([header, *rows]).encode())
    assert [(one["row"], one["reason"]) for one in done["set_aside"]] == [(2, "money_out")]
    assert [(serial, fen) for serial, fen, *_ in await desk.kept()] == [("J1", 2_700)]


@pytest.mark.parametrize(
    "header", ["交易时间,账务流水号,金额,业务类型,对方名称,对方账号,备注", "日期,编号,付款人,金额,摘要"]
)
async def test_amounts_of_which_nothing_says_which_way_they_went_are_not_read(desk: BankDesk, header: str) -> None:
    row = "2026-11-20,A1,26.00,退款,甲,123456,BF" if "业务类型" in header else "2026-11-20,A1,甲,26.00,BF"
    refused(await desk.bring(f"{header}\n{row}\n".encode()), 422, "layout_unknown")


@pytest.mark.parametrize("end", ["", ","])
async def test_a_comma_that_moves_a_name_into_the_account_is_refused_by_row(desk: BankDesk, end: str) -> None:
    """The bank left the last, empty cell off: the row is as long as its header, and what went out would come in."""
    header = f"交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,附言,摘要{end}"
    data = f"{header}\n2026-11-20,S1,甲,乙公司（虚构）,,26.00,,货款{end}\n".encode()
    problem = refused(await desk.bring(data), 422, "import_refused")
    assert [one["code"] for one in problem["errors"]] == ["cells_moved"]
    longer = f"{header}\n2026-11-20,S1,甲,乙公司（虚构）,,26.00,,,货款{end}\n".encode()
    assert "row_too_long" in {one["code"] for one in refused(await desk.bring(longer), 422, "import_refused")["errors"]}
    assert await desk.kept() == []


@pytest.mark.parametrize(
    "said",
    [
        "退回 货款",
        "退汇",
        "退票",
        "冲回",
        "红冲",
        "红字",
        "撤销",
        "反交易",
        "错账更正",
        "调账",
        "Reversal",
        "冲正",
        "付款 {CODE}",
    ],
)
async def test_what_goes_out_as_a_reversal_or_with_a_code_of_ours_is_a_row_for_a_person(
    desk: BankDesk, said: str
) -> None:
    who = await buyer(desk.database, works_at=desk.shop.branch)
    order = await placed(desk.database, who, {desk.shop.skus[0]: 1})
    async with as_caller(desk.app, who) as caller:
        paid = await caller.post(f"/api/v1/orders/{order.id}/pay", json={"method": "bank_transfer"})
    remark = said.replace("{CODE}", paid.json()["transfer_code"])
    done = await desk.imported(f"{H}\n20261120,R1,甲,622200,26.00,,,{remark}\n".encode())
    assert (done["taken_back"], done["set_aside"]) == (1, [])


@pytest.mark.parametrize("said", ["红字发票货款", "货款", "工资"])
async def test_what_only_sounds_like_a_reversal_went_out(desk: BankDesk, said: str) -> None:
    done = await desk.imported(f"{H}\n20261120,R1,甲,622200,26.00,,,{said}\n".encode())
    assert (done["taken_back"], [one["reason"] for one in done["set_aside"]]) == (0, ["money_out"])


async def test_a_mark_in_its_own_column_says_that_a_row_takes_another_back(desk: BankDesk) -> None:
    header = "交易日,流水号,收(付)方名称,收(付)方账号,借方金额,贷方金额,余额,摘要,冲账标志"
    rows = [
        "20261120,C1,甲,622200,,26.00,,货款,",
        "20261120,C2,甲,622200,26.00,,,货款,*",
        "20261120,C3,甲,6222,9.00,,,,N",
    ]
    done = await desk.imported("\n".join([header, *rows]).encode())
    assert (done["taken_back"], [one["row"] for one in done["set_aside"]]) == (1, [4])


@pytest.mark.parametrize(
    ("one", "other"),
    [("账号：6222 0000 0033 3331", "账号：6222 0000 0033 3332"), ("账号:[62220000001111]", "账号:[62220000002222]"),
     ("账号,62220000001111", "账号,62220000002222"), ("账号：62220000001111", "账号：62220000002222")],
)  # fmt: skip
async def test_the_own_account_above_the_header_is_read_however_it_is_written(
    desk: BankDesk, one: str, other: str
) -> None:
    row = "20261120,S1,甲,622200,,26.00,,货款"
    for above in (one, other):
        done = await desk.imported(f"{above}\n{H}\n{row}\n".encode())
        assert (done["fresh"], done["known"]) == (1, 0), "another account's row is another row"
    again = await desk.imported(f"{one}\n{H}\n{row}\n20261121,S2,甲,622200,,1.00,,货款\n".encode())
    assert (again["fresh"], again["known"]) == (1, 1)


async def test_a_reversal_with_other_content_and_two_partial_ones_block_nothing(desk: BankDesk) -> None:
    await desk.imported(f"{H}\n20261120,S1,甲,622200,,26.00,,货款\n20261121,S1,,,26.00,,,冲正\n".encode())
    rows = ["20261121,S1,甲,622200,26.00,,,冲正", "20261122,S2,甲,622200,1.00,,,冲正",
            "20261122,S2,甲,622200,2.00,,,冲正", "20261122,S7,乙,622200,,7.00,,货款"]  # fmt: skip
    done = await desk.imported("\n".join([H, *rows]).encode())
    assert (done["taken_back"], done["conflicts"], done["incoming"]) == (3, 1, 4)
    assert ("S7", 700) in [(serial, fen) for serial, fen, *_ in await desk.kept()]


async def test_the_same_file_again_says_the_same_of_its_rows(desk: BankDesk) -> None:
    first = await desk.imported(case("b16_footer.csv"))
    again = await desk.imported(case("b16_footer.csv"))
    assert (first["repeated"], again["repeated"], again["state"]) == (False, True, "confirmed")
    for name in ("rows_read", "rows_taken", "rows_set_aside", "set_aside"):
        assert again[name] == first[name]
    async with as_caller(desk.app, desk.actor) as caller:
        page = (await caller.get(f"/staff/bank?done=imported&statement={first['statement_id']}")).text
    for one in first["set_aside"]:
        assert f"第 {one['row']} 行" in page


@pytest.mark.parametrize("codecs", [("utf-8", "gb18030"), ("gb18030", "utf-8")])
async def test_a_header_in_another_encoding_than_its_rows_is_refused_in_words(
    desk: BankDesk, codecs: tuple[str, str]
) -> None:
    rows = "".join(f"20261120,S{n},示例单位甲（虚构）,622200,,26.00,,货款往来\n" for n in range(30))
    data = f"{H}\n".encode(codecs[0]) + rows.encode(codecs[1])
    assert "GBK" in refused(await desk.bring(data), 422, "file_not_a_table")["detail"]
