"""Members choose by a link, leaders choose for others, and at the cut-off everything stands."""

import csv
import io
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.bulk.choice.freeze_choices import ChoicesStillOpen, freeze_choices, freeze_due
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.browser import Browser, browser_of
from tests.make.bulk import Desk, Plan, _officer, a_desk, a_plan, approved, one, stands, submitted
from tests.make.caller import as_caller, refused
from tests.make.catalogue import rows
from tests.make.units import unit

pytestmark = pytest.mark.anyio

CHOSEN = """
SELECT k.name, m.chosen_by, count(*)::int FROM bulk_member m LEFT JOIN bulk_package k ON k.id = m.package_id
GROUP BY 1, 2 ORDER BY 1, 2
"""


async def choosing(database: Database, desk: Desk | None = None, **changes: object) -> Plan:
    """Three packages, the third private; two days to choose."""
    desk = desk or await a_desk(database, members=6)
    return await a_plan(
        database,
        desk=desk,
        state="draft",
        **{
            "choose_until": clock.now() + timedelta(days=2),
            "packages": [
                {"name": "山货礼盒", "is_default": True, "lines": [{"sku_id": desk.shop.box, "pieces": 1}]},
                {"name": "杂粮套餐", "lines": [{"sku_id": desk.shop.skus[0], "pieces": 2}]},
                {
                    "name": "清真套餐",
                    "is_private": True,
                    "lines": [{"sku_id": desk.shop.skus[1], "pieces": 1}, {"sku_id": desk.shop.skus[2], "pieces": 1}],
                },
            ],
        }
        | changes,
    )


async def packages_of(plan: Plan) -> dict[str, UUID]:
    async with plan.desk.database.reading() as session:
        found = await session.execute(
            text("SELECT name, id FROM bulk_package WHERE purchase_id = :id"), {"id": plan.id}
        )
        return {row.name: row.id for row in found}


async def links(app: FastAPI, plan: Plan) -> list[str]:
    """Paths, in the order of the members."""
    async with as_caller(app, plan.desk.clerk) as caller:
        answer = await caller.post(f"/api/v1/bulk-purchases/{plan.id}/choice-links")
    assert answer.status_code == 200, answer.text
    return [one["url"].removeprefix("http://shop.test") for one in answer.json()["items"]]


async def test_a_member_chooses_by_the_link_without_an_account(app: FastAPI, database: Database) -> None:
    plan = await choosing(database)
    paths = await links(app, plan)
    assert await links(app, plan) == paths
    stored = await rows(database, "SELECT link_sha256 FROM bulk_member")
    assert not any(path.rpartition("/")[2] in str(stored) for path in paths)
    packages = await packages_of(plan)
    browser = Browser(app)
    page = await browser.open(paths[0])
    assert [name in page.words for name in packages] == [True] * 3
    assert page.html.count("/media/products/") == 4
    page = await browser.send(paths[0], package_id=str(packages["杂粮套餐"]))
    assert "已选“杂粮套餐”" in page.words
    page = await browser.send(paths[0], package_id=str(packages["清真套餐"]))
    assert "已选“清真套餐”" in page.words
    bad = await browser.send(paths[0], package_id=str(new_id()))
    assert (bad.status, "没有这个套餐" in bad.words) == (422, True)
    assert "已选“清真套餐”" not in (await Browser(app).open(paths[1])).words
    assert (await Browser(app).open("/choose/nobody")).status == 404
    assert await rows(database, CHOSEN) == [("清真套餐", "self", 1), (None, None, 5)]
    await browser.close()


