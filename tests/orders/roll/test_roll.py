"""Who took the goods: through the door, as the receiver, the buyer and strangers."""

import asyncio
import csv
import io

import httpx
import pytest
from fastapi import FastAPI
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from orders.roll.paper import page_digest, qr_text, read_qr
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.browser import browser_of
from tests.make.bulk import Desk, Plan, _officer, a_desk, one, stands
from tests.make.caller import as_caller, refused
from tests.make.catalogue import rows
from tests.make.evidence import JPEG, PDF
from tests.make.roll import a_roll
from tests.make.units import unit

pytestmark = pytest.mark.anyio

OUTCOMES = "SELECT outcome, count(*)::int FROM roll_row GROUP BY 1 ORDER BY 1"


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await a_desk(database, members=6)


@pytest.fixture
async def plan(desk: Desk) -> Plan:
    return await a_roll(desk)


def url(plan: Plan, more: str = "") -> str:
    return f"/api/v1/bulk-purchases/{plan.id}/roll{more}"


@pytest.fixture
async def receiver(app: FastAPI, desk: Desk) -> httpx.AsyncClient:
    return as_caller(app, desk.receivers[0])


async def test_rows_are_the_members_of_the_day_by_department(receiver: httpx.AsyncClient, plan: Plan) -> None:
    roll = (await receiver.get(url(plan))).json()
    assert (roll["members"], roll["open"], roll["pages"]) == (6, 6, 4)
    assert [(row["page"], row["line"]) for row in roll["items"]] == sorted(
        (r["page"], r["line"]) for r in roll["items"]
    )
    places = {(row["unit"], row["department"]): row["page"] for row in roll["items"]}
    assert sorted(places.values()) == [1, 2, 3, 4]
    assert {row["name"] for row in roll["items"]} == {"会*"}
    first = (await receiver.get(url(plan), params={"limit": 4})).json()
    rest = (await receiver.get(url(plan), params={"limit": 4, "cursor": first["next_cursor"]})).json()
    assert first["items"] + rest["items"] == roll["items"]
    assert rest["next_cursor"] is None


async def test_a_late_joiner_gets_a_page_of_his_own_and_printed_pages_stay(
    receiver: httpx.AsyncClient, plan: Plan, database: Database
) -> None:
    before = (await receiver.get(url(plan))).json()["items"]
    person = new_id()
    async with database.transaction() as session:
        named = {"p": person, "id": plan.id, "unit": plan.desk.branches[0], "now": clock.now()}
        await session.execute(text("INSERT INTO person (id, name, created_at) VALUES (:p, '迟到', :now)"), named)
        await session.execute(
            text("""
            INSERT INTO bulk_member (purchase_id, person_id, position, name, unit_id, department)
            VALUES (:id, :p, 0, '迟到', :unit, '部门1')
            """),
            named,
        )
    after = (await receiver.get(url(plan))).json()["items"]
    assert after[:6] == before
    assert (after[6]["person_id"], after[6]["page"]) == (str(person), 5)


