"""The bank desk's page, with forms as a browser sends them."""

import re
from contextlib import aclosing

import pytest
from fastapi import FastAPI

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.banking import Row, brought, icbc, share, share_now
from tests.make.caller import as_caller
from tests.make.evidence import worker
from tests.make.people import PASSWORD, client_of, somebody
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio


async def signed_in(app: FastAPI, email: str):  # noqa: ANN201
    browser = client_of(app)
    page = await browser.get("/sign-in")
    sent = {"csrf_token": token(page.text), "email": email, "password": PASSWORD}
    answer = await browser.post("/sign-in", data=sent)
    assert answer.status_code == 303, answer.text
    return browser


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


async def test_two_people_match_a_transfer_by_the_page(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    grant = Grant(Role.STAFF, "unit", str(shop.bank))
    await somebody(database, "one@desk.test", grant)
    await somebody(database, "two@desk.test", grant)
    of = await share(database, shop, due_fen=1_000)
    first, second = await signed_in(app, "one@desk.test"), await signed_in(app, "two@desk.test")
    page = await first.get("/staff/bank")
    assert "没有待处理的到账" in page.text
    data = {"csrf_token": token(page.text)}
    wrong = await first.post("/staff/bank/statements", data=data, files={"file": ("a.csv", "姓名,数\n甲,1\n".encode())})
    assert (wrong.status_code, "还不认识这种流水的表头" in wrong.text) == (422, True)
    sent = await first.post(
        "/staff/bank/statements",
        data=data,
        files={"file": ("a.csv", icbc([Row("S1", "10.00", name="某专户（虚构）")]))},
    )
    assert sent.status_code == 303
    statement = sent.headers["location"].partition("?")[0]
    page = await first.get(sent.headers["location"])
    assert "还没有入账" in page.text
    assert "将待处理" in page.text
    alone = await first.post(statement, data={"csrf_token": token(page.text), "do": "confirm"})
    assert (alone.status_code, "由导入人以外" in alone.text) == (409, True)
    assert "待您确认" in (await second.get("/staff/bank")).text
    page = await second.get(statement)
    done = await second.post(statement, data={"csrf_token": token(page.text), "do": "confirm"})
    page = await first.get(done.headers["location"])
    assert "待处理 1 笔" in page.text
    action = re.search(r'action="(/staff/bank/[^"]+/match)"', page.text)
    assert action
    typed = {"csrf_token": token(page.text), "shares": "BF 抄错了", "reason": "来函"}
    refused = await first.post(action[1], data=typed)
    assert refused.status_code == 422
    assert "BF 抄错了" in refused.text
    assert "识别码抄错了" in refused.text
    assert (await first.post(action[1], data=typed | {"shares": of.transfer_code, "remember": "1"})).status_code == 303
    assert "要由另一位同事确认" in (await first.get("/staff/bank")).text
    page = await second.get("/staff/bank")
    decide = re.search(r'action="(/staff/bank/[^"]+/proposals/[^"]+)"', page.text)
    assert decide
    done = await second.post(decide[1], data={"csrf_token": token(page.text), "do": "confirm", "reason": ""})
    assert done.status_code == 303
    assert await share_now(database, of.id) == (1_000, 1_000, "paid")
    assert (await first.get("/staff/bank?lang=en")).status_code == 200
    for browser in (first, second):
        await browser.aclose()


async def test_too_much_and_refunds_of_transfers_go_back_by_the_page(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    await somebody(database, "one@desk.test", Grant(Role.STAFF, "unit", str(shop.bank)))
    of = await share(database, shop, due_fen=1_000)
    who = await buyer(database, works_at=shop.branch)
    order = await placed(database, who, {shop.skus[0]: 1})
    async with as_caller(app, who) as caller:
        opened = await caller.post(f"/api/v1/orders/{order.id}/pay", json={"method": "bank_transfer"})
    code = opened.json()["transfer_code"]
    async with aclosing(await signed_in(app, "one@desk.test")) as browser:
        page = await browser.get("/staff/bank")
        rows = [Row("S1", "12.00", of.transfer_code), Row("S2", f"{order.total_fen / 100:.2f}", code, name="张三丰")]
        data = {"csrf_token": token(page.text)}
        await brought(app, database, await worker(database, Role.STAFF, "unit", shop.bank), icbc(rows))
        async with as_caller(app, who) as caller:
            await caller.post(f"/api/v1/orders/{order.id}/cancel")
        page = await browser.get("/staff/bank")
        back = re.search(r'action="(/staff/bank/shares/[^"]+)"', page.text)
        refund = re.search(r'action="(/staff/bank/refunds/[^"]+)"', page.text)
        assert back
        assert refund
        assert 'value="¥2.00"' in page.text
        wrong = await browser.post(back[1], data=data | {"yuan": "两元", "bank_reference": "OUT1", "reason": "多付"})
        assert (wrong.status_code, 'value="两元"' in wrong.text) == (422, True)
        sent = {"yuan": "¥2.00", "bank_reference": "OUT1", "reason": "多付"}
        assert (await browser.post(back[1], data=data | sent)).status_code == 303
        assert (await browser.post(refund[1], data=data | {"bank_reference": " "})).status_code == 422
        assert (await browser.post(refund[1], data=data | {"bank_reference": "OUT2"})).status_code == 303
        page = await browser.get("/staff/bank")
        assert "待转账退款" not in page.text
        assert "待退回" not in page.text
    assert await share_now(database, of.id) == (1_000, 1_000, "paid")
