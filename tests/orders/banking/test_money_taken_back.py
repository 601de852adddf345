"""The bank takes money back, or a match was wrong: what it had paid is unpaid again, and two people say so."""

import asyncio
from datetime import date

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.open_items import open_items
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.banking import accepted, balance, grades, proven, share, share_now
from tests.make.caller import refused
from tests.make.evidence import worker

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def test_money_taken_back_by_the_bank_takes_the_credit_back_on_its_day_and_the_order_is_unpaid_again(
    desk: Desk,
) -> None:
    _, order, code = await desk.ordered()
    _, other, other_code = await desk.ordered(1)
    before = await desk.stock()
    await desk.bring(money("S1", order.total_fen, code), money("S2", other.total_fen, other_code))
    assert await desk.order_now(order) == ("confirmed", "paid")
    # A reversal never blocks what else the file brings.
    _, third, third_code = await desk.ordered(1)
    done = await desk.bring(
        money("S3", third.total_fen, third_code, day="2026-11-23"),
        money("S1", -order.total_fen, "冲正", day="2026-11-24"),
    )
    assert (done["matched"], done["taken_back"]) == (1, 1)
    (row,) = await desk.waiting()
    assert (row["amount_fen"], row["state"]) == (-order.total_fen, "proposed")
    assert row["undoing"]["receipt"]["serial_number"] == "S1"
    assert await desk.order_now(order) == ("confirmed", "paid")  # nothing moves on one person's word
    assert await desk.named() == {"bank_reversal": -order.total_fen}
    confirm = f"/bank-undoings/{row['undoing']['id']}/confirm"
    refused(await desk.answer(desk.importer, confirm), 409, "same_person")
    refused(await desk.answer(desk.stranger, confirm), 404, "not_found")
    assert (await desk.post(desk.second, confirm))["state"] == "confirmed"
    refused(await desk.answer(desk.second, confirm), 409, "already_matched")
    assert await desk.order_now(order) == ("placed", "unpaid")
    assert await desk.order_now(other) == ("confirmed", "paid")
    assert await grades(desk.database, order.id) == {}
    async with desk.database.reading() as session:
        entries = (
            await session.execute(
                text("""SELECT n.kind, n.amount_fen, n.occurred_on, p.kind AS of_kind, p.amount_fen AS of_fen
                    FROM credit_entry n JOIN credit_entry p ON p.id = n.reverses_id WHERE n.order_id = :order"""),
                {"order": order.id},
            )
        ).all()
    assert [(one.kind, one.occurred_on, one.of_kind) for one in entries] == [
        ("payment_undone", clock.today(), "sale")  # not before the order was placed
    ]
    assert entries[0].amount_fen == -entries[0].of_fen
    assert await balance(desk.database, "clearing", "bank") == other.total_fen + third.total_fen
    assert await desk.named() == {}
    # The goods are held for it, and it can be paid once more.
    assert await desk.stock() == (before[0] - 2, 2)
    await desk.bring(money("S9", order.total_fen, code, day="2026-11-25"))
    assert await desk.order_now(order) == ("confirmed", "paid")
    assert await grades(desk.database, order.id) == {"C": 2_000}
    assert await desk.stock() == (before[0] - 4, 0)
    assert await desk.named() == {}


