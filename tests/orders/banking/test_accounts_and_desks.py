"""Which row is which: masked accounts, other companies' desks, what is booked again, what went back since."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Actor, Role
from shop.core.database import Database
from tests.make.bank_desk import PAYER, Desk, bank_desk, money
from tests.make.banking import brought, icbc, share_now
from tests.make.evidence import worker
from tests.make.units import unit

pytestmark = pytest.mark.anyio

HEADER = "交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,摘要,本方账号"
ALIPAY = "交易时间,交易订单号,交易对方,对方账号,收/支,金额,交易状态,备注"


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def bring(desk: Desk, *rows: str, by: Actor | None = None, header: str = HEADER) -> dict[str, Any]:
    data = "\n".join([header, *rows, ""]).encode()
    return await brought(desk.app, desk.database, by or desk.importer, data)


async def test_masked_accounts_are_told_apart_and_are_the_same_as_whole_ones(desk: Desk) -> None:
    def row(account: str) -> str:
        return f"2026-11-20,0001,{PAYER},6222001,,10.00,货款,{account}"

    assert (await bring(desk, row("6222****1111")))["fresh"] == 1
    assert (await bring(desk, row("6222****2222")))["fresh"] == 1, "another account of the same desk"
    assert (await bring(desk, row("6222020000001111")))["known"] == 1, "the first, written out"
    assert (await bring(desk, row("6222 02** **** 1111")))["known"] == 1
    assert (await bring(desk, row("6222020000003333")))["fresh"] == 1
    above = f"账号：6222****2222\n{HEADER.removesuffix(',本方账号')}"
    assert (await bring(desk, row("").removesuffix(","), header=above))["known"] == 1
    assert len(await desk.waiting()) == 3


async def test_another_company_s_file_swallows_nobody_s_money_and_pays_nobody_s_order(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    other = await worker(desk.database, Role.STAFF, "unit", await unit(desk.database, "OTHER"))
    row = f"2026-11-20,S1,{PAYER},6222001,,{order.total_fen / 100:.2f},{code},1001000100010001"
    theirs = await bring(desk, row, by=other)
    assert (theirs["fresh"], theirs["matched"]) == (1, 0), "a code is no right to another company's order"
    assert await desk.order_now(order) == ("placed", "pending")
    # The very same bytes are this desk's own file, and what they name a question for its people.
    ours = await bring(desk, row)
    assert ours["statement_id"] != theirs["statement_id"]
    assert (ours["repeated"], ours["known"], ours["conflicts"]) == (False, 0, 1)
    assert [one["why_queued"] for one in await desk.waiting()] == ["serial_conflict"]
    assert (await bring(desk, row))["repeated"]
    # One of the shop's own desk is trusted by everybody.
    shop = await worker(desk.database, Role.STAFF, "all", "*")
    later = row.replace("S1", "S2").replace(code, "货款")
    assert (await bring(desk, later, by=shop))["fresh"] == 1
    assert (await bring(desk, later))["known"] == 1


async def test_what_is_booked_again_after_it_was_taken_back_is_a_row_for_a_person(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    fen = order.total_fen
    first = money("S1", fen, code)
    assert (await desk.bring(first))["matched"] == 1
    done = await desk.bring(first, money("S1", -fen, f"冲正 {code}"), first, money("S9", 1))
    assert (done["known"], done["fresh"], done["conflicts"], done["taken_back"]) == (1, 3, 1, 1)
    assert {one["why_queued"] for one in await desk.waiting()} == {"serial_conflict", "taken_back", "new_payer"}
    again = await desk.bring(first, money("S1", -fen, f"冲正 {code}"), first, money("S8", 1))
    assert (again["known"], again["fresh"]) == (3, 1)


async def test_what_a_later_export_says_was_refunded_is_taken_back(desk: Desk) -> None:
    _, order, code = await desk.ordered()

    def row(state: str, serial: str = "T1") -> str:
        return f"2026-11-20 10:00:00,{serial},{PAYER},a@example.com,收入,{order.total_fen / 100:.2f},{state},{code}"

    assert (await bring(desk, row("交易成功"), header=ALIPAY))["matched"] == 1
    done = await bring(desk, row("已全额退款"), row("已全额退款", "T2"), header=ALIPAY)
    assert (done["taken_back"], done["rows_set_aside"], done["rows_read"]) == (1, 1, 2)
    (waits,) = await desk.waiting()
    assert (waits["amount_fen"], waits["state"], waits["undoing"]["receipt"]["serial_number"]) == (
        -order.total_fen, "proposed", "T1",
    )  # fmt: skip
    await desk.post(desk.second, f"/bank-undoings/{waits['undoing']['id']}/confirm")
    assert await desk.order_now(order) == ("placed", "unpaid")
    once_more = await bring(desk, row("已全额退款"), row("已全额退款", "T3"), header=ALIPAY)
    assert (once_more["fresh"], once_more["known"]) == (0, 1)


async def test_what_the_shops_own_desk_brought_too_is_paid_once(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    shop = await worker(desk.database, Role.STAFF, "all", "*")
    row = f"2026-11-20 10:00:00,T1,{PAYER},a@example.com,收入,{order.total_fen / 100:.2f},交易成功,{code}"
    assert (await bring(desk, row, by=shop, header=ALIPAY))["matched"] == 1
    again = await bring(desk, row, header=ALIPAY)
    assert (again["repeated"], again["matched"], again["conflicts"]) == (False, 0, 1)
    assert await share_now(desk.database, await desk.share_of(order)) == (order.total_fen, order.total_fen, "paid")


async def test_a_refund_of_ours_that_a_later_export_tells_is_no_news(desk: Desk) -> None:
    who, order, code = await desk.ordered()

    def row(state: str) -> str:
        return f"2026-11-20 10:00:00,T1,{PAYER},a@example.com,收入,{order.total_fen / 100:.2f},{state},{code}"

    assert (await bring(desk, row("交易成功"), header=ALIPAY))["matched"] == 1
    refund = (await desk.post(who, f"/orders/{order.id}/cancel"))["refund_id"]
    told = {"bank_reference": "R-0001", "returned_on": "2026-11-21"}
    await desk.post(desk.second, f"/bank-refunds/{refund}/returned", told)
    done = await bring(desk, row("已全额退款"), header=ALIPAY)
    assert (done["taken_back"], [one["reason"] for one in done["set_aside"]]) == (0, ["our_refund"])
    assert await desk.waiting() == []


async def test_a_negative_debit_is_money_that_came_back(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    data = icbc([money("S1", 100)]).decode("gb18030").splitlines()
    back = f"2026-11-20,B1,-{order.total_fen / 100:.2f},,{PAYER},,退汇,{code}"
    done = await bring(desk, data[1], back, header=data[0])
    assert (done["fresh"], done["matched"], done["rows_set_aside"]) == (2, 0, 0)
    assert {one["why_queued"]: one["amount_fen"] for one in await desk.waiting()} == {
        "new_payer": 100, "came_back": order.total_fen,
    }  # fmt: skip
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM transfer_match")) == 0
