"""The desk's pages, with forms as a browser sends them."""

import re
from dataclasses import asdict

import httpx
import pytest
from fastapi import FastAPI

from shop.access.permissions import Grant, Role
from tests.make.evidence import JPEG
from tests.make.intake import BANK, BRANCH, MARKET, PLATFORM, IntakeDesk, Line, market, ours
from tests.make.people import PASSWORD, client_of, somebody

pytestmark = pytest.mark.anyio

ADDRESS = "/staff/intake"


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


async def signed_in(app: FastAPI, desk: IntakeDesk, email: str) -> httpx.AsyncClient:
    await somebody(desk.database, email, Grant(Role.STAFF, "unit", str(desk.shop.bank)))
    browser = client_of(app)
    page = await browser.get("/sign-in")
    sent = {"csrf_token": token(page.text), "email": email, "password": PASSWORD}
    assert (await browser.post("/sign-in", data=sent)).status_code == 303
    return browser


async def upload(
    browser: httpx.AsyncClient, data: bytes, channel: str = PLATFORM, evidence: bytes = b""
) -> httpx.Response:
    page = await browser.get(ADDRESS)
    assert page.status_code == 200, page.text
    files = {"file": ("对账单.csv", data), **({"evidence": ("小票.jpg", evidence)} if evidence else {})}
    sent = {"csrf_token": token(page.text), "channel": channel, "evidence_kind": "document"}
    return await browser.post(ADDRESS, data=sent, files=files)


async def test_one_uploads_another_confirms(app: FastAPI, desk: IntakeDesk) -> None:
    first, second = await signed_in(app, desk, "one@desk.test"), await signed_in(app, desk, "two@desk.test")
    wrong = await upload(first, market([Line()]))
    assert wrong.status_code == 422
    assert "看起来是“零售商电商平台”的对账单" in wrong.text
    refused = await upload(first, ours([Line(amount="-1")]))
    page = await first.get(refused.headers["location"])
    assert "第 2 行“成交金额（元）”：销售金额不能是负数" in page.text
    data = ours([Line(amount="1,280.00")]) + "合计,,,1280\r\n".encode()
    sent = await upload(first, data, evidence=JPEG)
    page = await first.get(sent.headers["location"])
    assert "不计：合计行" in page.text
    assert "重复主张已裁定" not in page.text, "each row says its own reason"
    assert "由另一位同事确认" in page.text
    assert "1 行 ¥1,280.00" in page.text
    page = await second.get(sent.headers["location"])
    address = f"{sent.headers['location']}/confirm"
    refusal = await first.post(address, data={"csrf_token": token(page.text)})
    assert refusal.status_code == 403, "another one's form"
    assert (await second.post(address, data={"csrf_token": token(page.text)})).status_code == 303
    assert "已记入" in (await second.get(sent.headers["location"])).text
    assert await desk.sums("channel", "grade") == [(PLATFORM, "C", 128_000)]
    again = await upload(second, data)
    assert "这个文件以前上传过" in (await second.get(again.headers["location"])).text
    assert "已记入" in (await first.get(ADDRESS)).text


async def test_a_batch_is_sent_back_with_a_reason(app: FastAPI, desk: IntakeDesk) -> None:
    batch = await desk.staged([Line()])
    second = await signed_in(app, desk, "two@desk.test")
    page = await second.get(f"{ADDRESS}/{batch}")
    refused = await second.post(f"{ADDRESS}/{batch}/reject", data={"csrf_token": token(page.text), "reason": " "})
    assert (refused.status_code, "请写明依据或原因" in refused.text) == (422, True)
    sent = {"csrf_token": token(page.text), "reason": "与后台合计不符"}
    for mistyped in ("confirmed", "Reject", "rejected"):
        assert (await second.post(f"{ADDRESS}/{batch}/{mistyped}", data=sent)).status_code == 422
    assert (await desk.batch(batch))["state"] == "staged", "another word decides nothing"
    assert (await second.post(f"{ADDRESS}/{batch}/reject", data=sent)).status_code == 303
    assert "与后台合计不符" in (await second.get(f"{ADDRESS}/{batch}")).text
    assert await desk.sums("channel") == []


async def test_a_claim_is_decided_on_its_page(app: FastAPI, desk: IntakeDesk) -> None:
    await desk.imported([Line(unit=BRANCH)])
    await desk.imported([Line(unit=BANK)])
    third = await signed_in(app, desk, "three@desk.test")
    page = await third.get(f"{ADDRESS}/claims")
    assert BANK in page.text
    assert BRANCH in page.text
    assert "¥100.00" in page.text
    action = re.search(r'formaction="(/staff/intake/claims/[^"]+/later)"', page.text)
    assert action
    assert (await third.post(action[1], data={"csrf_token": token(page.text), "reason": ""})).status_code == 422
    sent = {"csrf_token": token(page.text), "reason": "合同甲方是总行"}
    for mistyped in ("last", "LATER", "second"):
        at = action[1].removesuffix("later") + mistyped
        assert (await third.post(at, data=sent)).status_code == 422
    assert [one["state"] for one in await desk.claims()] == ["open"], "another word decides nothing"
    assert (await third.post(action[1], data=sent)).status_code == 303
    assert "归后导入单位" in (await third.get(f"{ADDRESS}/claims")).text
    assert await desk.sums("unit_name") == [(BANK, 10_000)]


async def test_an_offline_sale_by_the_form(app: FastAPI, desk: IntakeDesk) -> None:
    first = await signed_in(app, desk, "one@desk.test")
    page = await first.get(f"{ADDRESS}/offline")
    typed = {name: cell for name, cell in asdict(Line(amount="十元")).items() if isinstance(cell, str)}
    sent = {"csrf_token": token(page.text), "channel": "fair", **typed}
    refused = await first.post(f"{ADDRESS}/offline", data=sent, files={"photo": ("小票.jpg", JPEG)})
    assert refused.status_code == 422
    assert 'value="示例货0"' in refused.text, "what was typed stays"
    assert "不是金额" in refused.text
    done = await first.post(f"{ADDRESS}/offline", data=sent | {"amount": "10"}, files={"photo": ("小票.jpg", JPEG)})
    assert done.status_code == 303
    assert (await desk.confirm(done.headers["location"].rsplit("/", 1)[1])).status_code == 200
    assert await desk.sums("channel", "grade") == [("fair", "C", 1_000)]


async def test_strangers_find_no_page(app: FastAPI, desk: IntakeDesk) -> None:
    batch = await desk.staged([Line(unit=BANK)], MARKET)
    await somebody(desk.database, "local@desk.test", Grant(Role.STAFF, "unit", str(desk.shop.branch)))
    browser = client_of(app)
    page = await browser.get("/sign-in")
    await browser.post(
        "/sign-in", data={"csrf_token": token(page.text), "email": "local@desk.test", "password": PASSWORD}
    )
    assert (await browser.get(f"{ADDRESS}/{batch}")).status_code == 404
    page = await browser.get(ADDRESS)
    assert "零售商电商平台 ·" not in page.text
    sent = {"csrf_token": token(page.text)}
    assert (await browser.post(f"{ADDRESS}/{batch}/confirm", data=sent)).status_code == 404
    template = await browser.get(f"{ADDRESS}/template.csv")
    assert template.text.startswith("\ufeff渠道,外部单号")
