"""The union's plan through the door: made, quoted, submitted, approved, shown, changed, copied."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pypdf import PdfReader
from sqlalchemy import text

from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.bulk import Desk, a_desk, a_plan, one, requested, stands
from tests.make.caller import as_caller, refused
from tests.make.evidence import kept_paper, worker
from tests.make.shop import buyer
from tests.make.units import unit

pytestmark = pytest.mark.anyio
BASE = "/api/v1/bulk-purchases"


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


def plan_json(desk: Desk, **changes: object) -> dict[str, Any]:
    return requested(desk, **changes).model_dump(mode="json", exclude_none=True)


def quote(n: int, **changes: object) -> dict[str, Any]:
    return {
        "supplier_name": f"报价单位{n}（虚构）",
        "credit_code": f"9131000000000000{n:02}",
        "legal_representative": f"法人{n}",
        "owners": [f"股东{n}"],
        "bank_account": f"62220000000{n:05}",
        "total_fen": 30_000 + n,
        "quoted_on": str(clock.today()),
    } | changes


async def post(app: FastAPI, actor: Actor, path: str, body: object | None = None) -> httpx.Response:
    async with as_caller(app, actor) as caller:
        return await caller.post(f"{BASE}{path}", json=body or {}, headers=key())


async def test_from_plan_to_approval(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database, quotes=3, notice_days=5, approvers=2)
    made = await post(app, desk.clerk, "", plan_json(desk))
    assert made.status_code == 201, made.text
    purchase = made.json()
    assert (purchase["state"], purchase["members"], purchase["goods_fen"]) == ("draft", 6, 27_000)
    assert [payer["weight"] for payer in purchase["payers"]] == [3, 3]
    assert "3 家" in purchase["rule"]["refusals"][0]
    assert "示例经费办法" in purchase["rule"]["line"]
    path = f"/{purchase['id']}"

    problem = refused(await post(app, desk.clerk, f"{path}/submit"), 422, "spending_refused")
    assert "示例经费办法" in problem["errors"][0]["detail"]
    for n in range(3):
        answer = await post(app, desk.clerk, f"{path}/quotes", quote(n, is_chosen=n == 0))
        assert answer.status_code == 201, answer.text
    assert [one["is_chosen"] for one in answer.json()["quotes"]] == [True, False, False]

    done = (await post(app, desk.clerk, f"{path}/submit")).json()
    assert done["state"] == "submitted"
    body = {"content_sha256": done["content_sha256"]}
    first = await post(app, desk.approvers[0], f"{path}/approve", body)
    assert (first.json()["state"], first.json()["approvals"]) == ("submitted", 1)
    refused(await post(app, desk.approvers[1], f"{path}/approve", body), 422, "minutes_missing")
    minutes = "b" * 64
    other = await worker(database, Role.STAFF, "unit", await unit(database, "OTHER"))
    async with database.transaction() as session:
        await kept_paper(session, minutes, by=other.user_id)
    # Another company's minutes are none: their digest is no right to them.
    theirs = await post(app, desk.approvers[1], f"{path}/approve", body | {"minutes_sha256": minutes})
    refused(theirs, 422, "evidence_unknown")
    async with database.transaction() as session:
        await kept_paper(session, minutes, by=desk.approvers[1].user_id)
    last = await post(app, desk.approvers[1], f"{path}/approve", body | {"minutes_sha256": minutes})
    assert last.json()["state"] == "approved"
    async with as_caller(app, desk.clerk) as caller:
        shown = (await caller.get(f"{BASE}{path}")).json()
        listed = (await caller.get(BASE)).json()["items"]
    assert shown["missing"] == ["请公示 5 天后下单"]
    assert [a["decision"] for a in shown["approvals"]] == ["approved", "approved"]
    assert [(p["state"], p["waits_for_me"]) for p in listed] == [("approved", True)]


async def test_the_same_request_again_is_the_same_plan(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database)
    headers = key()
    async with as_caller(app, desk.clerk) as caller:
        first = await caller.post(BASE, json=plan_json(desk), headers=headers)
        again = await caller.post(BASE, json=plan_json(desk), headers=headers)
        other = await caller.post(BASE, json=plan_json(desk, title="另一份"), headers=headers)
    assert first.json() == again.json()
    refused(other, 422, "idempotency_key_reused")


async def test_strangers_do_not_learn_that_it_exists(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database)
    other = await a_desk_elsewhere(database)
    for path in ("", "/contract"):
        async with as_caller(app, other) as caller:
            refused(await caller.get(f"{BASE}/{plan.id}{path}"), 404, "not_found")
    refused(await post(app, other, f"/{plan.id}/cancel", {"reason": "试试"}), 404, "not_found")
    async with as_caller(app, other) as caller:
        assert (await caller.get(BASE)).json()["items"] == []
    nobody = await buyer(database, works_at=plan.desk.shop.branch)
    refused(await post(app, nobody, f"/{plan.id}/approve", {"content_sha256": "a" * 64}), 403, "not_allowed")
    refused(await post(app, nobody, f"/{plan.id}/objections", {"words": "不同意"}), 404, "not_found")
    assert await stands(plan) == "approved"


async def a_desk_elsewhere(database: Database) -> Actor:
    """The clerk of another company's union."""
    from dataclasses import replace  # noqa: PLC0415

    from shop.access.permissions import Grant, Role  # noqa: PLC0415
    from tests.make.units import unit  # noqa: PLC0415

    elsewhere = await unit(database, "ELSE")
    return replace(await buyer(database), grants=(Grant(Role.UNION_BUYER, "unit", str(elsewhere)),))


