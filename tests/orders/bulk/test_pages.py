"""The desk without scripts: a plan is typed, checked, submitted, approved and shown, as its people do it."""

from datetime import timedelta

import pytest
from fastapi import FastAPI

from shop.core import clock
from shop.core.database import Database
from tests.make.browser import Browser, browser_of
from tests.make.bulk import Desk, a_desk, a_plan, one, stands
from tests.make.shop import buyer

pytestmark = pytest.mark.anyio


async def typed_plan(browser: Browser, desk: Desk, **changes: str) -> None:
    await browser.open("/union/purchases/new")
    sites = {
        f"site_{name}_{n}": value
        for n, unit in enumerate(desk.branches, 1)
        for name, value in (("unit", str(unit)), ("name", f"点{n}"), ("region", "310101"), ("street", "示例路1号"))
    }
    fields = {
        "title": "端午慰问（虚构）",
        "purpose": "festival",
        "festival": "dragon_boat",
        "budget": "800.50",
        "ship_on": str(clock.today() + timedelta(days=20)),
        "package_1": "礼盒",
        "sku_1": str(desk.shop.box),
        "pieces_1": "1",
    }
    await browser.send("/union/purchases/new", **(fields | sites | {"do": "save"} | changes))


async def test_a_plan_is_typed_submitted_and_approved(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database)
    clerk = await browser_of(app, database, desk.clerk)
    await typed_plan(clerk, desk)
    path = clerk.path
    assert path.startswith("/union/purchases/0"), clerk.page.words
    assert "人均 ¥45.00（6 人）" in clerk.page.words  # the rules' line stands before anything is submitted
    assert "¥270.00" in clerk.page.words
    await clerk.send(f"{path}/submit")
    assert "还需 1 人审批" in clerk.page.words
    assert f"{path}/approve" not in clerk.page.forms  # who asked for it has no button

    approver = await browser_of(app, database, desk.approvers[0])
    await approver.open("/union")
    assert "等您处理" in approver.page.words
    await approver.open(path)
    fields = approver.page.forms[f"{path}/approve"] | {"do": "approve", "reason": ""}
    token = {"csrf_token": fields.pop("csrf_token")}
    del fields["minutes"]
    for mistyped in ({"do": "rejected"}, {"do": "Approve"}, {"do": ""}, {}):
        fields.pop("do", None)
        sent = await approver.client.post(f"{path}/approve", data=token | fields | mistyped)
        assert sent.status_code == 422
    fields["do"] = "approve"
    await clerk.open(path)
    assert "还需 1 人审批" in clerk.page.words, "another word decides nothing"
    answer = await approver.client.post(
        f"{path}/approve", data=token | fields, files={"minutes": ("", b"")}, follow_redirects=True
    )
    assert answer.status_code == 200
    assert "可以下单" in answer.text
    assert "第 1 稿" in answer.text
    await clerk.open(f"{path}/contract")
    assert "验收合格" in clerk.page.words
    await clerk.close()
    await approver.close()


async def test_what_was_typed_stays(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database)
    clerk = await browser_of(app, database, desk.clerk)
    await typed_plan(clerk, desk, budget="八百", title="名称还在")
    assert clerk.page.status == 422
    form = clerk.page.forms["/union/purchases/new"]
    assert (form["title"], form["budget"], form["sku_1"]) == ("名称还在", "八百", str(desk.shop.box))
    assert "请填写预算" in clerk.page.words
    await clerk.send("/union/purchases/new", do="more")
    assert clerk.page.forms["/union/purchases/new"]["title"] == "名称还在"
    assert "sku_5" in clerk.page.forms["/union/purchases/new"]
    await clerk.close()


