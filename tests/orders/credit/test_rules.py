"""Counting rules through their door, and proofs that a second person looks at."""

from datetime import date
from hashlib import sha256
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from catalog.upload.stage import import_file
from orders.credit.upload import COUNTING_RULES
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.ids import new_id
from tests.make.credit import Sale, enter
from tests.make.evidence import kept_paper
from tests.make.people import bearer, somebody
from tests.make.two_people import rule_by_two
from tests.make.units import unit

pytestmark = pytest.mark.anyio

TODAY = clock.today()
OLD = {"version": "2021-1", "valid_from": "2021-01-01", "source": "示例口径〔2021〕1号（虚构）"}
NEW = {
    "version": "2027-1", "valid_from": "2027-01-01", "source": "示例口径〔2026〕9号（虚构）", "minimum_grade": "C",
    "excluded_categories": ["酒"],
}  # fmt: skip


async def post(client: httpx.AsyncClient, path: str, body: Any, who: dict[str, str], key: str = "") -> httpx.Response:
    headers = who | {"Idempotency-Key": key or str(new_id())}
    return await client.post(f"/api/v1{path}", json=body, headers=headers)


async def admin(client: httpx.AsyncClient, database: Database) -> dict[str, str]:
    await somebody(database, "admin@example.com", Grant(Role.ADMINISTRATOR, "all", "*"))
    return await bearer(client, "admin@example.com")


@pytest.mark.parametrize(
    ("promise", "code"),
    [
        ({"includes_freight": True}, "freight_not_credited"),
        ({"recognition_point": "accepted"}, "recognition_point_fixed"),
    ],
)
async def test_a_rule_promises_nothing_that_is_not_done(
    client: httpx.AsyncClient, database: Database, promise: dict[str, Any], code: str
) -> None:
    who = await admin(client, database)
    refused = await post(client, "/counting-rules", OLD | promise, who)
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert refused.json()["errors"][0]["pointer"].endswith(next(iter(promise)))
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM counting_rule")) == 0


@pytest.mark.parametrize(
    ("column", "word", "code"),
    [("含运费", "是", "freight_not_credited"), ("确认时点", "验收", "recognition_point_fixed")],
)
async def test_a_table_of_rules_promises_nothing_either(database: Database, column: str, word: str, code: str) -> None:
    sheet = f"版本,开始日期,{column},来源文件\n2021-1,2021-01-01,{word},示例（虚构）\n"
    with pytest.raises(Problem) as caught:
        await import_file(
            database, kind=COUNTING_RULES, file_name="rules.csv", data=sheet.encode(), actor=None, now=clock.now()
        )
    assert [one.code for one in caught.value.errors] == [code]


async def test_a_new_version_ends_the_open_one_and_changes_nothing_of_it(
    client: httpx.AsyncClient, database: Database
) -> None:
    who = await admin(client, database)
    await somebody(database, "second@example.com", Grant(Role.ADMINISTRATOR, "all", "*"))
    second = await bearer(client, "second@example.com")

    async def rule(body: dict[str, Any]) -> httpx.Response:
        return await rule_by_two(client, "/counting-rules", body, first=who, second=second)

    assert (await rule(OLD)).status_code == 200
    (old,) = (await client.get("/api/v1/counting-rules", headers=who)).json()["items"]
    assert (old["minimum_grade"], old["credit_kinds"]) == ("D", ["direct_purchase", "assisted_sale"])
    assert (await rule(NEW)).status_code == 200
    listed = (await client.get("/api/v1/counting-rules", headers=who)).json()["items"]
    assert [(one["version"], one["valid_to"]) for one in listed] == [("2027-1", None), ("2021-1", "2027-01-01")]
    assert listed[1] | {"valid_to": None} == old
    in_force = (await client.get("/api/v1/counting-rules?on=2026-06-01", headers=who)).json()["items"]
    assert [one["version"] for one in in_force] == ["2021-1"]
    assert (await rule(OLD)).status_code == 200, "the same again is success"
    other = await post(client, "/counting-rules", OLD | {"needs_recognition": False}, who)
    assert (other.status_code, other.json()["code"]) == (409, "rule_version_taken")
    ended = await post(
        client, f"/counting-rules/{old['id']}/end", {"valid_to": "2026-12-01", "reason": "再结束一次"}, who
    )
    assert (ended.status_code, ended.json()["code"]) == (409, "rule_ended")
    async with database.reading() as session:
        actions = (await session.scalars(text("SELECT action FROM audit_event WHERE subject LIKE 'counting%'"))).all()
    assert sorted(actions) == ["counting_rule.add", "counting_rule.add", "counting_rule.end"]


