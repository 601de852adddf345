"""One person proposes, another decides; a finding is put right by somebody, and another one closes it."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.caller import refused
from tests.make.credit import Sale, enter
from tests.make.flag import raised
from tests.make.mandate import mandate
from tests.make.people import bearer, somebody
from tests.make.units import unit
from tests.orders.banking.test_pages import signed_in, token

pytestmark = pytest.mark.anyio

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
TODAY = clock.today()


async def actions(database: Database) -> list[str]:
    async with database.reading() as session:
        rows = await session.scalars(
            text("SELECT action FROM audit_event WHERE subject LIKE 'flag:%' OR subject LIKE 'rect%' ORDER BY id")
        )
        return list(rows)


async def people(database: Database, client: AsyncClient) -> Any:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    found = {}
    for name, role, scope in (
        ("one", Role.STAFF, bank), ("two", Role.STAFF, bank), ("three", Role.STAFF, bank), ("far", Role.STAFF, other),
        ("auditor", Role.AUDITOR, bank),
    ):  # fmt: skip
        found[name] = await somebody(database, f"{name}@shop.test", Grant(role, "unit", str(scope)))
    await mandate(database, found["auditor"].user_id, bank)
    return bank, found, {name: await bearer(client, who.email) for name, who in found.items()}


async def test_flagged_value_is_a_column_until_two_people_cleared_it(database: Database, client: AsyncClient) -> None:
    bank, _, as_ = await people(database, client)
    flagged, plain = Sale(on=TODAY, fen=700, path=[bank]), Sale(on=TODAY, fen=300, path=[bank])
    await enter(database, flagged, plain)
    flag = await raised(database, bank, lines=(flagged.order,))
    second = await raised(database, bank, lines=(flagged.order,))
    asked = f"/api/v1/reports/sales?from={TODAY.year}-01-01&to={TODAY.year + 1}-01-01&group_by=county"

    async def report(**more: str) -> tuple[int, int, str]:
        found = (await client.get(asked, params=more or None, headers=as_["one"])).json()
        return found["totals"]["flagged_fen"], found["totals"]["credited_fen"], found["known_at"]

    *before, then = await report()
    assert before == [700, 1_000], "a line under two flags counts once"
    said = {"outcome": "cleared", "reason": "已核对合同"}
    for one in (flag, second):
        assert (await client.post(f"/api/v1/flags/{one}/review", json=said, headers=as_["one"])).status_code == 200
        assert (await report())[0] == 700, "a proposal decides nothing"
        problem = await client.post(f"/api/v1/flags/{one}/clear", json={"reason": "x"}, headers=as_["one"])
        refused(problem, 409, "second_person_needed")
        answer = await client.post(f"/api/v1/flags/{one}/clear", json={"reason": "同意"}, headers=as_["two"])
        assert (answer.status_code, answer.json()["state"]) == (200, "cleared")
    assert (await report())[:2] == (0, 1_000), "clearing changes no credit"
    again = (await client.get(f"{asked}&known_at={then.replace('+', '%2B')}", headers=as_["one"])).json()
    assert again["totals"]["flagged_fen"] == 700, "what was known then"
    problem = await client.post(f"/api/v1/flags/{flag}/clear", json={"reason": "x"}, headers=as_["three"])
    refused(problem, 409, "already_decided")
    problem = await client.post(f"/api/v1/flags/{flag}/review", json=said, headers=as_["three"])
    refused(problem, 409, "already_reviewed")
    assert await actions(database) == ["flag.review", "flag.decide"] * 2


async def test_a_finding_is_put_right_and_closed_by_another(database: Database, client: AsyncClient) -> None:
    bank, who, as_ = await people(database, client)
    flag = await raised(database, bank)
    clear = f"/api/v1/flags/{flag}/clear"
    duty = {"owner_id": str(who["one"].user_id), "due_on": str(TODAY + timedelta(days=3)), "what": "补签合同"}
    finding = {"outcome": "finding", "reason": "属实", "duty": duty}
    refused(await client.post(clear, json=finding, headers=as_["two"]), 409, "review_first")
    proposed = {"outcome": "finding", "reason": "疑似虚假"}
    assert (await client.post(f"/api/v1/flags/{flag}/review", json=proposed, headers=as_["one"])).status_code == 200
    for wrong in (
        {"outcome": "finding", "reason": "属实"},
        finding | {"duty": duty | {"due_on": str(TODAY - timedelta(days=1))}},
        finding | {"duty": duty | {"owner_id": str(who["auditor"].user_id)}},
    ):
        assert (await client.post(clear, json=wrong, headers=as_["two"])).status_code == 422
    refused(await client.post(clear, json=finding, headers=as_["far"]), 404, "not_found")
    assert (await client.post(clear, json=finding, headers=as_["auditor"])).status_code == 403
    decided = await client.post(clear, json=finding, headers=as_["two"])
    assert decided.json()["state"] == "finding"
    (item,) = (await client.get("/api/v1/rectifications", headers=as_["auditor"])).json()["items"]
    assert item["id"] == decided.json()["rectification_id"]
    assert (item["owner_id"], item["due_on"], item["overdue"]) == (duty["owner_id"], duty["due_on"], False)
    assert (await client.get("/api/v1/rectifications", headers=as_["far"])).json()["items"] == []
    clock.set_ahead(timedelta(days=5))
    overdue = (await client.get("/api/v1/rectifications?state=overdue", headers=as_["auditor"])).json()["items"]
    assert [one["overdue"] for one in overdue] == [True]
    close = f"/api/v1/rectifications/{item['id']}/close"
    closing = {"closing": "合同已补签", "evidence_sha256": "0" * 64}
    refused(await client.post(close, json=closing, headers=as_["two"]), 422, "evidence_unknown")
    kept = await client.post(
        "/api/v1/evidence", files={"file": ("a.pdf", PDF)}, data={"unit_id": str(bank)}, headers=as_["one"]
    )
    assert kept.status_code == 201, kept.text
    closing["evidence_sha256"] = kept.json()["sha256"]
    refused(await client.post(close, json=closing, headers=as_["one"]), 409, "second_person_needed")
    closed = await client.post(close, json=closing, headers=as_["two"])
    assert (closed.json()["state"], closed.json()["overdue"]) == ("closed", False)
    refused(await client.post(close, json=closing, headers=as_["three"]), 409, "already_closed")
    assert await actions(database) == ["flag.review", "flag.decide", "rectification.open", "rectification.close"]


async def test_the_queue_is_scoped_and_paged(database: Database, client: AsyncClient) -> None:
    bank, _, as_ = await people(database, client)
    mine = {str(await raised(database, bank)) for _ in range(3)}
    nobodys = await raised(database, None)
    first = (await client.get("/api/v1/flags?limit=2", headers=as_["one"])).json()
    rest = (await client.get(f"/api/v1/flags?limit=2&cursor={first['next_cursor']}", headers=as_["one"])).json()
    assert {one["id"] for one in first["items"] + rest["items"]} == mine
    assert rest["next_cursor"] is None
    assert (await client.get("/api/v1/flags", headers=as_["far"])).json()["items"] == []
    refused(await client.get(f"/api/v1/flags/{min(mine)}", headers=as_["far"]), 404, "not_found")
    refused(await client.get(f"/api/v1/flags/{nobodys}", headers=as_["one"]), 404, "not_found")
    assert (await client.get("/api/v1/flags?state=cleared", headers=as_["one"])).json()["items"] == []
    key = {"Idempotency-Key": str(new_id())}
    refused(await client.post("/api/v1/flags/scan", headers=as_["one"] | key), 403, "not_allowed")
    await somebody(database, "platform@shop.test", Grant(Role.STAFF, "all", "*"))
    platform = await bearer(client, "platform@shop.test")
    scan = await client.post("/api/v1/flags/scan", headers=platform | key)
    assert (scan.status_code, set(scan.json()["raised"].values())) == (201, {0})
    assert (await client.post("/api/v1/flags/scan", headers=as_["auditor"] | key)).status_code == 403


async def test_two_people_work_the_queue_by_its_pages(app: FastAPI, database: Database, client: AsyncClient) -> None:
    bank, who, _ = await people(database, client)
    flag = await raised(database, bank)
    one, two = await signed_in(app, "one@shop.test"), await signed_in(app, "two@shop.test")
    page = await one.get("/staff/flags")
    assert "外部导入整数金额过多" in page.text
    refusal = await one.post(
        f"/staff/flags/{flag}/review", data={"csrf_token": token(page.text), "outcome": "finding", "reason": " "}
    )
    assert refusal.status_code == 422
    typed = {"csrf_token": token(page.text), "outcome": "finding", "reason": "金额过于整齐"}
    assert (await one.post(f"/staff/flags/{flag}/review", data=typed)).status_code == 303
    page = await two.get("/staff/flags?state=proposed")
    assert "金额过于整齐" in page.text
    typed = {
        "csrf_token": token(page.text), "outcome": "finding", "reason": "属实", "what": "请说明来源",
        "owner_id": str(who["one"].user_id), "due_on": str(TODAY - timedelta(days=1)),
    }  # fmt: skip
    refusal = await two.post(f"/staff/flags/{flag}/clear", data=typed)
    assert (refusal.status_code, "请说明来源" in refusal.text) == (422, True), "what was typed stays"
    sent = await two.post(f"/staff/flags/{flag}/clear", data=typed | {"due_on": str(TODAY)})
    assert sent.status_code == 303
    clock.set_ahead(timedelta(days=2))
    ledger = await two.get("/staff/rectifications")
    assert "已逾期" in ledger.text
    assert "请说明来源" in ledger.text
    action = ledger.text.split('action="/staff/rectifications/')[1].split('"')[0]
    wrong = await two.post(
        f"/staff/rectifications/{action}",
        data={"csrf_token": token(ledger.text), "closing": "已说明", "evidence_sha256": "0" * 64},
    )
    assert (wrong.status_code, "已说明" in wrong.text) == (422, True)