async def test_an_edit_changes_only_what_differs(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database)
    clerk = await browser_of(app, database, plan.desk.clerk)
    path = f"/union/purchases/{plan.id}"
    before = await one(plan, "SELECT id FROM bulk_package WHERE purchase_id = :id")
    await clerk.open(f"{path}/edit")
    assert "原来的审批作废" in clerk.page.words
    await clerk.send(f"{path}/edit", do="delete", title="改了名称")
    assert clerk.page.status == 422
    await clerk.open(f"{path}/edit")
    await clerk.send(f"{path}/edit", do="save")  # nothing differs
    assert (await stands(plan), await one(plan, "SELECT revision FROM bulk_purchase WHERE id = :id")) == ("approved", 1)
    await clerk.open(f"{path}/edit")
    await clerk.send(f"{path}/edit", do="save", title="改了名称")
    assert clerk.path == path
    assert (await stands(plan), await one(plan, "SELECT revision FROM bulk_purchase WHERE id = :id")) == ("draft", 2)
    assert await one(plan, "SELECT id FROM bulk_package WHERE purchase_id = :id") == before
    await clerk.close()


async def test_members_see_the_notice_and_object(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database, notice_days=3)
    plan = await a_plan(database, desk=desk)
    clerk = await browser_of(app, database, desk.clerk)
    path = f"/union/purchases/{plan.id}"
    await clerk.open(path)
    await clerk.send(f"{path}/notice")
    assert await stands(plan) == "noticed"
    stranger = await browser_of(app, database, await buyer(database, works_at=desk.shop.branch))
    assert (await stranger.open(f"{path}/notice")).status == 404
    receiver = await browser_of(app, database, desk.receivers[0])
    await receiver.open(f"{path}/notice")
    await receiver.send(f"{path}/objections", words="价格偏高")
    assert "价格偏高" in receiver.page.words
    await clerk.open(path)
    assert "1 条异议待答复" in clerk.page.words
    objection = await one(
        plan, "SELECT o.id FROM bulk_objection o JOIN bulk_notice n ON n.id = o.notice_id WHERE n.purchase_id = :id"
    )
    await clerk.send(f"{path}/objections/{objection}/answer", answer="已比价三家")
    assert "已比价三家" in clerk.page.words
    for browser in (clerk, stranger, receiver):
        await browser.close()


async def test_a_quote_that_is_refused_keeps_its_fields(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database, state="draft")
    clerk = await browser_of(app, database, plan.desk.clerk)
    path = f"/union/purchases/{plan.id}"
    quote = {
        "supplier_name": "甲公司（虚构）",
        "credit_code": "913100000000000001",
        "legal_representative": "法人甲",
        "owners": "股东甲、股东乙",
        "bank_account": "6222 0000 0001",
        "total": "300",
    }
    await clerk.open(path)
    await clerk.send(f"{path}/quotes", **quote)
    assert "¥300.00" in clerk.page.words
    await clerk.send(
        f"{path}/quotes", **(quote | {"supplier_name": "乙公司（虚构）", "credit_code": "913100000000000002"})
    )
    assert clerk.page.status == 409
    assert "法定代表人" in clerk.page.words
    assert clerk.page.forms[f"{path}/quotes"]["supplier_name"] == "乙公司（虚构）"
    await clerk.close()


async def test_an_approver_lets_somebody_else_decide(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    deputy = plan.desk.receivers[0]
    approver = await browser_of(app, database, plan.desk.approvers[0])
    await approver.open("/union")
    email = await one(plan, "SELECT email FROM user_account WHERE id = :user", user=deputy.user_id)
    days = {"valid_from": str(clock.today()), "valid_to": str(clock.today() + timedelta(days=3))}
    await approver.send("/union/delegations", delegate_email="nobody@example.com", up_to="1000", **days)
    assert approver.page.forms["/union/delegations"]["delegate_email"] == "nobody@example.com"
    await approver.send("/union/delegations", delegate_email=str(email), up_to="1000", **days)
    assert "已委托" in approver.page.words
    theirs = await browser_of(app, database, deputy)
    await theirs.open(f"/union/purchases/{plan.id}")
    assert f"/union/purchases/{plan.id}/approve" in theirs.page.forms
    await approver.close()
    await theirs.close()
