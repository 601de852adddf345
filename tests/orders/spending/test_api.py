"""Rules and decisions through the door: readable by those they concern, written once, ended once."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.spending.seed_rules import seed_rules
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.members import serve_unit
from tests.make.caller import refused
from tests.make.people import bearer, somebody
from tests.make.spending import decided, gift, new_rule, ordinary, proposal, ruled, union
from tests.make.two_people import rule_by_two
from tests.make.units import unit

pytestmark = pytest.mark.anyio

RULES = "/api/v1/spending-rules"
CAP = {
    "code": "SH-CAP",
    "kind": "cap",
    "title": "全年每人上限",
    "province": "上海市",
    "purposes": ["festival"],
    "amount_fen": 200_000,
    "basis": "person",
    "cap_window": "year",
    "source_title": "示例（虚构）细则",
    "source_number": "示例〔2026〕1号",
    "source_where": "第一条",
    "valid_from": "2026-01-01",
}


@pytest.fixture
async def admin(client: httpx.AsyncClient, database: Database) -> httpx.AsyncClient:
    await somebody(database, "admin@example.com", Grant(Role.ADMINISTRATOR, "all", "*"))
    client.headers.update(await bearer(client, "admin@example.com"))
    return client


@pytest.fixture
async def second(client: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database) -> dict[str, str]:
    await somebody(database, "second@example.com", Grant(Role.ADMINISTRATOR, "all", "*"))
    return await bearer(client, "second@example.com")


async def keep(admin: httpx.AsyncClient, second: dict[str, str], rule: dict[str, object]) -> dict[str, Any]:
    """A rule that two people made; as it is listed."""
    done = await rule_by_two(admin, "/spending-rules", rule, first={}, second=second)
    assert done.status_code == 200, done.text
    items: list[dict[str, Any]] = (await admin.get(RULES)).json()["items"]
    return next(one for one in items if (one["code"], one["valid_from"]) == (rule["code"], rule["valid_from"]))


async def caller(app: FastAPI, database: Database, email: str, *grants: Grant) -> httpx.AsyncClient:
    await somebody(database, email, *grants)
    made = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test")
    made.headers.update(await bearer(made, email))
    return made


def keyed() -> dict[str, str]:
    return {"idempotency-key": str(new_id())}


async def changes(database: Database, subject: str) -> list[tuple[str, str | None]]:
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT action, reason FROM audit_event WHERE subject = :s ORDER BY id"), {"s": subject}
        )
        return [tuple(row) for row in rows]


async def test_a_rule_is_asked_for_by_one_and_approved_by_another(
    admin: httpx.AsyncClient, second: dict[str, str], database: Database
) -> None:
    key = keyed()
    first = await admin.post(RULES, json=CAP, headers=key)
    assert first.status_code == 202, first.text
    again = await admin.post(RULES, json=CAP, headers=key)
    assert again.content == first.content
    assert (await admin.get(RULES)).json()["items"] == [], "asked for, it does not hold"
    rule = f"/api/v1/rules/{first.json()['id']}"
    refused(await admin.post(f"{rule}/approve"), 409, "second_person_needed")
    (waiting,) = (await admin.get("/api/v1/rules")).json()["items"]
    assert (waiting["id"], waiting["title"], waiting["facts"]["code"]) == (first.json()["id"], "新的使用规则", "SH-CAP")
    assert (await admin.post(f"{rule}/approve", headers=second)).status_code == 200
    refused(await admin.post(f"{rule}/approve", headers=second), 409, "change_decided")
    assert (await admin.get("/api/v1/rules")).json()["items"] == []
    (made,) = (await admin.get(RULES)).json()["items"]
    assert made["says"] == "每人每年不超过 ¥2,000.00"
    assert made["source"] == "示例（虚构）细则示例〔2026〕1号 第一条"
    page = (await admin.get(RULES, params={"on": "2026-06-01", "province": "上海市"})).json()
    assert page == {"items": [made], "next_cursor": None}
    assert (await admin.get(RULES, params={"on": "2025-12-31"})).json()["items"] == []
    assert (await admin.get(RULES, params={"province": "山西省"})).json()["items"] == []
    assert await changes(database, f"spending_rule:{made['id']}") == [("spending_rule.add", None)]


async def test_a_new_version_ends_the_old_one_and_changes_nothing_else(
    admin: httpx.AsyncClient, second: dict[str, str], database: Database
) -> None:
    old = await keep(admin, second, CAP)
    new = await keep(admin, second, CAP | {"amount_fen": 250_000, "valid_from": "2027-01-01"})
    items = (await admin.get(RULES)).json()["items"]
    assert items == [old | {"valid_to": "2027-01-01"}, new]
    assert [action for action, _ in await changes(database, f"spending_rule:{old['id']}")] == [
        "spending_rule.add", "spending_rule.end",
    ]  # fmt: skip


async def test_what_a_rule_said_cannot_be_said_otherwise(admin: httpx.AsyncClient, second: dict[str, str]) -> None:
    await keep(admin, second, CAP)
    other = await admin.post(RULES, json=CAP | {"amount_fen": 1}, headers=keyed())
    assert refused(other, 409, "spending_rule_taken")["errors"][0]["pointer"] == "/code"
    earlier = await admin.post(RULES, json=CAP | {"valid_from": "2025-01-01"}, headers=keyed())
    refused(earlier, 409, "spending_rule_taken")
    items = (await admin.get(RULES)).json()["items"]
    assert [one["amount_fen"] for one in items] == [200_000]
    assert items[0]["valid_to"] is None


async def test_a_rule_must_say_what_its_kind_needs(admin: httpx.AsyncClient, database: Database) -> None:
    without = {name: value for name, value in CAP.items() if name != "amount_fen"}
    answer = await admin.post(RULES, json=without, headers=keyed())
    assert refused(answer, 422, "spending_rule_incomplete")["errors"][0]["pointer"] == "/amount_fen"
    for wrong in ({"valid_to": "2026-01-01"}, {"below_fen": 5, "from_fen": 5}, {"allows": ["union"]}):
        answer = await admin.post(RULES, json=CAP | wrong, headers=keyed())
        assert refused(answer, 422, "spending_rule_incomplete")["errors"][0]["pointer"] == f"/{next(iter(wrong))}"
    refused(await admin.post(RULES, json=CAP | {"kind": "gift"}, headers=keyed()), 422, "invalid")
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM spending_rule")) == 0


async def test_a_rule_ends_once(admin: httpx.AsyncClient, second: dict[str, str], database: Database) -> None:
    made = await keep(admin, second, CAP)

    async def end(rule: object, valid_to: str, reason: str) -> httpx.Response:
        body = {"valid_to": valid_to, "reason": reason}
        return await rule_by_two(admin, f"/spending-rules/{rule}/end", body, first={}, second=second)

    refused(await end(made["id"], "2026-01-01", "废止"), 422, "spending_rule_incomplete")
    assert (await end(made["id"], "2026-07-01", "废止")).status_code == 200
    assert (await admin.get(RULES)).json()["items"] == [made | {"valid_to": "2026-07-01"}]
    refused(await end(made["id"], "2026-08-01", "更正"), 409, "spending_rule_ended")
    refused(await end(new_id(), "2026-08-01", "x"), 404, "not_found")
    assert (await admin.get(RULES, params={"on": "2026-07-01"})).json()["items"] == []
    assert (await changes(database, f"spending_rule:{made['id']}"))[-1] == ("spending_rule.end", "废止")


async def test_who_may_read_and_write(
    app: FastAPI, admin: httpx.AsyncClient, second: dict[str, str], database: Database
) -> None:
    here, there = await unit(database, "HERE"), await unit(database, "THERE")
    ours, theirs = await union(database, "U1"), await union(database, "U2")
    async with database.transaction() as session:
        await serve_unit(session, union_id=ours, unit_id=here, day=date(2021, 1, 1))
        await serve_unit(session, union_id=theirs, unit_id=there, day=date(2021, 1, 1))
    own = [CAP | {"code": code, "union_id": str(id_)} for code, id_ in (("OURS", ours), ("THEIRS", theirs))]
    for rule in (CAP, *own):
        await keep(admin, second, rule)
    scope = str(here)
    buyer = await caller(app, database, "buyer@example.com", Grant(Role.UNION_BUYER, "unit", scope))
    local = await caller(app, database, "local@example.com", Grant(Role.ADMINISTRATOR, "unit", scope))
    nobody = await caller(app, database, "nobody@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    assert [one["code"] for one in (await buyer.get(RULES)).json()["items"]] == ["OURS", "SH-CAP"]
    refused(await buyer.post(RULES, json=CAP, headers=keyed()), 403, "not_allowed")
    refused(await nobody.get(RULES), 403, "not_allowed")
    refused(await local.post(RULES, json=CAP | {"code": "N"}, headers=keyed()), 403, "not_allowed")
    refused(await local.post(RULES, json=own[1] | {"code": "N"}, headers=keyed()), 404, "not_found")
    asked = await local.post(RULES, json=own[0] | {"code": "N"}, headers=keyed())
    assert asked.status_code == 202
    # What waits at one company's desk is not seen or decided by another's.
    far = await caller(app, database, "far@example.com", Grant(Role.ADMINISTRATOR, "unit", str(there)))
    assert (await far.get("/api/v1/rules")).json()["items"] == []
    for verdict, body in (("approve", None), ("refuse", {"reason": "不同意"})):
        refused(await far.post(f"/api/v1/rules/{asked.json()['id']}/{verdict}", json=body), 404, "not_found")
    near = await caller(app, database, "near@example.com", Grant(Role.ADMINISTRATOR, "unit", scope))
    assert (await near.post(f"/api/v1/rules/{asked.json()['id']}/approve")).status_code == 200
    assert len((await admin.get(RULES)).json()["items"]) == 4
    await far.aclose()
    await near.aclose()
    for one in (buyer, local, nobody):
        await one.aclose()


async def test_a_decision_is_read_by_its_own_union_and_replays(
    app: FastAPI, admin: httpx.AsyncClient, database: Database
) -> None:
    here, there, ours, ada = (
        await unit(database, "HERE"),
        await unit(database, "THERE"),
        await union(database, "U1"),
        new_id(),
    )
    async with database.transaction() as session:
        await serve_unit(session, union_id=ours, unit_id=here, day=date(2021, 1, 1))
    cap = new_rule("CAP", "cap", amount_fen=200, basis="person", cap_window="year")
    await ruled(database, *ordinary(quotes=3), cap)
    decision = await decided(database, proposal(ours, [gift(ada, 201)]))
    near = await caller(app, database, "near@example.com", Grant(Role.UNION_APPROVER, "unit", str(here)))
    far = await caller(app, database, "far@example.com", Grant(Role.UNION_APPROVER, "unit", str(there)))
    asked = f"/api/v1/spending-decisions/{decision.id}"
    answer = await near.get(asked)
    said = answer.json()
    assert said["same"] is True
    assert said["allowed"] is False
    assert [one["code"] for one in said["refusals"]] == ["quotes_missing", "cap_exceeded"]
    assert said["refusals"][1]["people"] == 1
    assert said["line"] == decision.line
    assert UUID(said["purchase_id"]) == decision.purchase_id
    assert str(ada) not in answer.text, "sums and counts, nobody's portion"
    assert {one["code"] for one in said["rules"]} == {"P", "F", "T", "CAP"}
    refused(await far.get(asked), 404, "not_found")
    refused(await near.get(f"/api/v1/spending-decisions/{new_id()}"), 404, "not_found")
    for one in (near, far):
        await one.aclose()


async def test_without_the_demo_no_invented_rule_is_law(admin: httpx.AsyncClient, database: Database) -> None:
    await seed_rules(database, invented=False, now=clock.now())
    real = (await admin.get(RULES, params={"limit": 100})).json()["items"]
    assert real
    assert not any("虚构" in one["source"] + one["title"] for one in real)
    await seed_rules(database, invented=True, now=clock.now())  # the demo afterwards adds its own
    both = (await admin.get(RULES, params={"limit": 100})).json()["items"]
    assert {one["id"] for one in real} < {one["id"] for one in both}


async def test_lists_turn_their_pages(admin: httpx.AsyncClient, database: Database) -> None:
    await seed_rules(database, invented=True, now=clock.now())
    await seed_rules(database, invented=True, now=clock.now())
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (await admin.get(RULES, params={"limit": 7} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [one["code"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) > 40
    assert seen == sorted(set(seen))
    refused(await admin.get(RULES, params={"cursor": "x"}), 422, "invalid")


async def test_the_page_shows_rules_with_their_documents(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    await seed_rules(database, invented=True, now=clock.now())
    here = await unit(database, "HERE")
    await somebody(database, "buyer@example.com", Grant(Role.UNION_BUYER, "unit", str(here)))
    client.headers.update(await bearer(client, "buyer@example.com"))
    page = await client.get("/union/rules", params={"province": "湖南省", "on": "2026-02-01"})
    assert page.status_code == 200, page.text
    for words in (
        "《基层工会经费收支管理办法》总工办发〔2017〕32号",
        "每人每节不超过 ¥500.00",
        "1 人审批，免询价，免公示",
    ):
        assert words in page.text
    assert "山西省" not in page.text.split("<table>")[1]
    wrong = await client.get("/union/rules", params={"on": "2026-02-30"})
    assert wrong.status_code == 422
    assert "2026-02-30" in wrong.text
    english = await client.get("/union/rules", params={"lang": "en"})
    assert "Spending rules" in english.text


async def test_the_page_is_for_those_who_may_read_rules(app: FastAPI, client: httpx.AsyncClient) -> None:
    answer = await client.get("/union/rules")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
