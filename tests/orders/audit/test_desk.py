"""What an auditor sees and does: a mandate's lines under pseudonyms, baskets on a reason, samples, questions."""

import json
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import httpx
import pytest
from sqlalchemy import text

from orders.seal.key import seal_key
from orders.seal.seal import seal_new
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.caller import refused
from tests.make.mandate import LETTER, TODAY, Desk, a_desk
from tests.make.people import bearer, somebody
from tests.make.units import unit

pytestmark = pytest.mark.anyio
OFFERED = 'href="/api/v1/credit/export"'
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
async def desk(client: httpx.AsyncClient, database: Database) -> Desk:
    return await a_desk(client, database)


async def test_without_a_mandate_nobody_sees_lines(desk: Desk) -> None:
    refused(await desk.http.get("/api/v1/audit/lines", headers=desk.auditor), 403, "no_mandate")
    refused(await desk.http.get("/api/v1/audit/lines", headers=desk.staff), 403, "no_mandate")
    await desk.mandated(valid_from=TODAY - timedelta(days=9), valid_to=TODAY)
    refused(await desk.http.get("/api/v1/audit/lines", headers=desk.auditor), 403, "no_mandate")


async def test_only_an_administrator_registers_a_mandate_and_not_for_himself(desk: Desk) -> None:
    body = {
        "auditor": "staff@example.com", "unit_ids": [str(desk.bank)], "covers_from": "2026-01-01",
        "covers_to": "2027-01-01", "valid_from": "2026-01-01", "valid_to": "2027-01-01", "document_sha256": LETTER,
    }  # fmt: skip
    refused(await desk.post("/api/v1/audit/mandates", body, who=desk.staff), 403, "not_allowed")
    refused(await desk.post("/api/v1/audit/mandates", body, who=desk.admin), 422, "mandate_refused")


async def test_lines_show_the_mandates_units_and_one_stable_pseudonym_a_person(desk: Desk) -> None:
    await desk.mandated()
    lines = await desk.lines()
    assert sorted(one["amount_fen"] for one in lines) == [500, 1_000, 1_001, 1_002]
    of_buyer = {one["pseudonym"] for one in lines if one["amount_fen"] > 900}
    assert len(of_buyer) == 1
    assert {one["pseudonym"] for one in lines} != of_buyer
    written = json.dumps(lines, ensure_ascii=False)
    assert str(desk.buyer.person_id) not in written
    assert "李购买" not in written
    await desk.mandated(desk.bank)
    assert of_buyer.isdisjoint({one["pseudonym"] for one in await desk.lines()}), "another mandate, another pseudonym"


async def test_the_ledger_shows_auditors_pseudonyms_and_staff_nothing_of_persons(desk: Desk) -> None:
    await desk.mandated()
    seen = (await desk.get("/api/v1/credit/entries"))["items"]
    assert {one["pseudonym"] is None for one in seen if one["unit_id"] == str(desk.branch)} == {False}
    assert [one for one in seen if one["unit_id"] == str(desk.other)] == [], "outside of the mandate"
    answer = await desk.http.get("/api/v1/credit/entries", headers=desk.staff)
    assert {one["pseudonym"] for one in answer.json()["items"]} == {None}
    assert str(desk.buyer.person_id) not in answer.text


async def test_a_basket_opens_on_a_reason_that_is_kept(desk: Desk) -> None:
    await desk.mandated()
    pseudonym = next(one["pseudonym"] for one in await desk.lines() if one["amount_fen"] == 1_000)
    assert (await desk.post("/api/v1/audit/baskets", {"pseudonym": pseudonym, "reason": ""})).status_code == 422
    unknown = {"pseudonym": "P-0000000000000000", "reason": "抽查退款异常"}
    refused(await desk.post("/api/v1/audit/baskets", unknown), 404, "not_found")
    answer = await desk.post("/api/v1/audit/baskets", {"pseudonym": pseudonym, "reason": "抽查退款异常"})
    assert sorted(one["amount_fen"] for one in answer.json()["items"]) == [1_000, 1_001, 1_002]
    noted = (await desk.get("/api/v1/audit?action=audit.basket_opened"))["items"]
    assert [(one["reason"], one["after"]) for one in noted] == [("抽查退款异常", {"pseudonym": pseudonym, "rows": 3})]