async def test_each_way_of_taking_is_recorded_and_unsigned_rows_are_listed(
    receiver: httpx.AsyncClient, plan: Plan, database: Database
) -> None:
    signed = [
        {"outcome": "self", "staff_number": "S1"},
        {"outcome": "proxy", "staff_number": "S2", "proxy_name": "邻座同事"},
        {"outcome": "posted", "person_id": str(plan.desk.members[2]), "waybill": "SF1234567890"},
        {"outcome": "refused", "staff_number": "S4", "note": "不需要"},
        {"outcome": "not_reached", "staff_number": "S5"},
    ]
    done = await receiver.post(url(plan, "/signatures"), json={"signatures": signed})
    assert (done.status_code, done.json()) == (200, {"changed": 5, "open": 2}), done.text
    again = await receiver.post(url(plan, "/signatures"), json={"signatures": signed})
    assert again.json() == {"changed": 0, "open": 2}
    roll = (await receiver.get(url(plan))).json()
    assert roll["counts"] == {"self": 1, "proxy": 1, "posted": 1, "refused": 1, "not_reached": 1}
    by_number = {row["staff_number"]: row for row in roll["items"]}
    assert by_number["S2"]["proxy_name"] == "邻*"
    assert "邻座同事" not in str(roll)
    # Nobody was reached, and nobody says why: still open, as the row that nobody touched.
    still = (await receiver.get(url(plan), params={"open": "true"})).json()["items"]
    assert sorted(row["staff_number"] for row in still) == ["S5", "S6"]
    refused(await receiver.post(url(plan, "/finish")), 409, "roll_open")
    assert await stands(plan) == "accepted"
    rest = [
        {"outcome": "not_reached", "staff_number": "S5", "note": "出国，年后补发"},
        {"outcome": "self", "page": by_number["S6"]["page"], "line": by_number["S6"]["line"]},
    ]
    assert (await receiver.post(url(plan, "/signatures"), json={"signatures": rest})).json()["open"] == 0
    assert (await receiver.post(url(plan, "/finish"))).json() == {"state": "distributed"}
    assert (await receiver.post(url(plan, "/finish"))).json() == {"state": "distributed"}
    assert await stands(plan) == "distributed"
    told = str(await rows(database, "SELECT after, before FROM audit_event WHERE action = 'roll.signed'"))
    assert "邻座" not in told


async def test_a_signature_that_says_too_little_changes_nothing(
    receiver: httpx.AsyncClient, plan: Plan, database: Database
) -> None:
    signed = [
        {"outcome": "self", "staff_number": "S1"},
        {"outcome": "proxy", "staff_number": "S2"},
        {"outcome": "posted", "staff_number": "S3"},
        {"outcome": "self", "staff_number": "NOBODY"},
        {"outcome": "self"},
        {"outcome": "self", "staff_number": "S4", "signed_on": "2099-01-01"},
    ]
    problem = refused(
        await receiver.post(url(plan, "/signatures"), json={"signatures": signed}), 422, "signature_wrong"
    )
    assert sorted(one["pointer"] for one in problem["errors"]) == [
        "/signatures/1/proxy_name", "/signatures/2/waybill", "/signatures/3", "/signatures/4", "/signatures/5/signed_on"
    ]  # fmt: skip
    assert await rows(database, OUTCOMES) in ([], [(None, 6)])


async def test_no_roll_before_the_order_and_no_pen_after_the_archive(
    app: FastAPI, desk: Desk, receiver: httpx.AsyncClient
) -> None:
    early = await a_roll(desk, state="approved")
    refused(await receiver.get(url(early)), 409, "roll_too_early")
    done = await a_roll(desk, state="archived")
    signed = {"signatures": [{"outcome": "self", "staff_number": "S1"}]}
    assert (await receiver.get(url(done))).status_code == 200
    refused(await receiver.post(url(done, "/signatures"), json=signed), 409, "roll_closed")


async def test_a_branch_signs_its_own_rows_and_strangers_none(
    app: FastAPI, desk: Desk, plan: Plan, database: Database
) -> None:
    branch = await _officer(database, Role.UNION_RECEIVER, desk.branches[1])
    own, foreign = str(desk.members[1]), str(desk.members[0])
    async with as_caller(app, branch) as caller:
        roll = (await caller.get(url(plan))).json()
        assert (roll["members"], {row["person_id"] for row in roll["items"]}) == (
            3,
            {str(desk.members[n]) for n in (1, 3, 5)},
        )
        sign = {"signatures": [{"outcome": "self", "person_id": foreign}]}
        refused(await caller.post(url(plan, "/signatures"), json=sign), 422, "signature_wrong")
        sign["signatures"][0]["person_id"] = own
        assert (await caller.post(url(plan, "/signatures"), json=sign)).json() == {"changed": 1, "open": 2}
        refused(await caller.post(url(plan, "/finish")), 404, "not_found")
    stranger = await _officer(database, Role.UNION_RECEIVER, await unit(database, "ELSE"))
    async with as_caller(app, stranger) as caller:
        for answer in (
            await caller.get(url(plan)),
            await caller.get(url(plan), params={"format": "csv"}),
            await caller.post(url(plan, "/signatures"), json=sign),
        ):
            refused(answer, 404, "not_found")
    async with as_caller(app, desk.approvers[0]) as caller:
        assert (await caller.post(url(plan, "/signatures"), json=sign)).status_code == 403
    assert await rows(database, OUTCOMES) == [("self", 1), (None, 5)]


