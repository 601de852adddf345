"""A refund or a pay-back of ours that the bank could not deliver: two people say so, and the money waits to be sent."""

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from orders.checkout.open_payment import open_payment
from orders.funds.post import transfer_id
from orders.order.schemas import OrderOut
from orders.switchboard import handle_inbox
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.banking import balance, brought, grades, icbc, share_now
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.people import somebody
from tests.make.shop import buyer, placed
from tests.make.units import unit
from tests.orders.banking.test_pages import signed_in, token

pytestmark = pytest.mark.anyio
WHY = {"reason": "回单写着户名不符"}
HELD = "/payments/held"


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def one(desk: Desk, statement: str, **values: Any) -> Any:
    async with desk.database.reading() as session:
        return tuple((await session.execute(text(statement), values)).one())


async def listed(desk: Desk, what: str, by: Actor | None = None) -> list[tuple[str, str, int]]:
    async with as_caller(desk.app, by or desk.importer) as caller:
        answer = await caller.get(f"/api/v1{HELD}", params={"what": what})
    return [(seen["what"], seen["why"], seen["amount_fen"]) for seen in answer.json()["items"]]


async def refunded(desk: Desk, order: OrderOut, fen: int, reference: str) -> str:
    """Asked for, and sent by a bank transfer of ours, some days ago."""
    body = {"amount_fen": fen, "reason": "少了一点"}
    refund: str = (await desk.post(desk.importer, f"/orders/{order.id}/refunds", body, status=201))["id"]
    async with desk.database.transaction() as session:
        ago = text("UPDATE refund SET requested_at = '2026-11-22T09:00:00+08:00' WHERE id = :id")
        await session.execute(ago, {"id": refund})
    await sent(desk, refund, reference, "2026-11-22")
    return refund


async def sent(desk: Desk, refund: str, reference: str, day: str) -> None:
    told = {"bank_reference": reference, "returned_on": day}
    await desk.post(desk.second, f"/bank-refunds/{refund}/returned", told)


async def paid_back(desk: Desk, order: OrderOut, fen: int, reference: str) -> str:
    body = {"amount_fen": fen, "bank_reference": reference, "returned_on": "2026-11-22", "reason": "多付"}
    at = f"/payer-shares/{await desk.share_of(order)}/pay-back"
    made: str = (await desk.post(desk.second, at, body, status=201))["id"]
    return made


async def row_of(desk: Desk, serial: str) -> dict[str, Any]:
    return next(row for row in await desk.waiting() if row["serial_number"] == serial)