async def test_a_stranger_draws_the_same_sample_from_the_seed(desk: Desk) -> None:
    await desk.mandated()
    body = {"from": str(TODAY), "to": str(TOMORROW), "size": 2, "seed": "2026-11 第一次"}
    drawn = (await desk.post("/api/v1/audit/samples", body)).json()
    population = [sale.order for sale in desk.sales[:4]]
    again = sorted(population, key=lambda line: sha256(f"2026-11 第一次{line}".encode()).digest())
    assert drawn["line_ids"] == [str(line) for line in again[:2]]
    assert drawn["population"] == 4
    other = (await desk.post("/api/v1/audit/samples", body | {"size": 25, "seed": "x"})).json()
    assert len(other["line_ids"]) == 4
    empty = {"from": "2026-01-01", "to": "2026-01-02", "seed": "x"}
    refused(await desk.post("/api/v1/audit/samples", empty), 422, "nothing_to_draw")
    archive = await desk.http.get(f"/api/v1/audit/samples/{drawn['id']}", headers=desk.auditor)
    assert archive.status_code == 200
    with ZipFile(BytesIO(archive.content)) as packed:
        manifest = json.loads(packed.read("manifest.json"))
        assert {one["path"]: one["sha256"] for one in manifest["files"]} == {
            name: sha256(packed.read(name)).hexdigest() for name in packed.namelist() if name != "manifest.json"
        }
        assert sum(name.endswith("line.html") for name in packed.namelist()) == 2
        everything = b"".join(packed.read(name) for name in packed.namelist()).decode()
    assert str(desk.buyer.person_id) not in everything
    assert "李购买" not in everything
    (exported,) = (await desk.get("/api/v1/audit/exports"))["items"]
    assert exported["after"]["sha256"] == sha256(archive.content).hexdigest()
    assert (exported["who"], exported["after"]["rows"]) == ("auditor官员", 2)
    refused(await desk.http.get(f"/api/v1/audit/samples/{drawn['id']}", headers=desk.staff), 403, "no_mandate")


async def test_a_question_has_an_owner_who_replies_and_the_asker_closes(desk: Desk) -> None:
    body = {
        "unit_id": str(desk.branch), "subject": "退款", "words": "为何整单退款？", "owner_role": "staff",
        "due_on": str(TOMORROW),
    }  # fmt: skip
    refused(await desk.post("/api/v1/audit/questions", body), 403, "no_mandate")
    await desk.mandated()
    refused(await desk.post("/api/v1/audit/questions", body | {"unit_id": str(desk.other)}), 404, "not_found")
    both = body | {"owner": "staff@example.com"}
    assert (await desk.post("/api/v1/audit/questions", both)).status_code == 422
    asked = (await desk.post("/api/v1/audit/questions", body)).json()
    there = f"/api/v1/audit/questions/{asked['id']}"
    (seen,) = (await desk.get("/api/v1/audit/questions", who=desk.staff))["items"]
    assert (seen["mine"], seen["state"]) == (True, "open")
    refused(await desk.post(f"{there}/close", {}), 409, "question_state")
    refused(await desk.post(f"{there}/reply", {"reply": "我"}, who=desk.admin), 404, "not_found")
    answered = await desk.post(f"{there}/reply", {"reply": "买错了，已核对"}, who=desk.staff)
    assert (answered.json()["state"], answered.json()["replier"]) == ("replied", "staff官员")
    refused(await desk.post(f"{there}/reply", {"reply": "再说"}, who=desk.staff), 409, "question_state")
    refused(await desk.post(f"{there}/close", {}, who=desk.staff), 404, "not_found")
    assert (await desk.post(f"{there}/close", {})).json()["state"] == "closed"
    page = await desk.http.get("/audit/questions", headers=desk.staff)
    assert "买错了，已核对" in page.text