async def test_nobody_reads_off_a_list_who_chose_the_private_package(app: FastAPI, database: Database) -> None:
    plan = await choosing(database)
    paths, packages = await links(app, plan), await packages_of(plan)
    for path, name in zip(paths, ("清真套餐", "杂粮套餐"), strict=False):
        browser = Browser(app)
        await browser.open(path)
        await browser.send(path, package_id=str(packages[name]))
        await browser.close()
    async with as_caller(app, plan.desk.clerk) as caller:
        answer = (await caller.get(f"/api/v1/bulk-purchases/{plan.id}/choices")).json()
    assert (answer["members"], answer["chosen"]) == (6, 2)
    assert sorted(one["chosen_by"] or "" for one in answer["items"]) == ["", "", "", "", "self", "self"]
    assert not any("package" in key for one in answer["items"] for key in one)
    assert {one["name"][1:] for one in answer["items"]} == {"*"}
    # The buyer needs sums to order; a branch's leader does not.
    assert {one["name"]: one["members"] for one in answer["packages"]} == {
        "山货礼盒": 4, "杂粮套餐": 1, "清真套餐": 1
    }  # fmt: skip
    leader = await _officer(database, Role.UNION_BUYER, plan.desk.branches[1])
    async with as_caller(app, leader) as caller:
        branch = (await caller.get(f"/api/v1/bulk-purchases/{plan.id}/choices")).json()
    assert (branch["members"], branch["packages"]) == (3, None)
    other = await Browser(app).open(paths[2])
    assert "已选" not in other.words.replace("已选的", "")


async def test_a_leader_chooses_for_those_of_the_own_branch(app: FastAPI, database: Database) -> None:
    plan = await choosing(database)
    packages = await packages_of(plan)
    url = f"/api/v1/bulk-purchases/{plan.id}/choices"
    leader = await _officer(database, Role.UNION_BUYER, plan.desk.branches[1])
    own, foreign = plan.desk.members[1], plan.desk.members[0]
    requested = str(packages["杂粮套餐"])
    async with as_caller(app, leader) as caller:
        done = await caller.post(url, json={"choices": [{"person_id": str(own), "package_id": requested}]})
        assert (done.status_code, done.json()) == (200, {"chosen": 1})
        both = [{"person_id": str(who), "package_id": requested} for who in (plan.desk.members[3], foreign)]
        problem = refused(await caller.post(url, json={"choices": both}), 422, "member_unknown")
        assert problem["errors"][0]["pointer"] == "/choices/1"
        none = [{"person_id": str(own), "package_id": str(new_id())}]
        refused(await caller.post(url, json={"choices": none}), 422, "package_unknown")
    assert await rows(database, CHOSEN) == [("杂粮套餐", "leader", 1), (None, None, 5)]
    elsewhere = await _officer(database, Role.UNION_BUYER, await unit(database, "LONELY"))
    async with as_caller(app, elsewhere) as caller:
        refused(await caller.get(url), 404, "not_found")
        refused(await caller.post(url, json={"choices": both}), 404, "not_found")
        refused(await caller.post(f"/api/v1/bulk-purchases/{plan.id}/choice-links"), 404, "not_found")
    async with as_caller(app, plan.desk.receivers[0]) as caller:
        assert (await caller.post(url, json={"choices": both})).status_code == 403


async def test_at_the_cut_off_choices_freeze_and_one_order_can_be_made(app: FastAPI, database: Database) -> None:
    plan = await choosing(database)
    paths, packages = await links(app, plan), await packages_of(plan)
    browser = Browser(app)
    await browser.open(paths[0])
    await browser.send(paths[0], package_id=str(packages["清真套餐"]))
    async with database.transaction() as session:
        with pytest.raises(ChoicesStillOpen):
            await freeze_choices(session, purchase_id=plan.id, now=clock.now())
    assert await freeze_due(database, now=clock.now()) == 0
    late = clock.now() + timedelta(days=2, seconds=1)
    assert await freeze_due(database, now=late) == 1
    assert await freeze_due(database, now=late) == 0
    assert await rows(database, CHOSEN) == [("山货礼盒", "default", 5), ("清真套餐", "self", 1)]

    clock.set_ahead(timedelta(days=2, seconds=2))
    page = await browser.open(paths[0])
    assert "您的是“清真套餐”" in page.words
    assert page.buttons == [] or "选" not in "".join(page.buttons).replace("搜索", "")
    token = {"csrf_token": page.forms[paths[0]]["csrf_token"], "package_id": str(packages["杂粮套餐"])}
    closed = await browser.client.post(paths[0], data=token)
    assert (closed.status_code, "选择已经截止" in closed.text) == (409, True)
    async with as_caller(app, plan.desk.clerk) as caller:
        choices = [{"person_id": str(plan.desk.members[2]), "package_id": str(packages["杂粮套餐"])}]
        answer = await caller.post(f"/api/v1/bulk-purchases/{plan.id}/choices", json={"choices": choices})
        refused(answer, 409, "choices_closed")
    assert await rows(database, CHOSEN) == [("山货礼盒", "default", 5), ("清真套餐", "self", 1)]
    await submitted(plan)
    await approved(plan)
    assert await stands(plan) == "approved"
    await browser.close()


