"""A month's filing round through its door: who may do what, in which order, and what comes later."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from orders.credit.record import Recognised, record
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.caller import refused
from tests.make.credit import Sale, enter
from tests.make.filing import AS_TEXT, FIRST, MONTH, Bank, a_bank
from tests.make.people import bearer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bank(client: httpx.AsyncClient, database: Database) -> Bank:
    return await a_bank(client, database)


def sold(bank: Bank, fen: int, branch: int = 0, **facts: object) -> Sale:
    return Sale(on=FIRST, fen=fen, path=[bank.branches[branch], bank.head], **facts)  # type: ignore[arg-type]


async def test_a_round_has_one_empty_filing_for_each_branch_of_the_day(bank: Bank) -> None:
    opened = await bank.open()
    board = await bank.board(opened)
    assert [(one["unit"]["name"], one["state"]) for one in board["branches"]] == [
        (f"B{n:02}（虚构）", "waiting") for n in range(3)
    ]
    assert board["counts"] == {"waiting": 3, "confirmed": 0, "sent_back": 0, "signed": 0}
    assert board["complete"] is False
    again = {"month": AS_TEXT, "unit": str(bank.head)}
    headers = bank.asks | {"Idempotency-Key": "again"}
    refused(await bank.http.post("/api/v1/filings", json=again, headers=headers), 409, "round_exists")
    later = f"{clock.today() + timedelta(days=40):%Y-%m}"
    headers = bank.asks | {"Idempotency-Key": "later"}
    answer = await bank.http.post("/api/v1/filings", json=again | {"month": later}, headers=headers)
    refused(answer, 409, "month_ahead")


async def test_the_figure_is_the_branchs_own_report_and_another_person_signs_it(bank: Bank) -> None:
    await enter(
        bank.database,
        sold(bank, 1_000),
        sold(bank, 250, kind="assisted_sale"),
        sold(bank, 70, grade="D"),
        sold(bank, 9, reason="donated"),
        sold(bank, 5_000, branch=1),
        Sale(on=FIRST, fen=33, path=[bank.head]),
    )
    opened = await bank.open()
    one = await bank.confirmed(opened)
    assert (one["direct_purchase_fen"], one["assisted_sale_fen"], one["credited_fen"]) == (1_000, 250, 1_250)
    assert (one["unverified_fen"], one["not_counted_fen"], one["preparer"]) == (70, 9, "first（虚构）")
    assert (await bank.http.get(f"/verify/{one['report_digest'][:16]}")).status_code == 200
    body = {"digest": one["report_digest"]}
    refused(await bank.act(opened, "sign", body, who=bank.first), 409, "second_person_needed")
    refused(await bank.act(opened, "sign", {"digest": "0" * 64}, who=bank.second), 409, "figure_changed")
    signed = (await bank.act(opened, "sign", body, who=bank.second)).json()
    assert (signed["state"], signed["signer"]) == ("signed", "second（虚构）")
    refused(await bank.act(opened, "sign", body, who=bank.second), 409, "filing_state")
    refused(await bank.act(opened, "confirm", who=bank.first), 409, "filing_state")
    board = await bank.board(opened)
    assert (board["signed_fen"], board["credited_fen"], board["own_fen"]) == (1_250, 1_250, 33)
    assert [step["kind"] for step in signed["steps"]] == ["confirmed", "signed"]


async def test_nil_is_refused_where_the_month_has_figures(bank: Bank) -> None:
    await enter(bank.database, sold(bank, 1_000))
    opened = await bank.open()
    refused(await bank.act(opened, "confirm", {"nil": True}, who=bank.first), 409, "not_nil")
    nil = (await bank.act(opened, "confirm", {"nil": True}, who=bank.other, branch=1)).json()
    assert (nil["state"], nil["is_nil"], nil["credited_fen"]) == ("confirmed", True, 0)


async def test_branches_are_chased_and_sent_back_with_a_reason_by_who_asked(bank: Bank) -> None:
    opened = await bank.open()
    chased = (await bank.act(opened, "chase", {"words": "请于周五前完成"}, who=bank.asks)).json()
    assert (chased["chased"], chased["state"]) == (1, "waiting")
    refused(await bank.act(opened, "send-back", {"reason": "还没报"}, who=bank.asks), 409, "filing_state")
    await bank.confirmed(opened)
    refused(await bank.act(opened, "send-back", {"reason": "自己退"}, who=bank.first), 404, "not_found")
    assert (await bank.act(opened, "send-back", {}, who=bank.asks)).status_code == 422
    back = (await bank.act(opened, "send-back", {"reason": "食堂数未计"}, who=bank.asks)).json()
    assert (back["state"], back["reason"]) == ("sent_back", "食堂数未计")
    assert (await bank.signed(opened))["state"] == "signed"
    refused(await bank.act(opened, "chase", {}, who=bank.asks), 409, "filing_state")
    assert (await bank.act(opened, "send-back", {"reason": "重报"}, who=bank.asks)).json()["signer"] is None
    async with bank.database.reading() as session:
        noted = await session.execute(text("SELECT action, reason FROM audit_event WHERE action LIKE 'filing.%'"))
        actions = [tuple(row) for row in noted]
    assert ("filing.sent_back", "食堂数未计") in actions
    assert {"filing.open", "filing.chased", "filing.confirmed", "filing.signed"} <= {name for name, _ in actions}


async def test_what_comes_after_the_signature_is_a_difference_that_the_bridge_explains(bank: Bank) -> None:
    sale = sold(bank, 1_000)
    await enter(bank.database, sale)
    opened = await bank.open()
    await bank.signed(opened)
    assert (await bank.board(opened))["difference_fen"] == 0
    await enter(bank.database, sold(bank, 400))
    async with bank.database.transaction() as session:
        await record(
            session, [Recognised("refund", new_id(), sale.id, -150, 0, -100, FIRST, FIRST, "A")], now=clock.now()
        )
    board = await bank.board(opened)
    assert (board["credited_fen"], board["difference_fen"]) == (1_000, 250)
    there = f"/api/v1/filings/{opened}/branches/{bank.branches[0]}"
    one = (await bank.http.get(there, headers=bank.first)).json()
    assert [(cause["cause"], cause["credited_fen"]) for cause in one["causes"]] == [
        ("late_rows", 400), ("refunds", -150),
    ]  # fmt: skip
    assert (one["difference_fen"], one["unexplained_fen"], one["credited_fen"]) == (250, 0, 1_000)


async def test_a_branch_sees_its_own_filing_and_nobody_elses(bank: Bank) -> None:
    opened = await bank.open()
    own = await bank.board(opened, who=bank.other)
    assert [one["unit"]["id"] for one in own["branches"]] == [str(bank.branches[1])]
    there = f"/api/v1/filings/{opened}/branches/{bank.branches[0]}"
    refused(await bank.http.get(there, headers=bank.other), 404, "not_found")
    refused(await bank.act(opened, "confirm", who=bank.other), 404, "not_found")
    stranger = await a_stranger(bank)
    refused(await bank.http.get(f"/api/v1/filings/{opened}", headers=stranger), 404, "not_found")
    assert (await bank.http.get("/api/v1/filings", headers=stranger)).json()["items"] == []
    assert len((await bank.http.get("/api/v1/filings", headers=bank.other)).json()["items"]) == 1


async def a_stranger(bank: Bank) -> dict[str, str]:
    from shop.access.permissions import Grant, Role  # noqa: PLC0415
    from tests.make.people import somebody  # noqa: PLC0415
    from tests.make.units import unit  # noqa: PLC0415

    elsewhere = await unit(bank.database, "ELSE")
    await somebody(bank.database, "stranger@example.com", Grant(Role.STAFF, "unit", str(elsewhere)))
    return await bearer(bank.http, "stranger@example.com")


async def test_closing_the_month_lists_the_branches_that_have_not_signed(bank: Bank) -> None:
    opened = await bank.open()
    await bank.signed(opened)
    answer = await bank.http.post(f"/api/v1/periods/{AS_TEXT}/close", headers=bank.asks)
    assert answer.status_code == 200, answer.text
    assert answer.json()["was_open"]["filings_unsigned"] == 2
    assert clock.month_of(FIRST) == MONTH


async def test_the_board_shows_forty_branches_at_a_glance(client: httpx.AsyncClient, database: Database) -> None:
    bank = await a_bank(client, database, branches=40)
    await enter(database, *(sold(bank, 100 + n, n) for n in range(40)))
    opened = await bank.open()
    await bank.signed(opened)
    page = await client.get(f"/staff/filings/{opened}", headers=bank.asks)
    assert page.status_code == 200
    assert page.text.count('class="tile ') == 40
    assert page.text.count('class="tile signed"') == 1
    assert "1 / 40" in page.text
    assert (await client.get("/staff/filings", headers=bank.asks)).status_code == 200
    branch = await client.get(f"/staff/filings/{opened}/{bank.branches[0]}", headers=bank.asks)
    assert branch.status_code == 200
    assert "second（虚构）" in branch.text