async def test_a_refund_that_came_back_stands_undone_and_is_sent_again(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    refund = await refunded(desk, order, 300, "OUT1-0001")
    assert await grades(desk.database, order.id) == {"C": 1_700}
    await desk.bring(money("B1", 300, "退汇 OUT1-0001 户名不符", day="2026-11-24"))
    row = await row_of(desk, "B1")
    assert [(ours["kind"], ours["id"], ours["bank_reference"]) for ours in row["may_be_ours"]] == [
        ("refund", refund, "OUT1-0001")
    ]
    assert await desk.named() == {"bank_came_back": 300}
    at, body = f"/bank-transfers/{row['id']}/came-back", {"kind": "refund", "returned_id": refund} | WHY
    refused(await desk.answer(desk.stranger, at, body), 404, "not_found")
    refused(await desk.answer(desk.importer, at, body | {"kind": "pay_back"}), 404, "not_found")
    other = await refunded(desk, order, 301, "OUT1-0009")
    refused(await desk.answer(desk.importer, at, body | {"returned_id": other}), 422, "amounts_differ")
    said = (await desk.post(desk.importer, at, body, status=201))["came_back_id"]
    refused(await desk.answer(desk.second, at, body), 409, "already_matched")
    row = await row_of(desk, "B1")
    assert (row["state"], row["came_back"]["returned"]["id"]) == ("proposed", refund)
    confirm = f"{at}/{said}/confirm"
    refused(await desk.answer(desk.importer, confirm), 409, "same_person")
    refused(await desk.answer(desk.stranger, confirm), 404, "not_found")
    assert (await one(desk, "SELECT state FROM refund WHERE id = :id", id=refund))[0] == "succeeded", (
        "one word moves nothing"
    )
    answers = await asyncio.gather(*(desk.answer(desk.second, confirm) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await one(desk, "SELECT state, failure FROM refund WHERE id = :id", id=refund) == ("failed", "came_back")
    entry = await one(
        desk,
        """SELECT n.kind, n.occurred_on, n.amount_fen + p.amount_fen, p.cause_id = :refund FROM credit_entry n
        JOIN credit_entry p ON p.id = n.reverses_id WHERE n.order_id = :order""",
        order=order.id,
        refund=refund,
    )
    assert entry == ("refund_undone", clock.today(), 0, True), "not before the refund landed"
    assert await grades(desk.database, order.id) == {"C": 1_699}
    assert await balance(desk.database, "clearing", "bank") == order.total_fen - 301
    assert await one(desk, "SELECT state, why_queued FROM bank_transfer WHERE serial_number = 'B1'") == (
        "came_back",
        None,
    )
    assert await one(desk, "SELECT refund_id = :id, decided_by <> proposed_by FROM came_back", id=refund) == (
        True,
        True,
    )
    # It waits at the payments desk, is asked for again, and goes out under a number of its own.
    assert await listed(desk, "refund") == [("refund_undone", "came_back", 300)]
    assert await listed(desk, "refund", desk.stranger) == []
    assert await desk.named() == {"refund_undone": 300}
    again = (await desk.post(desk.second, f"/refunds/{refund}/retry"))["refund_id"]
    assert await listed(desk, "refund") == [("bank_refund", "to_send", 300)]
    await sent(desk, again, "OUT2-0001", str(clock.today()))
    assert (await listed(desk, "refund"), await desk.named()) == ([], {})
    assert await balance(desk.database, "clearing", "bank") == order.total_fen - 601
    # It came back once; only what went out afterwards may come back now, and one row at a time says so.
    day = str(clock.today())
    await desk.bring(
        money("B0", 300, "退汇", day="2026-11-25"), money("B2", 300, "退汇", day=day), money("B3", 300, "退汇", day=day)
    )
    early, *rows = [await row_of(desk, serial) for serial in ("B0", "B2", "B3")]
    assert [ours["id"] for ours in rows[0]["may_be_ours"]] == [again]
    refused(
        await desk.answer(desk.importer, f"/bank-transfers/{rows[0]['id']}/came-back", body), 409, "cannot_come_back"
    )
    body["returned_id"] = again
    refused(await desk.answer(desk.importer, f"/bank-transfers/{early['id']}/came-back", body), 409, "cannot_come_back")
    answers = await asyncio.gather(
        *(desk.answer(desk.importer, f"/bank-transfers/{row['id']}/came-back", body) for row in rows)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    with pytest.raises(DBAPIError, match="permission denied"):
        async with desk.database.transaction() as session:
            await session.execute(text("DELETE FROM came_back"))


async def test_a_pay_back_that_came_back_is_an_advance_again_and_is_paid_back_again(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen + 500, code))
    made, share_id = await paid_back(desk, order, 500, "BACK-0001"), await desk.share_of(order)
    assert (await listed(desk, "held"), await desk.named()) == ([], {})
    await desk.bring(money("B1", 500, "退汇 账号有误", day="2026-11-24"))
    row = await row_of(desk, "B1")
    at, body = f"/bank-transfers/{row['id']}/came-back", {"kind": "pay_back", "returned_id": made} | WHY
    said = (await desk.post(desk.importer, at, body, status=201))["came_back_id"]
    refused(await desk.answer(desk.stranger, f"{at}/{said}/reject", WHY), 404, "not_found")
    refused(await desk.answer(desk.importer, f"{at}/{said}/reject", WHY), 409, "same_person")
    await desk.post(desk.second, f"{at}/{said}/reject", WHY)
    row = await row_of(desk, "B1")
    assert (row["state"], row["why_queued"], row["came_back"]) == ("queued", "came_back", None)
    assert await share_now(desk.database, share_id) == (order.total_fen, order.total_fen, "paid")
    said = (await desk.post(desk.second, at, body, status=201))["came_back_id"]
    await desk.post(desk.importer, f"{at}/{said}/confirm")
    assert await share_now(desk.database, share_id) == (order.total_fen, order.total_fen + 500, "overpaid")
    assert await balance(desk.database, "clearing", "bank") == order.total_fen + 500
    assert await balance(desk.database, "advance", share_id) == -500
    assert await one(
        desk,
        """SELECT n.kind, n.occurred_on::text, n.debit_account_id = w.credit_account_id,
            n.credit_account_id = w.debit_account_id, n.amount_fen
        FROM transfer n, transfer w WHERE n.id = :again AND w.id = :went""",
        again=transfer_id(f"bank:came_back:{said}"),
        went=transfer_id(f"bank:returned:{made}"),
    ) == ("undone", "2026-11-24", True, True, 500)
    assert await listed(desk, "held") == [("held", "overpaid", 500)]
    assert await desk.named() == {"payment_held": 500}
    await paid_back(desk, order, 500, "BACK-0002")
    assert (await listed(desk, "held"), await desk.named()) == ([], {})
    assert await desk.order_now(order) == ("confirmed", "paid")


async def came_back(desk: Desk, row: dict[str, Any], kind: str, returned: str) -> None:
    at, body = f"/bank-transfers/{row['id']}/came-back", {"kind": kind, "returned_id": returned} | WHY
    said = (await desk.post(desk.importer, at, body, status=201))["came_back_id"]
    await desk.post(desk.second, f"{at}/{said}/confirm")


async def undone(desk: Desk, row: dict[str, Any]) -> httpx.Response:
    why = {"reason": "认错了，退回来的是另一笔"}
    undoing = (await desk.post(desk.importer, f"/bank-transfers/{row['id']}/unmatch", why, status=201))["undoing_id"]
    refused(await desk.answer(desk.stranger, f"/bank-undoings/{undoing}/confirm"), 404, "not_found")
    return await desk.answer(desk.second, f"/bank-undoings/{undoing}/confirm")


async def test_who_named_the_wrong_refund_undoes_it_and_names_the_right_one(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen + 500, code))
    wrong, right = [await refunded(desk, order, 300, f"OUT{n}-0001") for n in (1, 2)]
    made = await paid_back(desk, order, 500, "BACK-0001")
    await desk.bring(money("B1", 300, "退汇", day="2026-11-24"), money("B2", 500, "退汇", day="2026-11-24"))
    refund_row, share_row = await row_of(desk, "B1"), await row_of(desk, "B2")
    left = order.total_fen - 600
    await came_back(desk, refund_row, "refund", wrong)
    assert (await grades(desk.database, order.id), await balance(desk.database, "clearing", "bank")) == (
        {"C": 1_700}, left + 300,
    )  # fmt: skip
    assert (await undone(desk, refund_row)).status_code == 200
    assert (await grades(desk.database, order.id), await balance(desk.database, "clearing", "bank")) == (
        {"C": 1_400}, left,
    )  # fmt: skip
    again = await one(desk, "SELECT state, provider_refund_id, amount_fen FROM refund WHERE retries_id = :id", id=wrong)
    assert again == ("succeeded", "bank:OUT1-0001", 300)
    assert (await listed(desk, "refund"), await desk.named()) == ([], {"bank_came_back": 500})
    refund_row = await row_of(desk, "B1")
    assert {ours["bank_reference"] for ours in refund_row["may_be_ours"]} == {"OUT1-0001", "OUT2-0001"}
    await came_back(desk, refund_row, "refund", right)
    assert (await desk.named())["refund_undone"] == 300
    # Sent again, it cannot have arrived the first time.
    await desk.post(desk.second, f"/refunds/{right}/retry")
    refused(await undone(desk, refund_row), 409, "cannot_come_back")
    # A pay-back there and back, as often as people err; used meanwhile, it stays where it is.
    share_id = await desk.share_of(order)
    for _ in range(2):
        await came_back(desk, share_row, "pay_back", made)
        assert (await share_now(desk.database, share_id))[1] == order.total_fen + 500
        assert (await desk.named())["payment_held"] == 500
        assert (await undone(desk, share_row)).status_code == 200
        assert (await share_now(desk.database, share_id))[1] == order.total_fen
        assert "payment_held" not in await desk.named()
    await came_back(desk, share_row, "pay_back", made)
    await paid_back(desk, order, 1, "BACK-0002")
    refused(await undone(desk, share_row), 409, "cannot_come_back")
    assert set(await desk.named()) == {"payment_held"}


async def test_what_the_bank_gave_back_for_the_provider_may_come_back_as_well(desk: Desk) -> None:
    who = await buyer(desk.database, works_at=desk.shop.branch)
    order = await placed(desk.database, who, {desk.shop.skus[0]: 2})
    sandbox, gateway = desk.app.state.sandbox, desk.app.state.gateway
    opened = await open_payment(desk.database, gateway, actor=who, order_id=order.id, method="stripe", now=clock.now())
    await sandbox.succeed(opened.payment_id)
    await sandbox.quiet()
    await handle_inbox(desk.database, gateway, now=clock.now())
    sandbox.let_refunds_fail(failing=True)
    asked = {"amount_fen": 300, "reason": "少了一点"}
    failed = (await desk.post(desk.importer, f"/orders/{order.id}/refunds", asked, status=201))["id"]
    await sandbox.quiet()
    await handle_inbox(desk.database, gateway, now=clock.now())
    for clerk in (desk.importer, desk.second):
        answer = await desk.answer(clerk, f"/refunds/{failed}/given-back", {"bank_reference": "OUT1-0001"} | WHY)
        assert answer.status_code in {200, 202}
    assert await both_clearings(desk) == (order.total_fen, -300)
    await desk.bring(money("B1", 300, "退汇", day=str(clock.today())))
    row = await row_of(desk, "B1")
    await came_back(desk, row, "refund", row["may_be_ours"][0]["id"])
    assert await both_clearings(desk) == (order.total_fen, 0)
    assert await grades(desk.database, order.id) == {"A": 2_000}
    assert await desk.named() == {"refund_undone": 300}


async def both_clearings(desk: Desk) -> tuple[int, int]:
    return await balance(desk.database, "clearing", "stripe"), await balance(desk.database, "clearing", "bank")


async def test_what_comes_for_a_share_that_owes_is_a_payment_like_any_other(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen + 500, code))
    made, refund = await paid_back(desk, order, 500, "BACK-0001"), await refunded(desk, order, 300, "OUT1-0001")
    await desk.bring(money("S1", -order.total_fen - 500, "冲正", day="2026-11-24"))
    (row,) = await desk.waiting()
    await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")
    assert await desk.named() == {"unpaid_again": 800}
    await desk.bring(money("B1", 500, "退汇", day="2026-11-25"), money("B2", 300, "退汇", day="2026-11-25"))
    for serial, kind, returned in (("B1", "pay_back", made), ("B2", "refund", refund)):
        row = await row_of(desk, serial)
        assert row["may_be_ours"] == []
        body = {"kind": kind, "returned_id": returned} | WHY
        answer = await desk.answer(desk.importer, f"/bank-transfers/{row['id']}/came-back", body)
        assert "付款份额" in refused(answer, 409, "cannot_come_back")["detail"]
        match = f"/bank-statements/{row['statement_id']}/match"
        shares = [{"payer_share_id": str(await desk.share_of(order))}]
        requested = {"transfer_id": row["id"], "shares": shares} | WHY
        proposal = (await desk.post(desk.importer, match, requested, status=201))["proposal_id"]
        await desk.post(desk.second, f"{match}/{proposal}/confirm")
    assert await desk.named() == {}


async def test_another_company_says_nothing_of_our_refunds(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    refund = await refunded(desk, order, 300, "OUT1-0001")
    company = await unit(desk.database, "OTHER")
    theirs = [await worker(desk.database, Role.STAFF, "unit", company) for _ in range(2)]
    row = money("B1", 300, "退汇 OUT1-0001", day="2026-11-24")
    await brought(desk.app, desk.database, theirs[0], icbc([row]))
    async with as_caller(desk.app, theirs[0]) as caller:
        (seen,) = (await caller.get("/api/v1/bank-transfers")).json()["items"]
    assert (seen["why_queued"], seen["may_be_ours"]) == ("came_back", [])
    at, body = f"/bank-transfers/{seen['id']}/came-back", {"kind": "refund", "returned_id": refund} | WHY
    refused(await desk.answer(theirs[0], at, body), 404, "not_found")
    refused(await desk.answer(desk.importer, at, body), 404, "not_found")  # nor we of their rows
    # Somebody of the whole shop may say it; their second person still may not let it happen.
    shops = await worker(desk.database, Role.STAFF, "all", "*")
    said = (await desk.post(shops, at, body, status=201))["came_back_id"]
    refused(await desk.answer(theirs[1], f"{at}/{said}/confirm"), 404, "not_found")
    assert (await one(desk, "SELECT state FROM refund"))[0] == "succeeded"


async def test_two_browsers_say_that_a_refund_came_back(desk: Desk) -> None:
    for email in ("one@desk.test", "two@desk.test"):
        await somebody(desk.database, email, Grant(Role.STAFF, "unit", str(desk.shop.bank)))
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    refund = await refunded(desk, order, 300, "OUT1-0001")
    await desk.bring(money("B1", 300, "退汇", day="2026-11-24"))
    at = f"/staff/bank/transfers/{(await row_of(desk, 'B1'))['id']}/came-back"
    async with (
        aclosing(await signed_in(desk.app, "one@desk.test")) as first,
        aclosing(await signed_in(desk.app, "two@desk.test")) as second,
    ):
        page = (await first.get("/staff/bank")).text
        assert f'action="{at}"' in page
        assert f'value="refund:{refund}"' in page
        typed = {"csrf_token": token(page), "returned": "refund:x", "back_reason": "电话核实过"}
        wrong = await first.post(at, data=typed)
        assert (wrong.status_code, 'value="电话核实过"' in wrong.text) == (422, True)
        assert (await first.post(at, data=typed | {"returned": f"refund:{refund}"})).status_code == 303
        said = (await row_of(desk, "B1"))["came_back"]["id"]
        assert "您提出的退汇要由另一位同事确认" in (await first.get("/staff/bank")).text
        page = (await second.get("/staff/bank")).text
        assert "退汇，没有送到：" in page
        for do in ("reject", "confirm"):
            done = await second.post(f"{at}/{said}", data={"csrf_token": token(page), "do": do, "reason": ""})
            assert done.status_code == (422 if do == "reject" else 303), "a reason is asked for"
        page = (await first.get("/staff/bank")).text
        assert f'action="{at.removesuffix("came-back")}unmatch"' in page, "who erred undoes it from here"
        assert "OUT1-0001" in page
    assert await listed(desk, "refund") == [("refund_undone", "came_back", 300)]