async def test_who_asked_for_it_cannot_approve_it(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    body = {"content_sha256": str(await one(plan, "SELECT content_sha256 FROM bulk_purchase WHERE id = :id"))}
    refused(await post(app, plan.desk.clerk, f"/{plan.id}/approve", body), 403, "duties_apart")
    refused(await post(app, plan.desk.receivers[0], f"/{plan.id}/approve", body), 403, "not_approver")
    assert await stands(plan) == "submitted"


async def test_a_change_voids_the_approval(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database)
    old = str(await one(plan, "SELECT content_sha256 FROM bulk_purchase WHERE id = :id"))
    async with as_caller(app, plan.desk.clerk) as caller:
        changed = await caller.patch(f"{BASE}/{plan.id}", json={"spare_pieces": 2})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["state"], changed.json()["revision"], changed.json()["goods_fen"]) == ("draft", 2, 36_000)
    assert [p["owns_spares"] for p in changed.json()["payers"]] == [False, False, True]
    again = await post(app, plan.desk.clerk, f"/{plan.id}/submit")
    assert again.json()["content_sha256"] != old
    stale = await post(app, plan.desk.approvers[0], f"/{plan.id}/approve", {"content_sha256": old})
    refused(stale, 409, "approval_stale")
    assert await stands(plan) == "submitted"


async def test_related_suppliers_are_named(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database, state="draft")
    path = f"/{plan.id}/quotes"
    assert (await post(app, plan.desk.clerk, path, quote(1))).status_code == 201
    for shared, pointer in (
        ({"legal_representative": "法人 1"}, "/legal_representative"),
        ({"bank_account": "6222 0000 0000 0001"}, "/bank_account"),
        ({"credit_code": "913100000000000001"}, "/credit_code"),
        ({"owners": ["别人", "股东1"]}, "/owners"),
        ({"owners": ["法人1"]}, "/owners"),
    ):
        answer = await post(app, plan.desk.clerk, path, quote(2, **shared))
        problem = refused(answer, 409, "quotes_related")
        assert problem["errors"][0]["pointer"] == pointer
        assert "报价单位1" in problem["detail"]
    assert await one(plan, "SELECT count(*) FROM bulk_quote WHERE purchase_id = :id") == 1


async def test_last_years_plan_again(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database)
    copied = await post(app, plan.desk.clerk, f"/{plan.id}/copy")
    assert copied.status_code == 201, copied.text
    new = copied.json()
    assert (new["state"], new["copied_from_id"], new["members"]) == ("draft", str(plan.id), 6)
    assert new["ship_on"] == str(plan.ship_on.replace(year=plan.ship_on.year + 1))
    assert [site["name"] for site in new["sites"]] == ["收货点1", "收货点2"]
    assert (new["approvals"], new["quotes"]) == ([], [])


@pytest.mark.paper
async def test_the_contract_names_goods_and_terms(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database, terms="split_30_70")
    async with as_caller(app, plan.desk.clerk) as caller:
        answer = await caller.get(f"{BASE}/{plan.id}/contract")
    assert answer.headers["content-type"] == "application/pdf"
    said = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    assert "采购合同" in said
    assert "30%" in said
    assert "270.00" in said
    assert "草稿" not in said


def site_of_a_stranger() -> dict[str, str]:
    return {"unit_id": str(new_id()), "name": "别处", "region_code": "310101", "street": "示例路"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"festival": None}, "plan_invalid"),
        ({"ship_on": str(clock.today() - timedelta(days=1))}, "plan_invalid"),
        ({"packages": [{"name": "无", "lines": [{"sku_id": str(new_id()), "pieces": 1}]}]}, "plan_invalid"),
        ({"sites": [site_of_a_stranger()]}, "plan_invalid"),
        ({"person_ids": [str(new_id())]}, "not_a_member"),
        ({"members_as_of": "2019-01-01"}, "no_members"),
        ({"budget_fen": 0}, "invalid"),
        ({"unknown": 1}, "invalid"),
    ],
)
async def test_a_plan_that_cannot_be(app: FastAPI, database: Database, change: dict[str, Any], code: str) -> None:
    desk = await a_desk(database)
    refused(await post(app, desk.clerk, "", plan_json(desk) | change), 422, code)
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM bulk_purchase")) == 0


async def test_a_price_that_moved_is_said(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database)
    packages = [{"name": "盒", "lines": [{"sku_id": str(desk.shop.box), "pieces": 1, "unit_price_fen": 4_400}]}]
    problem = refused(await post(app, desk.clerk, "", plan_json(desk) | {"packages": packages}), 409, "price_changed")
    assert "4500" in problem["errors"][0]["detail"]
