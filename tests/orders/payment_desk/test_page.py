"""The desk as a page: two browsers, what was typed comes back, Chinese and English, and nothing of another company."""

import re
from contextlib import aclosing

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.checkout.open_payment import open_payment
from orders.switchboard import handle_inbox
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import Unit
from tests.make.identities import identities_hold
from tests.make.people import somebody
from tests.make.shop import LONG_AGO, buyer, placed, small_shop
from tests.orders.banking.test_pages import signed_in, token

pytestmark = pytest.mark.anyio
DESK = "/staff/payments"


async def test_everything_that_waits_is_handled_by_two_browsers(  # noqa: PLR0915  # one day of a desk
    app: FastAPI, database: Database
) -> None:
    shop = await small_shop(database)
    other = Unit(id=new_id(), code="OTHER", name="另一家公司（虚构）", valid_from=LONG_AGO, created_at=clock.now())
    async with database.transaction() as session:
        session.add(other)
    for email, unit in (("one@desk.test", shop.bank), ("two@desk.test", shop.branch), ("other@desk.test", other.id)):
        await somebody(database, email, Grant(Role.STAFF, "unit", str(unit)))
    who, payments = await buyer(database, works_at=shop.branch), []
    for fen in (123_456, None, None):
        order = await placed(database, who, {shop.skus[0]: 2})
        opened = await open_payment(
            database, app.state.gateway, actor=who, order_id=order.id, method="stripe", now=clock.now()
        )
        await app.state.sandbox.succeed(opened.payment_id, amount_fen=fen)
        payments.append(opened.payment_id)

    async def work() -> None:
        await app.state.sandbox.quiet()
        await handle_inbox(database, app.state.gateway, now=clock.now())

    await work()
    foreign = await app.state.sandbox.refund_in_dashboard(payments[1], amount_fen=1_000)
    await app.state.sandbox.dispute(payments[2], reason="fraudulent")
    await work()
    async with (
        aclosing(await signed_in(app, "one@desk.test")) as first,
        aclosing(await signed_in(app, "two@desk.test")) as second,
        aclosing(await signed_in(app, "other@desk.test")) as stranger,
    ):
        page = (await first.get(DESK)).text
        for words in (
            "金额或币种与应付不同",
            "1,234.56",
            "平台退款未认领",
            "付款人说不是本人付款",
            "示例银行一分行（虚构）",
        ):
            assert words in page, words
        assert "1,234.56" not in (await stranger.get(DESK)).text
        english = (await first.get(f"{DESK}?lang=en")).text
        assert "Amount or currency differs from what was asked" in english
        assert not re.search(
            "[\u4e00-\u9fff]", re.sub("（[^（）]*）|示例[^<]*|中文|简体|客户[^<]*", "", _main(english))
        ), "all of it"
        asked = {"csrf_token": token(page), "subject": f"payment:{payments[0]}", "action": "keep", "reason": "另下一单"}
        empty = await first.post(DESK, data=asked | {"reason": "  "})
        assert (empty.status_code, "请填写原因" in empty.text) == (422, True)
        assert (
            await stranger.post(DESK, data=asked | {"csrf_token": token((await stranger.get(DESK)).text)})
        ).status_code == 404
        assert (await first.post(DESK, data=asked)).headers["location"] == f"{DESK}?did=asked"
        again = await first.post(DESK, data=asked)
        assert (again.status_code, "须由另一位同事确认" in again.text) == (409, True)
        page = (await second.get(DESK)).text
        assert "待另一人确认" in page
        asked["csrf_token"] = token(page)
        back = await second.post(DESK, data=asked | {"action": "return", "reason": "不如退了"})
        assert (back.status_code, "同事申请的是另一种处理" in back.text) == (409, True)
        assert (await second.post(DESK, data=asked)).headers["location"] == f"{DESK}?did=done"
        mine = await placed(database, who, {shop.skus[1]: 1})
        page = (await second.get(DESK)).text
        assert mine.number in page, "an order that the advance could pay"
        matched = asked | {"action": "match", "order_id": str(mine.id)}
        assert (await second.post(DESK, data=matched)).status_code == 303
        line = re.search(r'name="(line:[^"]+)"', page)
        assert line
        adopted = {"subject": f"provider_refund:{foreign}", "action": "adopt", "reason": "客服退了一袋", line[1]: "2"}
        wrong = await second.post(DESK, data=adopted | {"csrf_token": token(page)})
        assert wrong.status_code == 409
        assert 'value="2"' in wrong.text
        assert "客服退了一袋" in wrong.text
        adopted[line[1]] = "1"
        sent = adopted | {"csrf_token": token((await first.get(DESK)).text)}
        assert (await first.post(DESK, data=sent)).status_code == 303
        page = (await second.get(DESK)).text
        assert re.search(r"<li>[^<]+ × 1</li>", page), "what was asked, and nothing to fill in"
        assert line[1] not in page
        decision = re.search(r'name="decision_id" value="([^"]+)"', page)
        assert decision
        other = await second.post(DESK, data=adopted | {"csrf_token": token(page), line[1]: "2"})
        assert other.status_code == 409
        sent = {"csrf_token": token(page), "subject": adopted["subject"], "action": "confirm"}
        stale = await second.post(DESK, data=sent | {"decision_id": str(new_id())})
        assert (stale.status_code, "申请在您打开页面之后变了" in stale.text) == (409, True)
        done = await second.post(DESK, data=sent | {"decision_id": decision[1]})
        assert (done.status_code, done.headers.get("location")) == (303, f"{DESK}?did=done")
        page = (await first.get(DESK)).text
        for strange in ({"subject": "refund:x", "action": "retry"}, {"subject": "", "action": "burn"}):
            assert (await first.post(DESK, data=strange | {"csrf_token": token(page)})).status_code == 422
    async with database.reading() as session:
        rows = await session.execute(text("SELECT kind, state, amount_fen FROM refund"))
        assert [tuple(row) for row in rows] == [("adopted", "succeeded", 1_000)]
    await identities_hold(database)


def _main(page: str) -> str:
    """What the desk itself says, without names and what people typed."""
    inside = re.search(r"<main.*?</main>", page, re.DOTALL)
    assert inside
    return inside[0]
