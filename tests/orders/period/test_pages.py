"""The months on a page: whose, what was open, asking, and the second person."""

import httpx
import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.months import LAST, THIS, Companies, companies, text_of
from tests.make.people import PASSWORD, client_of

pytestmark = pytest.mark.anyio

LAST_TEXT = text_of(LAST)


class Reader:
    """Somebody with a browser."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def page(self, there: str = "/staff/periods") -> str:
        answer = await self.http.get(there)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def post(self, there: str, **typed: str) -> httpx.Response:
        token = (await self.page()).partition('name="csrf_token" value="')[2][:64]
        return await self.http.post(there, data={"csrf_token": token.partition('"')[0], **typed})


@pytest.fixture
async def two(client: httpx.AsyncClient, database: Database) -> Companies:
    return await companies(client, database)


async def signed_in(app: FastAPI, who: str) -> Reader:
    http = client_of(app)
    page = (await http.get("/sign-in")).text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    answer = await http.post(
        "/sign-in", data={"csrf_token": token, "email": f"{who}@months.test", "password": PASSWORD, "next": "/staff"}
    )
    assert answer.status_code == 303, answer.text
    return Reader(http)


async def test_two_people_on_the_page(two: Companies, app: FastAPI) -> None:
    one, second, branch = [await signed_in(app, who) for who in ("bank.one", "bank.two", "branch")]
    assert "BANK（虚构）" in await one.page()
    assert "申请重新开账" not in await one.page()
    assert (await one.post(f"/staff/periods/{LAST_TEXT}/close")).status_code == 303
    assert "关账人：bank.one（虚构）" in await branch.page()
    assert '<form method="post" action="/staff/periods/' not in await branch.page(), "a branch only looks"

    blank = await one.post(f"/staff/periods/{LAST_TEXT}/reopen", reason=" ")
    assert (blank.status_code, "请写明原因" in blank.text) == (422, True)
    wrong = await one.post(f"/staff/periods/{text_of(THIS)}/reopen", reason="打错了月份")
    assert (wrong.status_code, "这个月份没有关账" in wrong.text) == (409, True)
    asked = await one.post(f"/staff/periods/{LAST_TEXT}/reopen", reason="漏记一批退款")
    assert asked.status_code == 303
    mine, theirs = await one.page(), await second.page()
    assert "漏记一批退款" in mine
    assert "须由另一位同事审批" in mine
    assert "同意重新开账" not in mine
    address = theirs.partition(f'action="/staff/periods/{LAST_TEXT}/reopen/')[2].partition("/")[0]
    there = f"/staff/periods/{LAST_TEXT}/reopen/{address}"
    again = await second.post(f"/staff/periods/{LAST_TEXT}/reopen", reason="我也要 <b>开</b>")
    assert (again.status_code, "我也要 &lt;b&gt;开&lt;/b&gt;" in again.text) == (409, True), "what was typed comes back"
    own = await one.post(f"{there}/approve")
    assert (own.status_code, "须由另一位同事审批" in own.text) == (409, True)
    stranger = await branch.post(f"{there}/approve")
    assert stranger.status_code == 404
    unsaid = await second.post(f"{there}/refuse", decision="")
    assert (unsaid.status_code, "请写明理由" in unsaid.text) == (422, True)
    assert (await second.post(f"{there}/approve")).status_code == 303
    history = await one.page()
    assert "重新开账</b> · bank.two（虚构）（申请人：bank.one（虚构））：漏记一批退款" in history


async def test_a_refusal_needs_words_and_what_was_typed_comes_back(two: Companies, app: FastAPI) -> None:
    one = await signed_in(app, "bank.one")
    await two.close("bank.two", LAST)
    asked = await two.asked("bank.two", LAST)
    there = f"/staff/periods/{LAST_TEXT}/reopen/{asked}/refuse"
    assert "请写明理由" in (await one.post(there, decision="")).text
    assert (await one.post(there, decision="太晚")).status_code == 303
    decided = await one.post(there, decision="再说一次")
    assert (decided.status_code, "已经有人处理" in decided.text, "再说一次" in decided.text) == (409, True, True)
    assert (await one.post("/staff/periods/2019-12/reopen", reason="x")).status_code == 404


async def test_who_stands_above_all_units_chooses_whose(two: Companies, app: FastAPI) -> None:
    above = await signed_in(app, "platform.one")
    page = await above.page()
    assert '<option value="shop" selected>' in page
    assert f'<option value="{two.other}">' in page
    assert f'<option value="{two.branch}">' not in page
    there = f"/staff/periods/{LAST_TEXT}/close"
    closed = await above.post(there, unit=str(two.other))
    assert (closed.status_code, closed.headers["location"]) == (303, f"/staff/periods?unit={two.other}")
    assert [one["state"] for one in await two.months("other.one")] == ["open", "closed", "open"]
    assert [one["state"] for one in await two.months("platform.one")] == ["open"] * 3
    english = await above.page(f"/staff/periods?unit={two.other}&lang=en")
    assert "Accounting months" in english
    assert "Ask to open it again" in english
    older = english.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "2020" not in english
    assert (await above.http.get(older)).status_code == 200
    for unit in ("nonsense", str(two.branch)[:-1]):
        assert (await above.http.get(f"/staff/periods?unit={unit}")).status_code == 404
    stranger = await signed_in(app, "branch")
    assert (await stranger.http.get(f"/staff/periods?unit={two.other}")).status_code == 404
