"""Which rows of the bank concern the shop at all: one's own refunds, other accounts, other companies, other payers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.banking import Row, brought, share, share_now
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.units import unit

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def test_a_payer_remembered_with_a_wrong_match_is_forgotten_with_it(desk: Desk) -> None:
    payer = new_id()
    union = await share(desk.database, desk.shop, due_fen=1_000, payer_id=payer)
    name, account = "某某财政专户（虚构）", "6222000000001234"

    async def come(serial: str, day: str) -> dict[str, Any]:
        row = Row(serial, "10.00", "货款", name=name, account=account, day=day)
        return await desk.bring(row)

    await come("K1", "2026-11-21")
    (row,) = await desk.waiting()
    match = f"/bank-statements/{row['statement_id']}/match"
    named = [{"payer_share_id": str(union.id)}]
    body = {"transfer_id": row["id"], "shares": named, "reason": "代工会付款", "remember_payer": True}
    proposal = (await desk.post(desk.importer, match, body, status=201))["proposal_id"]
    await desk.post(desk.second, f"{match}/{proposal}/confirm")
    undoing = (
        await desk.post(desk.importer, f"/bank-transfers/{row['id']}/unmatch", {"reason": "付款人认错了"}, status=201)
    )["undoing_id"]
    await desk.post(desk.second, f"/bank-undoings/{undoing}/confirm")
    assert (await come("K2", "2026-11-22"))["matched"] == 0
    # Said again by two people it is known again.
    proposal = (await desk.post(desk.importer, match, body, status=201))["proposal_id"]
    await desk.post(desk.second, f"{match}/{proposal}/confirm")
    later = await share(desk.database, desk.shop, due_fen=1_000, payer_id=payer)
    assert (await come("K3", "2026-11-23"))["matched"] == 1
    assert await share_now(desk.database, later.id) == (1_000, 1_000, "paid")


async def test_a_row_that_is_none_of_ours_is_put_aside_by_two_people_and_can_come_back(desk: Desk) -> None:
    await desk.bring(money("X1", 500, "活期转入"), money("X2", -700, "退回保证金"))
    for serial, fen in (("X1", 500), ("X2", -700)):
        row = next(row for row in await desk.waiting() if row["serial_number"] == serial)
        address, why = f"/bank-transfers/{row['id']}", {"reason": "自己账户之间的划转"}
        refused(await desk.answer(desk.stranger, f"{address}/set-aside", why), 404, "not_found")
        proposal = (await desk.post(desk.importer, f"{address}/set-aside", why, status=201))["proposal_id"]
        refused(await desk.answer(desk.second, f"{address}/set-aside", why), 409, "already_matched")
        confirm = f"/bank-statements/{row['statement_id']}/match/{proposal}/confirm"
        refused(await desk.answer(desk.importer, confirm), 409, "same_person")
        assert (await desk.named()).get("bank_reversal") == (fen if fen < 0 else -700)
        await desk.post(desk.second, confirm)
        assert serial not in {one["serial_number"] for one in await desk.waiting()}
        undoing = (await desk.post(desk.second, f"{address}/unmatch", why, status=201))["undoing_id"]
        await desk.post(desk.importer, f"/bank-undoings/{undoing}/confirm")
        row = next(row for row in await desk.waiting() if row["serial_number"] == serial)
        assert (row["state"], row["amount_fen"]) == ("queued", fen)
        proposal = (await desk.post(desk.second, f"{address}/set-aside", why, status=201))["proposal_id"]
        await desk.post(desk.importer, f"/bank-statements/{row['statement_id']}/match/{proposal}/confirm")
    assert await desk.waiting() == []
    assert await desk.named() == {}


async def test_a_refund_that_the_shop_sent_by_bank_is_no_reversal(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    staff = await worker(desk.database, Role.STAFF, "unit", desk.shop.bank)
    refund = (
        await desk.post(staff, f"/orders/{order.id}/refunds", {"amount_fen": 300, "reason": "少了一点"}, status=201)
    )["id"]
    # The statement comes before somebody recorded the refund: it waits, and nothing is proposed.
    await desk.bring(money("OUT1-0000", -order.total_fen, f"退款 {code}", day="2026-11-22"))
    (row,) = await desk.waiting()
    assert (row["state"], row["undoing"]) == ("queued", None)
    # Recorded, the row is known as the shop's own.
    told = {"bank_reference": "OUT1-0001", "returned_on": "2026-11-22"}
    await desk.post(desk.second, f"/bank-refunds/{refund}/returned", told)
    done = await desk.bring(
        money("OUT1-0001", -300, f"退回 {code}", day="2026-11-22"), money("S2", 1, day="2026-11-22")
    )
    assert (done["taken_back"], [one["reason"] for one in done["set_aside"]]) == (0, ["our_refund"])
    assert done["rows_read"] == done["rows_taken"] + done["rows_set_aside"] == 2
    assert await desk.order_now(order) == ("confirmed", "paid")


async def test_a_refund_that_the_bank_could_not_deliver_is_no_second_payment(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    done = await desk.bring(money("S2", order.total_fen, f"退汇 账号户名不符 {code}", day="2026-11-23"))
    assert done["matched"] == 0
    assert [one["why_queued"] for one in await desk.waiting()] == ["came_back"]


async def test_another_company_s_statement_says_nothing_of_this_one_s_receipts(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    header = "交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,摘要,本方账号"
    amount = f"{order.total_fen / 100:.2f}"
    other = await worker(desk.database, Role.STAFF, "unit", await unit(desk.database, "OTHER"))

    async def bring(by: Actor, row: str) -> None:
        await brought(desk.app, desk.database, by, f"{header}\n{row}\n".encode())

    await bring(desk.importer, f"2026-11-20,S1,甲（虚构）,6222001,,{amount},{code},1001000100010001")
    assert await desk.order_now(order) == ("confirmed", "paid")
    await bring(other, f"2026-11-21,S1,甲（虚构）,6222001,{amount},,冲正,1001000100010001")
    async with as_caller(desk.app, other) as caller:
        (theirs,) = (await caller.get("/api/v1/bank-transfers")).json()["items"]
    assert (theirs["undoing"], theirs["may_take_back"]) == (None, [])
    receipt = await desk.receipt("S1")
    await desk.post(desk.importer, f"/bank-transfers/{receipt}/unmatch", {"reason": "试"}, status=201)


async def test_a_receipt_that_stands_twice_or_without_its_file_is_named(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    assert await desk.named() == {}
    async with desk.database.transaction() as session:
        await session.execute(
            text("""INSERT INTO bank_transfer (id, statement_id, row, bank, account_key, serial_number, day, amount_fen,
                matched_fen, payer_name, remark, state, imported_at)
                SELECT gen_random_uuid(), statement_id, 99, bank, 'desk:shop', serial_number, day, amount_fen, 0,
                    payer_name, remark, 'queued', :now FROM bank_transfer"""),
            {"now": datetime.now(UTC)},
        )
    assert await desk.named() == {"receipt_doubled": order.total_fen}


async def test_a_receipt_without_its_file_and_a_conflict_are_named(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    await desk.bring(money("S1", order.total_fen, code, name="另一个付款人（虚构）"))
    assert await desk.named() == {"bank_conflict": order.total_fen}
    async with desk.database.transaction() as session:
        first = "(SELECT id FROM bank_statement ORDER BY imported_at LIMIT 1)"
        await session.execute(text(f"UPDATE bank_statement SET file_sha256 = repeat('0', 64) WHERE id = {first}"))
    assert await desk.named() == {"bank_conflict": order.total_fen, "receipt_lost": order.total_fen}


async def test_what_waits_for_a_second_person_stands_first_and_every_row_is_on_some_page(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(*(money(f"X{n}", 100 + n) for n in range(60)))
    await desk.bring(money("S1", order.total_fen, code, day="2026-11-21"))
    await desk.bring(money("S1", -order.total_fen, "冲正", day="2026-11-24"))
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    async with as_caller(desk.app, desk.importer) as caller:
        while True:
            page = (
                await caller.get(
                    "/api/v1/bank-transfers", params={"limit": 25} | ({"cursor": cursor} if cursor else {})
                )
            ).json()
            seen += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    assert (len(seen), len({one["id"] for one in seen})) == (61, 61)
    assert (seen[0]["state"], seen[0]["undoing"]["receipt"]["serial_number"]) == ("proposed", "S1")
    assert [one["amount_fen"] for one in seen[1:]] == [100 + n for n in range(60)]


async def test_the_same_serial_of_another_account_is_rightful(desk: Desk) -> None:
    header = "交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,摘要,本方账号"
    for account in ("11110000", "22220000"):
        row = f"2026-11-20,0001,甲（虚构）,6222001,,10.00,货款,{account}"
        done = await brought(desk.app, desk.database, desk.importer, f"{header}\n{row}\n".encode())
        assert done["fresh"] == 1
    assert await desk.named() == {}
