"""A statement is what somebody brought: it moves nothing until another person confirms it, and proves nothing alone."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.identity import identities
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.banking import Row, accepted, as_csv, brought, grades, icbc, proven, share, share_now
from tests.make.caller import as_caller, refused
from tests.make.evidence import PDF, colleague, worker
from tests.make.units import unit

pytestmark = pytest.mark.anyio
HEADER = ["本方账号", "交易日期", "交易流水号", "对方户名", "对方账号", "贷方发生额", "附言"]
OWN = "1001200130024004"
REFUSED = {"reason": "不是银行导出的文件"}


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


def exported(serial: str, fen: int, remark: str, *, own: str = OWN, more: str = "") -> bytes:
    row = [own, "20261120", serial, "测试付款人（虚构）", "", f"{fen / 100:.2f}", remark]
    return as_csv([HEADER, row]).encode() + more.encode()


async def bring(desk: Desk, by: Actor, data: bytes) -> dict[str, Any]:
    async with as_caller(desk.app, by) as caller:
        answer = await caller.post("/api/v1/bank-statements", files={"file": ("a.csv", data)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def receipt(desk: Desk, by: Actor, statement_id: str, **said: object) -> httpx.Response:
    async with as_caller(desk.app, by) as caller:
        kept = (await caller.post("/api/v1/evidence", files={"file": ("回单.pdf", PDF)})).json()
        body = {"transfer_id": str(await desk.receipt("S1")), "sha256": kept["sha256"], "account": OWN}
        body |= {"day": "2026-11-20", "serial_number": "S1"} | said
        return await caller.post(f"/api/v1/bank-statements/{statement_id}/receipts", json=body)


async def test_a_typed_csv_with_the_code_of_one_s_own_order_pays_nothing(desk: Desk) -> None:
    """Until 2026-11 it was paid, credited, and grade A."""
    _, order, code = await desk.ordered()
    done = await bring(desk, desk.importer, icbc([money("S1", order.total_fen, code)]))
    assert (done["state"], done["rows_taken"]) == ("imported", 1)
    assert await desk.order_now(order) == ("placed", "pending")
    assert await desk.waiting() == []
    confirm = f"/bank-statements/{done['statement_id']}/confirm"
    refused(await desk.answer(desk.importer, confirm), 409, "same_person")
    assert await desk.order_now(order) == ("placed", "pending")
    assert await desk.named() == {"statement_waits": order.total_fen}
    await desk.post(desk.second, confirm)
    assert await desk.order_now(order) == ("confirmed", "paid")
    assert await grades(desk.database, order.id) == {"C": 2_000}, "a file is no bank's record"
    refused(await desk.answer(desk.second, confirm), 409, "statement_decided")
    assert await desk.named() == {}


async def test_strangers_neither_see_nor_decide_a_statement(desk: Desk) -> None:
    other = await worker(desk.database, Role.STAFF, "unit", await unit(desk.database, "OTHER"))
    done = await bring(desk, desk.importer, icbc([money("S1", 500)]))
    at = f"/bank-statements/{done['statement_id']}"
    for stranger in (desk.stranger, other):
        refused(await desk.answer(stranger, f"{at}/confirm"), 404, "not_found")
        refused(await desk.answer(stranger, f"{at}/refuse", REFUSED), 404, "not_found")
        async with as_caller(desk.app, stranger) as caller:
            refused(await caller.get(f"/api/v1{at}"), 404, "not_found")
            assert (await caller.get("/api/v1/bank-statements")).json()["items"] == []
    async with as_caller(desk.app, desk.second) as caller:
        (seen,) = (await caller.get("/api/v1/bank-statements")).json()["items"]
    assert (seen["id"], seen["total_fen"]) == (done["statement_id"], 500)


async def test_what_confirming_would_do_is_shown_row_by_row_and_then_happens(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await desk.bring(money("S0", 700, "货款"), money("S3", 800, "货款"))
    rows = [money("S0", 700, "货款"), money("S1", order.total_fen, code), money("S3", 801), money("S2", -5, "冲正")]
    done = await bring(desk, desk.importer, icbc(rows))
    async with as_caller(desk.app, desk.second) as caller:
        seen = (await caller.get(f"/api/v1/bank-statements/{done['statement_id']}")).json()
    assert [row["becomes"] for row in seen["planned"]] == ["known", "matched", "conflict", "taken_back"]
    (paid,) = seen["planned"][1]["shares"]
    assert (paid["order_number"], paid["fen"]) == (order.number, order.total_fen)
    assert (seen["rows_read"], seen["incoming"], seen["transfers"]) == (4, 4, [])
    confirmed = await desk.post(desk.second, f"/bank-statements/{done['statement_id']}/confirm")
    assert {key: confirmed[key] for key in ("known", "fresh", "matched", "conflicts", "taken_back")} == {
        "known": 1, "fresh": 3, "matched": 1, "conflicts": 1, "taken_back": 1,
    }  # fmt: skip


async def test_a_refused_statement_leaves_nothing_and_may_be_brought_again(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    data = icbc([money("S1", order.total_fen, code)])
    done = await bring(desk, desk.importer, data)
    at = f"/bank-statements/{done['statement_id']}"
    refused(await desk.answer(desk.second, f"{at}/refuse", {"reason": " "}), 422, "invalid")
    await desk.post(desk.second, f"{at}/refuse", REFUSED)
    refused(await desk.answer(desk.second, f"{at}/confirm"), 409, "statement_decided")
    assert await desk.order_now(order) == ("placed", "pending")
    async with desk.database.reading() as session:
        for table in ("bank_transfer", "bank_statement_row"):
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # our own names
    again = await bring(desk, desk.importer, data)
    assert (again["repeated"], again["statement_id"] != done["statement_id"]) == (False, True)
    await desk.post(desk.importer, f"/bank-statements/{again['statement_id']}/refuse", REFUSED)  # his own mistake
    third = await bring(desk, desk.second, data)
    await desk.post(desk.importer, f"/bank-statements/{third['statement_id']}/confirm")
    assert await desk.order_now(order) == ("confirmed", "paid")


async def test_a_second_export_of_another_person_makes_it_the_banks_record(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    fen = order.total_fen
    first = await brought(desk.app, desk.database, desk.importer, exported("S1", fen, code))
    same = await brought(desk.app, desk.database, desk.importer, exported("S1", fen, code, more="\r\n"))
    assert (first["matched"], same["known"], same["proven"]) == (1, 1, 0), "the same person's again proves nothing"
    other_account = await brought(desk.app, desk.database, desk.second, exported("S1", fen, "货款", own="99990000"))
    assert (other_account["fresh"], other_account["proven"]) == (1, 0)
    assert await grades(desk.database, order.id) == {"C": 2_000}
    second = await brought(desk.app, desk.database, desk.second, exported("S1", fen, code, more="\r\n\r\n"))
    assert (second["known"], second["proven"]) == (1, 1)
    assert await grades(desk.database, order.id) == {"A": 2_000}
    async with desk.database.reading() as session:
        days = await session.execute(text("SELECT DISTINCT occurred_on, sale_on FROM credit_entry"))
        assert len(days.all()) == 1, "amount and day stay"


async def test_the_banks_receipt_makes_it_its_record_where_everything_agrees(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    fen = order.total_fen
    done = await brought(desk.app, desk.database, desk.importer, exported("S1", fen, code))
    at = done["statement_id"]
    refused(await receipt(desk, desk.importer, at, amount_fen=fen), 409, "same_person")
    refused(await receipt(desk, desk.stranger, at, amount_fen=fen), 404, "not_found")
    wrong = {"amount_fen": fen + 1, "account": "99990000", "day": "2026-11-21", "serial_number": "S2"}
    problem = refused(await receipt(desk, desk.second, at, **wrong), 422, "receipt_differs")
    assert [one["pointer"] for one in problem["errors"]] == ["/account", "/day", "/serial_number", "/amount_fen"]
    somebody_s = {"amount_fen": fen, "sha256": "0" * 64}
    refused(await receipt(desk, desk.second, at, **somebody_s), 422, "evidence_unknown")
    assert await grades(desk.database, order.id) == {"C": 2_000}
    assert (await receipt(desk, desk.second, at, amount_fen=fen)).status_code == 201
    assert await grades(desk.database, order.id) == {"A": 2_000}
    refused(await receipt(desk, desk.second, at, amount_fen=fen), 409, "already_proven")


async def test_a_share_is_proven_when_every_transfer_that_pays_it_is(desk: Desk) -> None:
    of = await share(desk.database, desk.shop, due_fen=1_000)
    await accepted(desk.database, of, owed_fen=1_000)
    name = of.payer_name
    await desk.bring(Row("S1", "4.00", of.transfer_code, name=name))
    await proven(desk.app, desk.database, desk.importer)
    await desk.bring(Row("S2", "6.00", of.transfer_code, name=name))
    assert await share_now(desk.database, of.id) == (1_000, 1_000, "paid")
    assert await grades(desk.database, of.order_id) == {"B": 1_000}
    await proven(desk.app, desk.database, desk.importer)
    assert await grades(desk.database, of.order_id) == {"A": 1_000}
    # What is taken back and paid again by a transfer without a proof stands on its papers again.
    await desk.bring(Row("S2", "-6.00", "冲正", name=name, day="2026-11-24"))
    (row,) = await desk.waiting()
    await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")
    await desk.bring(Row("S3", "6.00", of.transfer_code, name=name, day="2026-11-25"))
    assert await grades(desk.database, of.order_id) == {"B": 1_000}
    async with desk.database.snapshot() as session:
        laws = {one.code: one.holds for one in await identities(session)}
    assert (laws["unproven"], laws["transfers"], laws["receipts"]) == (True, True, True)


async def test_a_receipt_is_brought_on_the_page_and_what_was_typed_is_kept(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    await brought(desk.app, desk.database, desk.importer, exported("S1", order.total_fen, code))
    third = await colleague(desk.database, desk.importer)
    async with as_caller(desk.app, third) as browser:
        page = await browser.get("/staff/bank")
        assert "只有一份流水" in page.text
        action = re.search(r'action="(/staff/bank/statements/[^"]+/receipts/[^"]+)"', page.text)
        assert action
        said = {"account": OWN, "day": "2026-11-20", "serial_number": "S1", "yuan": "1.00"}
        wrong = await browser.post(action[1], data=said, files={"file": ("回单.pdf", PDF)})
        assert (wrong.status_code, "金额不同" in wrong.text, "已保存，不用再选" in wrong.text) == (422, True, True)
        kept = re.search(r'name="kept_sha256" value="([0-9a-f]{64})"', wrong.text)
        assert kept
        right = said | {"yuan": f"{order.total_fen / 100:.2f}", "kept_sha256": kept[1]}
        assert (await browser.post(action[1], data=right)).status_code == 303
        assert "银行凭证已核对" in (await browser.get("/staff/bank")).text
    assert await grades(desk.database, order.id) == {"A": 2_000}
