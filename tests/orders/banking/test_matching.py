"""Money that comes by bank transfer, through the door: it finds its share once, or waits for two people."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.order.models import PayerShare
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.banking import Row, accepted, balance, brought, grades, icbc, proven, share, share_now
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.shop import SmallShop, small_shop

pytestmark = pytest.mark.anyio


class Desk:
    """Two people of the bank desk of one unit, and the shares they look after."""

    def __init__(self, app: FastAPI, database: Database, shop: SmallShop, first: Actor, second: Actor) -> None:
        self.app, self.database, self.shop, self.first, self.second = app, database, shop, first, second

    async def bring(self, *rows: Row, data: bytes | None = None) -> httpx.Response:
        async with as_caller(self.app, self.first) as caller:
            file = ("流水.csv", data or icbc(rows), "text/csv")
            return await caller.post("/api/v1/bank-statements", files={"file": file})

    async def imported(self, *rows: Row) -> dict[str, Any]:
        return await brought(self.app, self.database, self.first, icbc(rows))

    async def queue(self) -> list[dict[str, Any]]:
        async with as_caller(self.app, self.first) as caller:
            found: list[dict[str, Any]] = (await caller.get("/api/v1/bank-transfers")).json()["items"]
            return found

    async def propose(
        self, waiting: dict[str, Any], *shares: tuple[PayerShare, int | None], remember: bool = False
    ) -> httpx.Response:
        body = {
            "transfer_id": waiting["id"],
            "shares": [{"payer_share_id": str(s.id), "amount_fen": fen} for s, fen in shares],
            "remember_payer": remember,
            "reason": "付款单位来函说明",
        }
        async with as_caller(self.app, self.first) as caller:
            return await caller.post(
                f"/api/v1/bank-statements/{waiting['statement_id']}/match",
                json=body,
                headers={"Idempotency-Key": str(new_id())},
            )

    async def decide(
        self, who: Actor, waiting: dict[str, Any], proposal_id: str, do: str = "confirm"
    ) -> httpx.Response:
        async with as_caller(self.app, who) as caller:
            address = f"/api/v1/bank-statements/{waiting['statement_id']}/match/{proposal_id}/{do}"
            return await caller.post(address, json={"reason": "不是这一笔"} if do == "reject" else None)

    async def pay_back(self, of: PayerShare, fen: int, reference: str) -> httpx.Response:
        body = {"amount_fen": fen, "bank_reference": reference, "returned_on": "2026-11-21", "reason": "多付退回"}
        async with as_caller(self.app, self.second) as caller:
            address = f"/api/v1/payer-shares/{of.id}/pay-back"
            return await caller.post(address, json=body, headers={"Idempotency-Key": str(new_id())})

    async def count(self, table: str) -> int:
        async with self.database.reading() as session:
            return int(await session.scalar(text(f"SELECT count(*) FROM {table}")))


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    shop = await small_shop(database)
    people = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in range(2)]
    return Desk(app, database, shop, *people)


async def test_a_code_in_the_remark_pays_its_share_and_lifts_the_proof_of_what_was_accepted(desk: Desk) -> None:
    of = await share(desk.database, desk.shop, due_fen=1_000)
    await accepted(desk.database, of, owed_fen=1_000)
    assert await grades(desk.database, of.order_id) == {"B": 1_000}
    code = of.transfer_code.lower()
    done = await desk.imported(Row("S1", "4.00", f"货款 {code[:5]} {code[5:]}"))
    assert (done["matched"], done["queued"], done["repeated"]) == (1, 0, False)
    assert await share_now(desk.database, of.id) == (1_000, 400, "partly_paid")
    assert await grades(desk.database, of.order_id) == {"B": 1_000}
    await desk.imported(Row("S2", "6.00", of.transfer_code))
    assert await share_now(desk.database, of.id) == (1_000, 1_000, "paid")
    assert await grades(desk.database, of.order_id) == {"B": 1_000}, "one person's file is no proof"
    await proven(desk.app, desk.database, desk.first)
    assert await grades(desk.database, of.order_id) == {"A": 1_000}
    assert await balance(desk.database, "receivable", of.id) == 0
    assert await balance(desk.database, "clearing", "bank") == 1_000


async def test_the_same_file_and_overlapping_files_pay_once(desk: Desk) -> None:
    of = await share(desk.database, desk.shop, due_fen=5_000)
    first = await desk.imported(Row("S1", "10.00", of.transfer_code))
    again = await desk.imported(Row("S1", "10.00", of.transfer_code))
    assert (again["statement_id"], again["repeated"], again["state"]) == (first["statement_id"], True, "confirmed")
    third = await desk.imported(Row("S1", "10.00", of.transfer_code), Row("S2", "15.00", of.transfer_code))
    assert (third["fresh"], third["known"], third["matched"]) == (1, 1, 1)
    assert await share_now(desk.database, of.id) == (5_000, 2_500, "partly_paid")
    conflict = await desk.imported(Row("S2", "15.01", of.transfer_code), Row("S3", "1.00", of.transfer_code))
    assert (conflict["conflicts"], conflict["fresh"], conflict["matched"]) == (1, 2, 1)
    (waiting,) = await desk.queue()
    assert (waiting["serial_number"], waiting["amount_fen"], waiting["why_queued"]) == ("S2", 1_501, "serial_conflict")
    assert await share_now(desk.database, of.id) == (5_000, 2_600, "partly_paid"), "the other row of the file stands"
    again = await desk.imported(Row("S2", "15.01", of.transfer_code), Row("S4", "0.90", of.transfer_code))
    assert (again["known"], again["conflicts"]) == (1, 0), "a conflict that waits is known when it comes again"


async def test_one_transfer_pays_several_shares_by_their_codes_and_money_before_goods_is_an_advance(desk: Desk) -> None:
    one = await share(desk.database, desk.shop, due_fen=1_000)
    two = await share(desk.database, desk.shop, due_fen=2_000, order_id=one.order_id, position=2)
    done = await desk.imported(Row("S1", "30.00", f"{one.transfer_code}、{two.transfer_code}"))
    assert done["matched"] == 1
    assert await share_now(desk.database, one.id) == (1_000, 1_000, "paid")
    assert await share_now(desk.database, two.id) == (2_000, 2_000, "paid")
    assert [await balance(desk.database, "advance", s.id) for s in (one, two)] == [-1_000, -2_000]
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT payment_state FROM shop_order")) == "paid"
    other = await share(desk.database, desk.shop, due_fen=1_000)
    more = await share(desk.database, desk.shop, due_fen=2_000)
    await desk.imported(Row("S2", "29.00", f"{other.transfer_code} {more.transfer_code}"))
    (waiting,) = await desk.queue()
    assert waiting["why_queued"] == "amount_differs"


async def test_too_much_stands_as_advance_and_goes_back_once(desk: Desk) -> None:
    of = await share(desk.database, desk.shop, due_fen=1_000)
    await accepted(desk.database, of, owed_fen=1_000)
    await desk.imported(Row("S1", "12.50", of.transfer_code))
    assert await share_now(desk.database, of.id) == (1_000, 1_250, "overpaid")
    assert await balance(desk.database, "advance", of.id) == -250
    refused(await desk.pay_back(of, 251, "OUT-0001"), 409, "nothing_to_return")
    assert (await desk.pay_back(of, 200, "OUT-0001")).status_code == 201
    refused(await desk.pay_back(of, 50, "OUT-0001"), 409, "bank_reference_used")
    assert await share_now(desk.database, of.id) == (1_000, 1_050, "overpaid")
    assert (await desk.pay_back(of, 50, "OUT-0002")).status_code == 201
    assert await share_now(desk.database, of.id) == (1_000, 1_000, "paid")
    assert await balance(desk.database, "advance", of.id) == 0
    assert await balance(desk.database, "clearing", "bank") == 1_000
    refused(await desk.pay_back(of, 1, "OUT-0003"), 409, "nothing_to_return")


async def test_a_new_payer_waits_for_two_people_and_is_known_the_next_time(desk: Desk) -> None:
    payer = new_id()
    of = await share(desk.database, desk.shop, due_fen=1_000, payer_id=payer)
    above = {"name": "示例银行总工会（虚构）", "account": "1001200130014001"}
    await desk.imported(Row("S1", "10.00", of.transfer_code, **above))
    (waiting,) = await desk.queue()
    assert (waiting["why_queued"], waiting["payer_account_last4"]) == ("new_payer", "4001")
    assert [s["payer_share_id"] for s in waiting["suggestions"]] == [str(of.id)]
    proposed = await desk.propose(waiting, (of, None), remember=True)
    assert proposed.status_code == 201, proposed.text
    proposal = proposed.json()["proposal_id"]
    refused(await desk.propose(waiting, (of, None)), 409, "already_matched")
    refused(await desk.decide(desk.first, waiting, proposal), 409, "same_person")
    assert await share_now(desk.database, of.id) == (1_000, 0, "unpaid")
    assert (await desk.decide(desk.second, waiting, proposal)).status_code == 200
    refused(await desk.decide(desk.second, waiting, proposal), 409, "already_matched")
    assert await share_now(desk.database, of.id) == (1_000, 1_000, "paid")
    assert await desk.queue() == []
    # From now on the account is known: by the code, and without one where the amount is exact.
    by_code = await share(desk.database, desk.shop, due_fen=500, payer_id=payer)
    by_amount = await share(desk.database, desk.shop, due_fen=777, payer_id=payer)
    done = await desk.imported(Row("S2", "3.00", by_code.transfer_code, **above), Row("S3", "7.77", "货款", **above))
    assert done["matched"] == 2
    assert await share_now(desk.database, by_code.id) == (500, 300, "partly_paid")
    assert await share_now(desk.database, by_amount.id) == (777, 777, "paid")
    # The same account under another name is somebody new.
    await desk.imported(Row("S4", "2.00", by_code.transfer_code, account=above["account"], name="另一家公司（虚构）"))
    assert [one["why_queued"] for one in await desk.queue()] == ["new_payer"]
    async with desk.database.reading() as session:
        kept = "".join(map(str, (await session.execute(text("SELECT * FROM bank_transfer"))).all()))
    assert above["account"] not in kept


async def test_a_proposal_must_add_up_and_may_be_sent_back(desk: Desk) -> None:
    one = await share(desk.database, desk.shop, due_fen=1_000)
    two = await share(desk.database, desk.shop, due_fen=500)
    await desk.imported(Row("S1", "20.00", "", name="某财政专户（虚构）"))
    (waiting,) = await desk.queue()
    refused(await desk.propose(waiting, (one, 1_000), (two, 500)), 422, "amounts_differ")
    proposal = (await desk.propose(waiting, (one, 1_000), (two, 1_000))).json()["proposal_id"]
    refused(await desk.decide(desk.first, waiting, proposal, "reject"), 409, "same_person")
    assert (await desk.decide(desk.second, waiting, proposal, "reject")).status_code == 200
    (waiting,) = await desk.queue()
    assert waiting["state"] == "queued"
    proposal = (await desk.propose(waiting, (one, 1_000), (two, 1_000))).json()["proposal_id"]
    assert (await desk.decide(desk.second, waiting, proposal)).status_code == 200
    assert await share_now(desk.database, one.id) == (1_000, 1_000, "paid")
    assert await share_now(desk.database, two.id) == (500, 1_000, "overpaid")


async def test_another_units_desk_neither_sees_nor_matches(desk: Desk) -> None:
    of = await share(desk.database, desk.shop, due_fen=1_000)
    await desk.imported(Row("S1", "10.00", "", name="某单位（虚构）"))
    (waiting,) = await desk.queue()
    stranger = await worker(desk.database, Role.STAFF, "unit", desk.shop.branch)
    elsewhere = Desk(desk.app, desk.database, desk.shop, stranger, stranger)
    assert await elsewhere.queue() == []
    refused(await elsewhere.propose(waiting, (of, None)), 404, "not_found")
    async with as_caller(desk.app, stranger) as caller:
        refused(await caller.get(f"/api/v1/bank-statements/{waiting['statement_id']}"), 404, "not_found")
    buyer = await worker(desk.database, Role.UNION_BUYER, "unit", desk.shop.bank)
    async with as_caller(desk.app, buyer) as caller:
        refused(await caller.get("/api/v1/bank-transfers"), 403, "not_allowed")
    assert await desk.count("match_proposal") == 0


async def test_the_database_itself_refuses_one_person_for_both(desk: Desk) -> None:
    of = await share(desk.database, desk.shop, due_fen=1_000)
    await desk.imported(Row("S1", "10.00", "", name="某单位（虚构）"))
    (waiting,) = await desk.queue()
    await desk.propose(waiting, (of, None))
    with pytest.raises(Exception, match="ck_match_proposal_two_people"):
        async with desk.database.transaction() as session:
            await session.execute(text("UPDATE match_proposal SET state = 'confirmed', decided_by = proposed_by"))