async def test_cases_are_full_and_their_spares_have_an_owner(app: FastAPI, database: Database) -> None:
    plan = await choosing(database, spare_pieces=1)
    url = f"/api/v1/bulk-purchases/{plan.id}/cases"
    packages = await packages_of(plan)
    async with as_caller(app, plan.desk.clerk) as caller:
        chosen = [{"person_id": str(who), "package_id": str(packages["杂粮套餐"])} for who in plan.desk.members[:2]]
        await caller.post(f"/api/v1/bulk-purchases/{plan.id}/choices", json={"choices": chosen})
        cases = [
            {"sku_id": str(plan.desk.shop.box), "case_pieces": 4},
            {"sku_id": str(plan.desk.shop.skus[0]), "case_pieces": 10},
        ]
        answer = await caller.put(url, json={"cases": cases})
        assert answer.status_code == 200, answer.text
        found = {
            one["sku_id"]: (one["member_pieces"], one["planned_spares"], one["cases"], one["rounding_spares"])
            for one in answer.json()["items"]
        }
        assert found[str(plan.desk.shop.box)] == (4, 1, 2, 3)
        assert found[str(plan.desk.shop.skus[0])] == (4, 0, 1, 6)
        owner = await one(plan, "SELECT payer_name FROM bulk_payer WHERE purchase_id = :id AND owns_spares")
        assert {one["owner"] for one in answer.json()["items"]} == {owner}
        unknown = {"cases": [{"sku_id": str(new_id()), "case_pieces": 4}]}
        assert (await caller.put(url, json=unknown)).status_code == 422
        assert (await caller.get(url)).json() == answer.json()


async def test_the_leaders_page_hands_out_links_and_keeps_what_was_typed(app: FastAPI, database: Database) -> None:
    plan = await choosing(database)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE bulk_member SET staff_number = 'N' || position WHERE purchase_id = :id"), {"id": plan.id}
        )
    browser = await browser_of(app, database, plan.desk.clerk)
    path = f"/union/purchases/{plan.id}/choices"
    page = await browser.open(path)
    assert "6 位会员，0 位已选" in page.words
    packages = await packages_of(plan)
    page = await browser.send(path, staff_number="WRONG", package_id=str(packages["杂粮套餐"]))
    assert page.status == 422
    assert page.forms[path]["staff_number"] == "WRONG"
    page = await browser.send(path, staff_number="N2", package_id=str(packages["杂粮套餐"]))
    assert "6 位会员，1 位已选" in page.words
    sheet = await browser.client.post(f"{path}/links", data=browser.page.forms[f"{path}/links"])
    table = list(csv.reader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
    assert (table[0], len(table)) == (["单位", "部门", "工号", "姓名", "选择链接"], 7)
    assert (await Browser(app).open(table[1][4].removeprefix("http://shop.test"))).status == 200
    assert await rows(database, "SELECT count(*) FROM audit_event WHERE action = 'bulk.links_listed'") == [(1,)]
    await browser.close()
