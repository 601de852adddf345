"""A form is taken only from a page of ours; programs with a bearer token need no form."""

from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.people import bearer, client_of, somebody
from tests.shop.access.test_pages import sign_in, token_in

BUYER = Grant(Role.EMPLOYEE, "all", "*")
HTML = {"accept": "text/html"}


@dataclass(frozen=True)
class Case:
    says: str
    headers: dict[str, str]
    status: int


SITES = [
    Case("a browser of ours", {"sec-fetch-site": "same-origin", "origin": "http://shop.test"}, 200),
    Case("the visitor's own doing", {"sec-fetch-site": "none"}, 200),
    Case("an old browser", {"origin": "http://shop.test"}, 200),
    Case("no browser", {}, 200),
    Case("another site", {"sec-fetch-site": "cross-site", "origin": "http://evil.test"}, 403),
    Case("a neighbour", {"sec-fetch-site": "same-site", "origin": "http://other.shop.test"}, 403),
    Case("an old browser elsewhere", {"origin": "http://evil.test"}, 403),
    Case("another port", {"origin": "http://shop.test:8080"}, 403),
    Case("a hidden origin", {"origin": "null"}, 403),
    Case("a site that lies about its origin", {"sec-fetch-site": "cross-site", "origin": "http://shop.test"}, 403),
]


@pytest.fixture
async def signed_in(app: FastAPI, database: Database) -> AsyncClient:
    await somebody(database, "ada@example.com", BUYER)
    client = client_of(app)
    await sign_in(client, "ada@example.com")
    return client


@pytest.mark.anyio
async def test_where_a_form_comes_from(signed_in: AsyncClient) -> None:
    token = token_in(await signed_in.get("/"))
    for case in SITES:
        answer = await signed_in.post("/basket", data={"csrf_token": token, "note": "枸杞"}, headers=case.headers)
        assert answer.status_code == case.status, case.says
        assert (answer.text == "枸杞") is (case.status == 200), "the body reaches the route unharmed"


@pytest.mark.anyio
async def test_the_token_must_be_this_browsers_own(app: FastAPI, signed_in: AsyncClient, database: Database) -> None:
    await somebody(database, "eve@example.com", BUYER)
    async with client_of(app) as eve, client_of(app) as stranger:
        await sign_in(eve, "eve@example.com")
        eves = token_in(await eve.get("/"))
        anonymous = token_in(await stranger.get("/sign-in"))
    for token in ("", "0" * 64, "令牌", eves, anonymous):
        refused = await signed_in.post("/basket", data={"csrf_token": token, "note": "x"}, headers=HTML)
        assert refused.status_code == 403
        assert "刷新" in refused.text
        assert "content-security-policy" in refused.headers
    missing = await signed_in.post("/basket", data={"note": "x"})
    assert (missing.status_code, missing.json()["code"]) == (403, "form_refused")


@pytest.mark.anyio
async def test_a_stranger_without_our_cookie_cannot_send_the_sign_in_form(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        page = await client.get("/sign-in")
        token = token_in(page)
        assert page.headers["cache-control"] == "private, no-store"
        client.cookies.clear()
        refused = await client.post("/sign-in", data={"csrf_token": token, "email": "a", "password": "b"})
        assert refused.status_code == 403


@pytest.mark.anyio
async def test_a_page_without_a_form_sets_no_cookie(app: FastAPI) -> None:
    async with client_of(app) as client:
        answer = await client.get("/")
        assert "set-cookie" not in answer.headers


@pytest.mark.anyio
async def test_uploads_carry_the_token_first(signed_in: AsyncClient) -> None:
    token, content = token_in(await signed_in.get("/")), b"\r\n--x\x00" * 100_000
    sent = await signed_in.post("/upload", data={"csrf_token": token}, files={"file": ("a.bin", content)})
    assert sent.text == str(len(content))
    refused = await signed_in.post("/upload", data={"other": token}, files={"file": ("a.bin", content)})
    assert refused.status_code == 403


@pytest.mark.anyio
async def test_a_form_too_large_is_refused_before_it_is_read(signed_in: AsyncClient) -> None:
    token = token_in(await signed_in.get("/"))
    answer = await signed_in.post("/basket", data={"csrf_token": token, "note": "x" * 1_100_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "form_too_large")


@pytest.mark.anyio
async def test_programs_need_no_form_and_cookies_do(signed_in: AsyncClient, app: FastAPI) -> None:
    async with client_of(app) as program:
        assert (await program.post("/api/v1/things")).status_code == 401
        who = await bearer(program, "ada@example.com")
        elsewhere = {"origin": "http://evil.test"}
        assert (await program.post("/api/v1/things", headers=who | elsewhere)).status_code == 200
        assert (await program.post("/hooks/stripe", content=b"{}", headers=elsewhere)).text == "2"
    token = token_in(await signed_in.get("/"))
    assert (await signed_in.post("/api/v1/things")).json()["code"] == "form_refused"
    assert (await signed_in.post("/api/v1/things", headers={"x-csrf-token": token})).status_code == 200
    assert (await signed_in.post("/api/v1/things", headers=who)).status_code == 200
    assert (await signed_in.get("/api/v1/maybe")).json() == {"known": True}
    spoilt = await signed_in.get("/api/v1/maybe", headers={"authorization": "Bearer nonsense"})
    assert spoilt.status_code == 401, "a bad token is not forgiven for a good cookie"


@pytest.mark.anyio
async def test_a_form_of_an_ended_session_leads_to_sign_in_and_back(signed_in: AsyncClient, app: FastAPI) -> None:
    token, secret = token_in(await signed_in.get("/")), signed_in.cookies["bangfu_session"]
    await signed_in.post("/sign-out", data={"csrf_token": token})
    signed_in.cookies.set("bangfu_session", secret)
    sent = await signed_in.post(
        "/basket", data={"csrf_token": token, "note": "x"}, headers={"referer": "http://shop.test/products/1?a=b"}
    )
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Fproducts%2F1%3Fa%3Db")


@pytest.mark.anyio
async def test_every_answer_is_strict_with_the_browser(app: FastAPI) -> None:
    async with client_of(app) as client:
        for path in ("/", "/api/v1/me", "/nowhere"):
            headers = (await client.get(path)).headers
            assert headers["content-security-policy"] == (
                "default-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'; object-src 'none'; "
                "base-uri 'none'; frame-ancestors 'none'; form-action 'self' https://checkout.stripe.com"
            )
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert "strict-transport-security" not in headers


@pytest.mark.anyio
async def test_searching_is_limited_by_address_and_listing_is_not(app: FastAPI) -> None:
    async with client_of(app, "192.0.2.1") as eager, client_of(app, "192.0.2.2") as other:
        for _ in range(600):
            assert (await eager.get("/api/v1/list?q=a")).status_code == 200
        stopped = await eager.get("/api/v1/list?q=a")
        assert (stopped.status_code, stopped.json()["code"]) == (429, "search_too_often")
        assert 1 <= int(stopped.headers["retry-after"]) <= 60
        assert (await eager.get("/api/v1/list")).status_code == 200
        assert (await other.get("/api/v1/list?q=a")).status_code == 200
