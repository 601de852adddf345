"""The bank takes money back, or a match was wrong: what it had paid is unpaid again, and two people say so."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.identity import identities
from orders.balance.open_items import open_items
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.banking import Row, accepted, balance, grades, icbc, share, share_now
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.shop import SmallShop, buyer, placed, small_shop
from tests.make.units import unit

pytestmark = pytest.mark.anyio
PAYER = "测试付款人（虚构）"


class Desk:
    """Two people of one bank's desk, and one of another company."""

    def __init__(self, app: FastAPI, database: Database, shop: SmallShop, people: list[Actor]) -> None:
        self.app, self.database, self.shop = app, database, shop
        self.importer, self.second, self.stranger = people

    async def post(self, by: Actor, address: str, body: object = None, *, status: int = 200) -> dict[str, Any]:
        answer = await self.answer(by, address, body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def answer(self, by: Actor, address: str, body: object = None) -> httpx.Response:
        async with as_caller(self.app, by) as caller:
            return await caller.post(f"/api/v1{address}", json=body, headers={"Idempotency-Key": str(new_id())})

    async def bring(self, *rows: Row) -> dict[str, Any]:
        async with as_caller(self.app, self.importer) as caller:
            answer = await caller.post("/api/v1/bank-statements", files={"file": ("a.csv", icbc(rows))})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def waiting(self) -> list[dict[str, Any]]:
        async with as_caller(self.app, self.importer) as caller:
            found: list[dict[str, Any]] = (await caller.get("/api/v1/bank-transfers")).json()["items"]
            return found

    async def receipt(self, serial: str) -> UUID:
        async with self.database.reading() as session:
            named = text("SELECT id FROM bank_transfer WHERE serial_number = :serial AND amount_fen > 0")
            return UUID(str(await session.scalar(named, {"serial": serial})))

    async def ordered(self, pieces: int = 2) -> tuple[Actor, OrderOut, str]:
        who = await buyer(self.database, works_at=self.shop.branch)
        order = await placed(self.database, who, {self.shop.skus[0]: pieces})
        code = (await self.post(who, f"/orders/{order.id}/pay", {"method": "bank_transfer"}))["transfer_code"]
        return who, order, code

    async def order_now(self, order: OrderOut) -> tuple[str, str]:
        async with self.database.reading() as session:
            named = text("SELECT state, payment_state FROM shop_order WHERE id = :id")
            row = (await session.execute(named, {"id": order.id})).one()
            return row.state, row.payment_state

    async def share_of(self, order: OrderOut) -> UUID:
        async with self.database.reading() as session:
            named = text("SELECT id FROM payer_share WHERE order_id = :id")
            return UUID(str(await session.scalar(named, {"id": order.id})))

    async def stock(self) -> tuple[int, int]:
        async with self.database.reading() as session:
            named = text("SELECT on_hand_pieces, held_pieces FROM stock_item WHERE sku_id = :sku")
            row = (await session.execute(named, {"sku": self.shop.skus[0]})).one()
            return row.on_hand_pieces, row.held_pieces

    async def named(self) -> dict[str, int]:
        """What the balance names as open, and its yuan in fen. Everything adds up."""
        async with self.database.snapshot() as session:
            assert [one for one in await identities(session) if not one.holds] == []
            return {one.code: one.amount for one in await open_items(session)}


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    shop = await small_shop(database)
    people = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in range(2)]
    return Desk(app, database, shop, [*people, await worker(database, Role.STAFF, "unit", new_id())])


def money(serial: str, fen: int, remark: str = "", *, day: str = "2026-11-20", name: str = PAYER) -> Row:
    return Row(serial, f"{fen / 100:.2f}", remark, name=name, account="", day=day)


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
        ("payment_undone", date(2026, 11, 24), "sale")
    ]
    assert entries[0].amount_fen == -entries[0].of_fen
    assert await balance(desk.database, "clearing", "bank") == other.total_fen + third.total_fen
    assert await desk.named() == {}
    # The goods are held for it, and it can be paid once more.
    assert await desk.stock() == (before[0] - 2, 2)
    await desk.bring(money("S9", order.total_fen, code, day="2026-11-25"))
    assert await desk.order_now(order) == ("confirmed", "paid")
    assert await grades(desk.database, order.id) == {"A": 2_000}
    assert await desk.stock() == (before[0] - 4, 0)
    assert await desk.named() == {}


async def test_goods_that_left_stay_away_and_their_payer_owes_a_named_debt(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    await desk.bring(money("S2", order.total_fen, code))  # paid twice: the second stands as his advance
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
            assert await grades(desk.database, order.id) == {"A": 2_000}
    assert await desk.order_now(order) == ("shipped", "unpaid")
    assert await grades(desk.database, order.id) == {}
    assert await desk.stock() == left
    assert await desk.named() == {"unpaid_again": order.total_fen}
    await desk.bring(money("S3", order.total_fen, code, day="2026-11-26"))
    assert await desk.order_now(order) == ("shipped", "paid")
    assert await grades(desk.database, order.id) == {"A": 2_000}
    assert (await share_now(desk.database, share_id))[2] == "paid"
    assert await desk.stock() == left
    assert await desk.named() == {}


async def test_of_accepted_goods_the_receivable_returns_and_the_grade_falls_amount_and_day_stay(desk: Desk) -> None:
    union = await share(desk.database, desk.shop, due_fen=1_000)
    await accepted(desk.database, union, owed_fen=1_000)
    await desk.bring(money("S1", 1_000, union.transfer_code, name=union.payer_name))
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
        assert await grades(desk.database, order.id) == {"A": 2_000}
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
    refused(
        await desk.answer(desk.importer, f"/bank-transfers/{receipt}/unmatch", {"reason": "试"}), 409, "already_matched"
    )


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
    assert await grades(desk.database, order.id) == {"A": 2_000}
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
    assert await desk.named() == {"bank_reversal": -1}


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


async def test_another_company_s_statement_says_nothing_of_this_one_s_receipts(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    header = "交易日期,交易流水号,对方户名,对方账号,借方发生额,贷方发生额,摘要,本方账号"
    amount = f"{order.total_fen / 100:.2f}"
    other = await worker(desk.database, Role.STAFF, "unit", await unit(desk.database, "OTHER"))

    async def bring(by: Actor, row: str) -> None:
        async with as_caller(desk.app, by) as caller:
            answer = await caller.post(
                "/api/v1/bank-statements", files={"file": ("a.csv", f"{header}\n{row}\n".encode())}
            )
        assert answer.status_code == 201, answer.text

    await bring(desk.importer, f"2026-11-20,S1,甲（虚构）,6222001,,{amount},{code},1001000100010001")
    assert await desk.order_now(order) == ("confirmed", "paid")
    await bring(other, f"2026-11-21,S1,甲（虚构）,6222001,{amount},,冲正,1001000100010001")
    async with as_caller(desk.app, other) as caller:
        (theirs,) = (await caller.get("/api/v1/bank-transfers")).json()["items"]
    assert (theirs["undoing"], theirs["may_take_back"]) == (None, [])
    receipt = await desk.receipt("S1")
    await desk.post(desk.importer, f"/bank-transfers/{receipt}/unmatch", {"reason": "试"}, status=201)


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
        async with as_caller(desk.app, desk.importer) as caller:
            data = f"{header}\n{row}\n".encode()
            answer = await caller.post("/api/v1/bank-statements", files={"file": ("a.csv", data)})
        assert answer.json()["fresh"] == 1
    assert await desk.named() == {}
