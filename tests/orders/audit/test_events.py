"""Changes of money, credit, rules and permissions over HTTP leave their line; who may read it, and what it hides."""

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from orders.audit.events import _UNITS_OF, EVERYBODYS, PLATFORMS
from orders.credit.add_rules import rule_id
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.aftersales import pieces, refund
from tests.make.aftersales import staff as clerk_of
from tests.make.credit import first_of
from tests.make.mandate import Desk, a_desk
from tests.make.payments import till
from tests.make.people import bearer, somebody
from tests.make.shop import buyer, placed, small_shop
from tests.make.two_people import rule_by_two
from tests.make.units import unit

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]
NOTED = re.compile(r'(?:subject=|Change\(\s*f?"[^"]*",\s*)f?"(\w+):')
LAST_MONTH = first_of(clock.add_months(clock.month_of(clock.today()), -1))


@pytest.fixture
async def desk(client: httpx.AsyncClient, database: Database) -> Desk:
    return await a_desk(client, database)


async def test_changes_over_http_are_found_with_who_when_before_after_and_reason(desk: Desk) -> None:
    rule = {
        "version": "2027-1", "valid_from": "2027-01-01", "source": "示例口径（虚构）", "needs_recognition": False,
    }  # fmt: skip
    two = {"first": desk.admin, "second": desk.second}
    assert (await rule_by_two(desk.http, "/counting-rules", rule, **two)).status_code == 200
    ended = {"valid_to": "2028-01-01", "reason": "口径到期"}
    there = f"/counting-rules/{rule_id('2027-1')}/end"
    assert (await rule_by_two(desk.http, there, ended, **two)).status_code == 200
    closing = f"/api/v1/periods/{LAST_MONTH:%Y-%m}/close"
    assert (await desk.http.post(closing, headers=desk.staff)).status_code == 200
    await desk.mandated()
    seen = (await desk.get("/api/v1/audit?limit=100"))["items"]
    found = {one["action"]: one for one in seen}
    assert found["period.close"]["who"] == "staff官员"
    assert found["period.close"]["before"] == {"state": "open"}
    assert found["counting_rule.end"]["reason"] == "口径到期"
    assert {"counting_rule.add", "audit.mandate_granted", "role.granted"} <= set(found)
    assert seen == sorted(seen, key=lambda one: (one["at"], one["id"]), reverse=True)
    assert "李购买" not in json.dumps(seen, ensure_ascii=False)


async def test_what_one_asks_for_and_another_decides_is_read_by_whom_it_concerns(
    desk: Desk, client: httpx.AsyncClient, database: Database
) -> None:
    """A rule of everybody by all; a mandate by its own units."""
    elsewhere = await unit(database, "OTHER")
    await somebody(database, "far@shop.test", Grant(Role.STAFF, "unit", str(elsewhere)))
    figure = {
        "kind": "roll_unsigned", "name": "days", "value": 40, "valid_from": "2027-01-01", "source": "示例（虚构）",
    }  # fmt: skip
    two = {"first": desk.admin, "second": desk.second}
    done = await rule_by_two(desk.http, "/flag-thresholds", figure, **two)
    assert done.status_code == 200, done.text
    await desk.mandated()
    rule, letter = "flag_threshold.set", "audit_mandate.grant"
    for who, told in ((await bearer(client, "far@shop.test"), {rule}), (desk.staff, {rule, letter})):
        seen = {one["action"] for one in (await desk.get("/api/v1/audit?limit=100", who=who))["items"]}
        assert seen >= {rule} | {f"{one}.{step}" for one in told for step in ("ask", "approved")}
        assert (f"{letter}.ask" in seen) == (letter in told)


def test_of_every_change_it_is_known_whose_it_is() -> None:
    noted = {
        kind
        for package in ("shop", "catalog", "orders")
        for file in (ROOT / package).rglob("*.py")
        for kind in NOTED.findall(file.read_text())
    }
    known = {one for kinds in _UNITS_OF for one in kinds} | set(EVERYBODYS) | set(PLATFORMS)
    assert noted - known - {"paid_back"} == set(), "who reads of it at /audit? (paid_back: no change, a bank's number)"


async def test_a_refund_is_noted_with_its_amount_and_reason(database: Database) -> None:
    shop = await small_shop(database)
    async with till(database) as desk:
        clerk = await clerk_of(desk, shop.bank)
        who = await buyer(database, works_at=shop.branch)
        order = await placed(database, who, {shop.skus[0]: 3})
        opened = await desk.open(who, order.id)
        await desk.sandbox.succeed(opened.payment_id)
        await desk.work()
        given = await refund(desk, clerk, order.id, **pieces(order, 0, 1))
    async with database.reading() as session:
        (row,) = await session.execute(text("SELECT * FROM audit_event WHERE action = 'refund.request'"))
    assert (row.actor_id, row.subject, row.reason) == (clerk.user_id, f"refund:{given.id}", "到货有坏果")
    assert row.after == {"order_id": str(order.id), "kind": "lines", "amount_fen": 1_000}


async def test_an_auditor_reads_what_concerns_his_units_and_everybodys_rules(desk: Desk) -> None:
    stranger = await unit(desk.database, "ELSE")
    await somebody(desk.database, "else@example.com", Grant(Role.STAFF, "unit", str(stranger)))
    seen = (await desk.get("/api/v1/audit?subject=unit&limit=100"))["items"]
    assert seen == [], "no mandate, nothing"
    staff = (await desk.get("/api/v1/audit?subject=unit&limit=100", who=desk.staff))["items"]
    assert f"unit:{stranger}" not in {one["subject"] for one in staff}
    assert f"unit:{desk.branch}" in {one["subject"] for one in staff}
    others = (await desk.get("/api/v1/audit?subject=unit", who=await bearer(desk.http, "else@example.com")))["items"]
    assert {one["subject"] for one in others} == {f"unit:{stranger}"}
    await desk.mandated()
    narrowed = (await desk.get("/api/v1/audit?subject=unit&limit=100"))["items"]
    assert {one["subject"] for one in narrowed} == {f"unit:{desk.branch}"}
    assert (
        await desk.http.get("/api/v1/audit", headers=await bearer(desk.http, "buyer@example.com"))
    ).status_code == 403


async def test_pages_of_changes_follow_each_other_and_filters_narrow_them(desk: Desk) -> None:
    await desk.mandated()
    first = await desk.get("/api/v1/audit?limit=3")
    second = await desk.get(f"/api/v1/audit?limit=3&cursor={first['next_cursor']}")
    assert {one["id"] for one in first["items"]}.isdisjoint({one["id"] for one in second["items"]})
    tomorrow = clock.today() + timedelta(days=1)
    assert (await desk.get(f"/api/v1/audit?from={tomorrow}"))["items"] == []
    assert {one["action"] for one in (await desk.get("/api/v1/audit?action=role"))["items"]} == {"role.granted"}
    assert (await desk.http.get("/api/v1/audit?cursor=nonsense", headers=desk.auditor)).status_code == 422