async def test_goods_that_left_stay_away_and_their_payer_owes_a_named_debt(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    # Paid twice: the second stands as his advance.
    await desk.bring(money("S2", order.total_fen, code, day="2026-11-22"))
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET state = 'shipped'"))
    left = await desk.stock()
    share_id = await desk.share_of(order)
    for serial in ("S1", "S2"):
        await desk.bring(money(serial, -order.total_fen, "退回", day="2026-11-24"))
        (row,) = await desk.waiting()
        await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")
        if serial == "S1":  # the other receipt pays it still
            assert await desk.order_now(order) == ("shipped", "paid")
            assert await grades(desk.database, order.id) == {"C": 2_000}
    assert await desk.order_now(order) == ("shipped", "unpaid")
    assert await grades(desk.database, order.id) == {}
    assert await desk.stock() == left
    assert await desk.named() == {"unpaid_again": order.total_fen}
    await desk.bring(money("S3", order.total_fen, code, day="2026-11-26"))
    assert await desk.order_now(order) == ("shipped", "paid")
    assert await grades(desk.database, order.id) == {"C": 2_000}
    assert (await share_now(desk.database, share_id))[2] == "paid"
    assert await desk.stock() == left
    assert await desk.named() == {}


async def test_of_accepted_goods_the_receivable_returns_and_the_grade_falls_amount_and_day_stay(desk: Desk) -> None:
    union = await share(desk.database, desk.shop, due_fen=1_000)
    await accepted(desk.database, union, owed_fen=1_000)
    await desk.bring(money("S1", 1_000, union.transfer_code, name=union.payer_name))
    await proven(desk.app, desk.database, desk.importer)
    assert await grades(desk.database, union.order_id) == {"A": 1_000}
    assert await balance(desk.database, "receivable", union.id) == 0
    await desk.bring(money("S1", -1_000, "冲正", day="2026-11-28", name=union.payer_name))
    (row,) = await desk.waiting()
    await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")
    assert await grades(desk.database, union.order_id) == {"B": 1_000}
    assert await balance(desk.database, "receivable", union.id) == 1_000
    assert await share_now(desk.database, union.id) == (1_000, 0, "unpaid")
    async with desk.database.reading() as session:
        days = await session.scalars(
            text("SELECT DISTINCT occurred_on FROM credit_entry WHERE order_id = :order"), {"order": union.order_id}
        )
        assert list(days) == [date(2026, 11, 20)]
        named = {one.code: one.amount for one in await open_items(session)}
    assert named == {"unpaid_again": 1_000}
    await desk.bring(money("S2", 1_000, union.transfer_code, day="2026-11-29", name=union.payer_name))
    assert await grades(desk.database, union.order_id) == {"B": 1_000}
    await proven(desk.app, desk.database, desk.importer)
    assert await grades(desk.database, union.order_id) == {"A": 1_000}


async def test_a_wrong_match_is_undone_by_two_people_and_the_receipt_is_matched_again(desk: Desk) -> None:
    _, wrong, wrong_code = await desk.ordered()
    _, right, _ = await desk.ordered()
    await desk.bring(money("S1", wrong.total_fen, wrong_code))
    receipt = await desk.receipt("S1")
    address, why = f"/bank-transfers/{receipt}/unmatch", {"reason": "识别码抄错了"}
    refused(await desk.answer(desk.stranger, address, why), 404, "not_found")
    refused(await desk.answer(desk.importer, address, {"reason": " "}), 422, "invalid")
    undoing = (await desk.post(desk.importer, address, why, status=201))["undoing_id"]
    refused(await desk.answer(desk.second, address, why), 409, "already_matched")
    (row,) = await desk.waiting()
    assert (row["serial_number"], row["undoing"]["reversal_id"]) == ("S1", None)
    refused(await desk.answer(desk.importer, f"/bank-undoings/{undoing}/confirm"), 409, "same_person")
    await desk.post(desk.second, f"/bank-undoings/{undoing}/reject", {"reason": "先核对"})
    assert await desk.order_now(wrong) == ("confirmed", "paid")
    undoing = (await desk.post(desk.importer, address, why, status=201))["undoing_id"]
    await desk.post(desk.second, f"/bank-undoings/{undoing}/confirm")
    assert await desk.order_now(wrong) == ("placed", "unpaid")
    assert await grades(desk.database, wrong.id) == {}
    (row,) = await desk.waiting()
    assert (row["state"], row["why_queued"], row["undoing"]) == ("queued", "undone", None)
    for order in (right, wrong, right):  # there and back again: every match and every undoing once
        share_id = await desk.share_of(order)
        body = {"transfer_id": str(receipt), "shares": [{"payer_share_id": str(share_id)}], "reason": "核对过回单"}
        statement = f"/bank-statements/{row['statement_id']}/match"
        proposal = (await desk.post(desk.importer, statement, body, status=201))["proposal_id"]
        await desk.post(desk.second, f"{statement}/{proposal}/confirm")
        assert await desk.order_now(order) == ("confirmed", "paid")
        assert await grades(desk.database, order.id) == {"C": 2_000}
        assert await desk.named() == {}
        undoing = (await desk.post(desk.second, address, why, status=201))["undoing_id"]
        await desk.post(desk.importer, f"/bank-undoings/{undoing}/confirm")
        assert await desk.order_now(order) == ("placed", "unpaid")
        assert await desk.named() == {}


async def test_a_reversal_that_may_mean_two_receipts_waits_for_a_person_to_name_one(desk: Desk) -> None:
    _, one, one_code = await desk.ordered()
    _, two, two_code = await desk.ordered()
    await desk.bring(money("S1", one.total_fen, one_code), money("S2", two.total_fen, two_code))
    await desk.bring(money("R1", -one.total_fen, "退回", day="2026-11-24"))
    (row,) = await desk.waiting()
    assert (row["state"], row["undoing"]) == ("queued", None)
    assert {named["serial_number"] for named in row["may_take_back"]} == {"S1", "S2"}
    address = f"/bank-transfers/{row['id']}/takes-back"
    receipt = await desk.receipt("S2")
    body = {"receipt_id": str(receipt), "reason": "银行来电说明"}
    refused(await desk.answer(desk.stranger, address, body), 404, "not_found")
    match = {"transfer_id": row["id"], "shares": [{"payer_share_id": str(await desk.share_of(one))}], "reason": "试"}
    refused(
        await desk.answer(desk.importer, f"/bank-statements/{row['statement_id']}/match", match), 409, "already_matched"
    )
    undoing = (await desk.post(desk.second, address, body, status=201))["undoing_id"]
    refused(await desk.answer(desk.importer, address, body), 409, "already_matched")
    answers = await asyncio.gather(*(desk.answer(desk.importer, f"/bank-undoings/{undoing}/confirm") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await desk.order_now(one) == ("confirmed", "paid")
    assert await desk.order_now(two) == ("placed", "unpaid")
    # What was taken back cannot be taken back again, and its file moves nothing twice.
    await desk.bring(money("R2", -one.total_fen, "退回", day="2026-11-25"))
    row = next(row for row in await desk.waiting() if row["serial_number"] == "R2")
    assert row["undoing"]["receipt"]["serial_number"] == "S1"


async def test_a_part_of_a_receipt_is_taken_back_and_the_rest_is_matched_again(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    await desk.bring(
        money("S1", -300, "退回部分", day="2026-11-24"), money("S9", -order.total_fen - 1, day="2026-11-24")
    )
    part, too_much = await desk.waiting()
    assert (part["state"], part["undoing"], too_much["may_take_back"]) == ("queued", None, [])
    (meant,) = part["may_take_back"]
    assert (meant["serial_number"], meant["left_fen"]) == ("S1", order.total_fen)
    receipt = await desk.receipt("S1")
    body = {"receipt_id": str(receipt), "reason": "银行只退回了三元"}
    undoing = (await desk.post(desk.importer, f"/bank-transfers/{part['id']}/takes-back", body, status=201))[
        "undoing_id"
    ]
    await desk.post(desk.second, f"/bank-undoings/{undoing}/confirm")
    assert await desk.order_now(order) == ("placed", "unpaid")
    assert await grades(desk.database, order.id) == {}
    left = order.total_fen - 300
    row = next(row for row in await desk.waiting() if row["serial_number"] == "S1")
    assert (row["amount_fen"], row["left_fen"], row["why_queued"]) == (order.total_fen, left, "part_taken_back")
    match = f"/bank-statements/{row['statement_id']}/match"
    share = {"payer_share_id": str(await desk.share_of(order))}
    whole = {"transfer_id": str(receipt), "shares": [share | {"amount_fen": order.total_fen}], "reason": "核对过"}
    refused(await desk.answer(desk.importer, match, whole), 422, "amounts_differ")
    proposal = (await desk.post(desk.importer, match, whole | {"shares": [share]}, status=201))["proposal_id"]
    await desk.post(desk.second, f"{match}/{proposal}/confirm")
    assert await desk.order_now(order) == ("placed", "unpaid")
    await desk.bring(money("S2", 300, code, day="2026-11-25"))
    assert await desk.order_now(order) == ("confirmed", "paid")
    assert await grades(desk.database, order.id) == {"C": 2_000}
    # The rest goes back as well: once, and never more than came.
    await desk.bring(money("S1", -left, "冲正", day="2026-11-26"))
    row = next(row for row in await desk.waiting() if row["amount_fen"] == -left)
    assert row["undoing"]["receipt"]["serial_number"] == "S1"
    await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")
    assert await desk.order_now(order) == ("placed", "unpaid")
    assert await grades(desk.database, order.id) == {}
    await desk.bring(money("S1", -1, "再冲", day="2026-11-27"))
    row = next(row for row in await desk.waiting() if row["amount_fen"] == -1)
    assert [one["serial_number"] for one in row["may_take_back"]] == ["S2"]
    assert await desk.named() == {"bank_reversal": -order.total_fen - 2}  # S9 waits as well


async def test_what_was_paid_back_and_then_taken_back_by_the_bank_is_a_named_debt(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen + 5_000, code))
    body = {"amount_fen": 5_000, "bank_reference": "BACK-0001", "returned_on": "2026-11-22", "reason": "多付"}
    at = f"/payer-shares/{await desk.share_of(order)}/pay-back"
    for day in ("2099-01-01", "2026-11-19", "0001-01-01"):
        refused(await desk.answer(desk.second, at, body | {"returned_on": day}), 422, "invalid")
    await desk.post(desk.second, at, body, status=201)
    await desk.bring(money("S1", -order.total_fen - 5_000, "冲正", day="2026-11-24"))
    (row,) = await desk.waiting()
    await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")
    assert await desk.order_now(order) == ("placed", "unpaid")
    assert await desk.named() == {"unpaid_again": 5_000}


async def test_what_was_refunded_and_then_taken_back_by_the_bank_is_owed(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    body = {"amount_fen": 300, "reason": "少了一点"}
    staff = await worker(desk.database, Role.STAFF, "unit", desk.shop.bank)
    refund = (await desk.post(staff, f"/orders/{order.id}/refunds", body, status=201))["id"]
    told = {"bank_reference": "OUT1-0001", "returned_on": "2026-11-22"}
    await desk.post(desk.second, f"/bank-refunds/{refund}/returned", told)
    await desk.post(staff, f"/orders/{order.id}/refunds", {"amount_fen": 100, "reason": "又少了"}, status=201)
    await desk.bring(money("S1", -order.total_fen, "冲正", day="2026-11-24"))
    (row,) = await desk.waiting()
    await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")
    assert await desk.order_now(order) == ("cancelled", "unpaid")
    assert await grades(desk.database, order.id) == {}
    assert await balance(desk.database, "receivable", await desk.share_of(order)) == 300
    assert await desk.named() == {"unpaid_again": 300}
    await desk.bring(money("S2", 300, code, day="2026-11-26"))
    assert await desk.named() == {}
    assert await desk.order_now(order) == ("cancelled", "unpaid")