async def test_a_question_is_read_by_whoever_holds_the_role_there_not_another_one(desk: Desk) -> None:
    """He buys at the branch and is of the staff of another company; what was asked of the branch's staff is theirs."""
    elsewhere = await unit(desk.database, "OTHER")
    grants = Grant(Role.EMPLOYEE, "unit", str(desk.branch)), Grant(Role.STAFF, "unit", str(elsewhere))
    await somebody(desk.database, "both@example.com", *grants)
    both = await bearer(desk.http, "both@example.com")
    await desk.mandated()
    body = {
        "unit_id": str(desk.branch), "subject": "退款", "words": "为何整单退款？", "owner_role": "staff",
        "due_on": str(TOMORROW),
    }  # fmt: skip
    asked = (await desk.post("/api/v1/audit/questions", body)).json()
    assert (await desk.get("/api/v1/audit/questions", who=both))["items"] == []
    refused(
        await desk.post(f"/api/v1/audit/questions/{asked['id']}/reply", {"reply": "我"}, who=both), 404, "not_found"
    )
    assert len((await desk.get("/api/v1/audit/questions", who=desk.staff))["items"]) == 1


async def test_the_sealed_ledger_goes_to_an_auditor_of_all_units_and_is_noted(desk: Desk, settings: Settings) -> None:
    await seal_new(desk.database, seal_key(settings), now=clock.now())
    await desk.mandated()
    refused(await desk.http.get("/api/v1/credit/export", headers=desk.auditor), 403, "not_allowed")
    refused(await desk.http.get("/api/v1/credit/export", headers=desk.staff), 403, "not_allowed")
    for who in (desk.auditor, desk.staff):
        assert OFFERED not in (await desk.http.get("/audit", headers=who)).text, "nobody is offered what is refused"
    await desk.mandated(desk.bank)
    assert OFFERED in (await desk.http.get("/audit", headers=desk.auditor)).text
    ledger = await desk.http.get("/api/v1/credit/export", headers=desk.auditor)
    assert ledger.content.startswith(b"bangfu-ledger 2\nkey\t")
    assert ledger.content.count(b"\n") == 3 + 5
    (noted,) = (await desk.get("/api/v1/audit/exports"))["items"]
    assert (noted["action"], noted["after"]["sha256"]) == ("ledger.exported", sha256(ledger.content).hexdigest())


async def test_a_report_that_leaves_as_csv_is_noted_with_its_digest(desk: Desk) -> None:
    await desk.mandated()
    year = TODAY.year
    there = f"/api/v1/reports/sales?from={year}-01-01&to={year + 1}-01-01&group_by=county&unit={desk.branch}&format=csv"
    assert (await desk.http.get(there, headers=desk.staff)).status_code == 200
    (noted,) = (await desk.get("/api/v1/audit/exports"))["items"]
    assert (noted["action"], noted["who"], noted["after"]["rows"]) == ("report.exported", "staff官员", 1)
    assert len(noted["after"]["sha256"]) == 64


async def test_the_pages_work_and_keep_what_was_typed(desk: Desk) -> None:
    await desk.mandated()
    page = await desk.http.get("/audit", headers=desk.auditor)
    assert page.status_code == 200
    assert LETTER in page.text
    assert "李购买" not in page.text
    assert "会计档案管理办法" in page.text
    typed = {"from": str(TODAY), "to": str(TODAY), "size": "25", "seed": "种子一"}
    again = await desk.http.post("/audit/samples", data=typed, headers=desk.auditor)
    assert again.status_code == 422
    assert "种子一" in again.text
    pseudonym = next(one["pseudonym"] for one in await desk.lines() if one["amount_fen"] == 1_000)
    opened = await desk.http.post(
        "/audit/baskets", data={"pseudonym": pseudonym, "reason": "核对大额"}, headers=desk.auditor
    )
    assert opened.status_code == 422, "a reason of less than five signs is none"
    opened = await desk.http.post(
        "/audit/baskets", data={"pseudonym": pseudonym, "reason": "核对大额订单"}, headers=desk.auditor
    )
    assert "查阅理由已记录：核对大额订单" in opened.text
    events = await desk.http.get("/audit/events?action=audit", headers=desk.auditor)
    assert "核对大额订单" in events.text
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM audit_event WHERE action = 'audit.basket_opened'")) == 1