async def test_a_private_package_is_on_no_roll(app: FastAPI, desk: Desk) -> None:
    lines = [{"sku_id": desk.shop.box, "pieces": 1}]
    open_plan = await a_roll(desk, packages=[{"name": "甲套餐", "lines": lines}, {"name": "乙套餐", "lines": lines}])
    private = await a_roll(
        desk, packages=[{"name": "甲套餐", "lines": lines}, {"name": "清真套餐", "is_private": True, "lines": lines}]
    )
    async with as_caller(app, desk.clerk) as caller:
        assert "甲套餐" in (await caller.get(url(open_plan), params={"format": "csv"})).text
        assert "套餐," in (found := (await caller.get(url(private), params={"format": "csv"})).text)
        assert "甲套餐" not in found
        assert "清真" not in found


async def test_csv_and_xlsx_have_every_row_masked_and_are_noted(
    receiver: httpx.AsyncClient, plan: Plan, database: Database
) -> None:
    sheet = await receiver.get(url(plan), params={"format": "csv"})
    table = list(csv.reader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
    assert (len(table), table[0][:6]) == (7, ["单位", "部门", "页", "行", "工号", "姓名"])
    assert {row[5] for row in table[1:]} == {"会*"}
    book = await receiver.get(url(plan), params={"format": "xlsx"})
    cells = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python()
    assert [[str(cell).removesuffix(".0") for cell in row] for row in cells] == table
    noted = await rows(
        database, "SELECT after->>'format', after->>'people' FROM audit_event WHERE action = 'roll.exported'"
    )
    assert sorted(noted) == [("csv", "6"), ("xlsx", "6")]


async def test_a_scan_returns_to_its_page_and_to_no_other(
    app: FastAPI, desk: Desk, plan: Plan, receiver: httpx.AsyncClient, database: Database
) -> None:
    other = await a_roll(desk)
    kept = await receiver.post(
        "/api/v1/evidence", files={"file": ("p.jpg", JPEG)}, data={"unit_id": str(desk.shop.bank)}
    )
    sha = kept.json()["sha256"]
    roll = (await receiver.get(url(plan))).json()["items"]
    people = [row["person_id"] for row in roll if row["page"] == 2]
    digest = page_digest(plan.id, 2, people)
    code = qr_text("http://shop.test", plan.id, 2, digest)
    assert read_qr(code) == (plan.id, 2, digest)
    for _ in range(2):
        placed = await receiver.post(url(plan, "/scans"), json={"qr": code, "evidence_sha256": sha})
        assert (placed.status_code, placed.json()) == (200, {"page": 2}), placed.text
    assert [(one["page"], one["evidence_sha256"]) for one in (await receiver.get(url(plan))).json()["scans"]] == [
        (2, sha)
    ]
    for wrong in ("nonsense", code.replace(digest, "0" * 16), code.replace("pages/2?", "pages/9?")):
        refused(
            await receiver.post(url(plan, "/scans"), json={"qr": wrong, "evidence_sha256": sha}), 422, "scan_misplaced"
        )
    refused(await receiver.post(url(other, "/scans"), json={"qr": code, "evidence_sha256": sha}), 422, "scan_misplaced")
    unknown = {"qr": code, "evidence_sha256": "0" * 64}
    refused(await receiver.post(url(plan, "/scans"), json=unknown), 404, "not_found")
    assert await rows(database, "SELECT count(*) FROM roll_scan") == [(1,)]


async def test_what_is_left_over_has_minutes_and_is_not_more_than_was_bought(
    desk: Desk, plan: Plan, receiver: httpx.AsyncClient, database: Database
) -> None:
    kept = await receiver.post(
        "/api/v1/evidence", files={"file": ("m.pdf", PDF)}, data={"unit_id": str(desk.shop.bank)}
    )
    left = {
        "sku_id": str(desk.shop.box), "pieces": 2, "decision": "转送困难职工", "minutes_sha256": kept.json()["sha256"],
    }  # fmt: skip
    path, key = url(plan, "/leftovers"), {"idempotency-key": "left-1"}
    first = await receiver.post(path, json=left, headers=key)
    assert first.status_code == 201, first.text
    assert (await receiver.post(path, json=left, headers=key)).json() == first.json()
    second = {"idempotency-key": "left-2"}
    refused(await receiver.post(path, json=left | {"pieces": 5}, headers=second), 422, "leftover_too_many")
    refused(await receiver.post(path, json=left | {"minutes_sha256": "0" * 64}, headers=second), 404, "not_found")
    assert [(one["pieces"], one["decision"]) for one in (await receiver.get(url(plan))).json()["leftovers"]] == [
        (2, "转送困难职工")
    ]
    assert await rows(database, "SELECT count(*) FROM roll_leftover") == [(1,)]


async def test_two_first_looks_at_once_draw_one_roll(app: FastAPI, plan: Plan, database: Database) -> None:
    async with as_caller(app, plan.desk.clerk) as caller:
        answers = await asyncio.gather(*(caller.get(url(plan)) for _ in range(3)))
    assert len({answer.text for answer in answers}) == 1
    assert await one(plan, "SELECT count(*) FROM roll_row WHERE purchase_id = :id") == 6


async def test_the_page_records_scans_and_keeps_what_was_typed(
    app: FastAPI, desk: Desk, plan: Plan, database: Database
) -> None:
    browser = await browser_of(app, database, desk.receivers[0])
    path = f"/union/purchases/{plan.id}/roll"
    page = await browser.open(path)
    assert "还有 6 行没签" in page.words
    page = await browser.send(path, who="S2", outcome="proxy")
    assert (page.status, page.forms[path]["who"], page.forms[path]["outcome"]) == (422, "S2", "proxy")
    page = await browser.send(path, who="S2", outcome="proxy", proxy_name="邻座")
    assert "还有 5 行没签" in page.words
    page = await browser.open(f"{path}/pages/1")
    assert "会*" in page.words
    page = await browser.send(f"{path}/pages/1")
    assert "未签" not in page.words
    form = page.forms[f"{path}-scans"]
    sent = await browser.client.post(f"{path}-scans", data=form, files={"file": ("p.jpg", JPEG)})
    assert str(sent.url).endswith("/roll/pages/1")
    assert "第 1 页" in sent.text
    assert "纸上的二维码与这一页不符" in (await browser.open(f"{path}/pages/1?d={'0' * 16}")).words
    assert (await browser.open(f"{path}/pages/99")).status == 404
    page = await browser.open(path)
    form = page.forms[f"{path}-leftovers"] | {"pieces": "0", "decision": "转送"}
    wrong = await browser.client.post(f"{path}-leftovers", data=form, files={"file": ("m.pdf", PDF)})
    assert "大于 0 的整数" in wrong.text
    right = await browser.client.post(f"{path}-leftovers", data=form | {"pieces": "1"}, files={"file": ("m.pdf", PDF)})
    assert "转送" in right.text
    assert (await browser.client.get(f"{path}/csv")).headers["content-type"].startswith("text/csv")
    await browser.close()