async def test_who_may_write_rules_and_what_is_no_rule(client: httpx.AsyncClient, database: Database) -> None:
    bank = await unit(database, "BANK")
    await somebody(database, "staff@example.com", Grant(Role.STAFF, "unit", str(bank)))
    staff = await bearer(client, "staff@example.com")
    assert (await post(client, "/counting-rules", OLD, staff)).status_code == 403
    assert (await client.get("/api/v1/counting-rules", headers=staff)).status_code == 200
    who = await admin(client, database)
    for wrong in ({"valid_to": "2020-01-01"}, {"minimum_grade": "E"}, {"credit_kinds": ["gift"]}, {"source": ""}):
        assert (await post(client, "/counting-rules", OLD | wrong, who)).status_code == 422
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM counting_rule")) == 0


async def test_the_old_grade_stands_until_a_second_person_agreed(client: httpx.AsyncClient, database: Database) -> None:
    bank = await unit(database, "BANK")
    staff = Grant(Role.STAFF, "unit", str(bank))
    one = await somebody(database, "one@example.com", staff)
    await somebody(database, "two@example.com", staff)
    first, second = await bearer(client, "one@example.com"), await bearer(client, "two@example.com")
    paper = sha256(b"x").hexdigest()
    async with database.transaction() as session:
        await kept_paper(session, paper, by=one.user_id)
    sale = Sale(on=date(TODAY.year, TODAY.month, 1), fen=800, path=[bank], grade="D", fund_source="union")
    await enter(database, sale)
    body = {"component_ids": [str(sale.id)], "sha256": paper, "grade": "C", "note": "线下发票"}
    unknown = await post(client, "/credit/evidence-links", body | {"sha256": "0" * 64}, first)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "evidence_unknown")
    made = await post(client, "/credit/evidence-links", body, first)
    assert made.status_code == 201, made.text
    assert (await post(client, "/credit/evidence-links", body, first)).json()["code"] == "already_proposed"
    (link,) = made.json()["items"]
    waiting = (await client.get("/api/v1/credit/evidence-links", headers=second)).json()["items"]
    assert waiting == [link]
    explain = f"/api/v1/credit/explain?order_line={sale.order}"
    (component,) = (await client.get(explain, headers=second)).json()["components"]
    assert component["grades"] == {"D": 800}
    check, said = f"/api/v1/credit/evidence-links/{link['id']}/check", {"accept": True, "finding": "与发票一致"}
    own = await client.post(check, json=said, headers=first)
    assert (own.status_code, own.json()["code"]) == (409, "second_person_needed")
    done = await client.post(check, json=said, headers=second)
    assert (done.status_code, done.json()["state"]) == (200, "accepted")
    assert (await client.post(check, json=said, headers=second)).json()["code"] == "already_checked"
    (component,) = (await client.get(explain, headers=second)).json()["components"]
    assert component["grades"] == {"C": 800}
    assert [(entry["kind"], entry["grade"]) for entry in component["entries"]] == [
        ("sale", "D"), ("regrade_out", "D"), ("regrade_in", "C"),
    ]  # fmt: skip
    assert component["evidence"][0]["state"] == "accepted"
