"""Signing in with a browser, coming back, and the way in for outside buyers."""

import re
from datetime import date, timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text

from shop.access.guard import local_path
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.keys import Keys
from tests.make.people import PASSWORD, bearer, client_of, somebody
from tests.make.phone import proven
from tests.make.units import invitation, unit
from tests.shop.access.conftest import door_app

BUYER = Grant(Role.EMPLOYEE, "all", "*")
STAFF = Grant(Role.STAFF, "all", "*")


def token_in(page: Response) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


async def sign_in(client: AsyncClient, email: str, password: str = PASSWORD, there: str = "/") -> Response:
    page = await client.get("/sign-in", params={"next": there})
    fields = {"csrf_token": token_in(page), "email": email, "password": password, "next": there}
    return await client.post("/sign-in", data=fields)


@pytest.mark.anyio
async def test_a_stranger_is_sent_to_sign_in_and_comes_back(app: FastAPI, database: Database) -> None:
    ada = await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        sent = await client.get("/basket?page=2")
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=%2Fbasket%3Fpage%3D2")
        page = await client.get(sent.headers["location"])
        assert 'value="/basket?page=2"' in page.text
        back = await sign_in(client, ada.email, there="/basket?page=2")
        assert (back.status_code, back.headers["location"]) == (303, "/basket?page=2")
        assert (await client.get("/basket")).text == str(ada.user_id)
        front = await client.get("/")
        assert "张三丰" in front.text
        assert 'href="/staff"' not in front.text
        assert (await client.get("/sign-in")).headers["location"] == "/", "nobody signs in twice"


@pytest.mark.anyio
async def test_staff_see_their_reports_in_the_menu(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", STAFF)
    async with client_of(app) as client:
        await sign_in(client, "ada@example.com")
        assert 'href="/staff"' in (await client.get("/")).text


@pytest.mark.anyio
@pytest.mark.parametrize(("public_url", "secure"), [("http://shop.test", False), ("https://shop.test", True)])
async def test_the_cookie_is_out_of_reach_and_stored_nowhere(
    database: Database, public_url: str, secure: bool, keys: Keys
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(door_app(database, keys, public_url=public_url)) as client:
        page = await client.get("/sign-in")
        form_cookie = page.headers["set-cookie"]
        client.cookies.set(*form_cookie.split(";")[0].split("=", 1))
        fields = {"csrf_token": token_in(page), "email": "ada@example.com", "password": PASSWORD}
        cookie = (await client.post("/sign-in", data=fields)).headers["set-cookie"]
    for written in (cookie, form_cookie):
        parts = {part.strip().lower() for part in written.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= parts
        assert ("secure" in parts) is secure
        assert written.startswith("__Host-") is secure
    assert "max-age=43200" in cookie.lower()
    secret = cookie.split("=")[1].split(";")[0]
    async with database.reading() as session:
        rows = (await session.execute(text("SELECT sign_in_session::text FROM sign_in_session"))).scalars().all()
    assert len(rows) == 1
    assert secret not in rows[0]


@pytest.mark.anyio
async def test_a_mistake_keeps_the_email_and_never_the_password(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        answer = await sign_in(client, "ada@example.com", "wrong horse battery", "/basket")
        assert answer.status_code == 401
        assert 'value="ada@example.com"' in answer.text
        assert 'value="/basket"' in answer.text
        assert "wrong horse battery" not in answer.text
        for _ in range(9):
            await sign_in(client, "ada@example.com", "wrong horse battery")
        closed = await sign_in(client, "ada@example.com")
        assert closed.status_code == 429
        assert int(closed.headers["retry-after"]) > 0


@pytest.mark.anyio
async def test_signing_out_ends_the_session_not_only_the_cookie(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        await sign_in(client, "ada@example.com")
        secret = client.cookies["bangfu_session"]
        fields = {"csrf_token": token_in(await client.get("/"))}
        gone = await client.post("/sign-out", data=fields)
        assert (gone.status_code, gone.headers["location"]) == (303, "/")
        assert gone.headers["clear-site-data"] == '"cache", "storage"'
        assert "bangfu_session" not in client.cookies
        client.cookies.set("bangfu_session", secret)
        assert (await client.get("/basket")).status_code == 303


@pytest.mark.anyio
async def test_who_signs_in_over_a_session_ends_it(app: FastAPI, database: Database) -> None:
    for email in ("ada@example.com", "eve@example.com"):
        await somebody(database, email, BUYER)
    async with client_of(app) as client, client_of(app, "192.0.2.2") as elsewhere:
        await sign_in(client, "ada@example.com")
        first = client.cookies["bangfu_session"]
        fields = {"csrf_token": token_in(await client.get("/")), "email": "eve@example.com", "password": PASSWORD}
        assert (await client.post("/sign-in", data=fields)).status_code == 303
        assert client.cookies["bangfu_session"] != first
        elsewhere.cookies.set("bangfu_session", first)
        assert (await elsewhere.get("/basket")).status_code == 303, "nobody holds the first one any more"
        assert (await client.get("/basket")).status_code == 200


@pytest.mark.anyio
async def test_a_page_session_lasts_twelve_hours(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        await sign_in(client, "ada@example.com")
        async with database.transaction() as session:
            lasts = await session.scalar(text("SELECT expires_at - created_at FROM sign_in_session"))
            await session.execute(text("UPDATE sign_in_session SET expires_at = now()"))
        assert lasts == timedelta(hours=12)
        assert (await client.get("/basket")).status_code == 303


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        ("/orders?page=2", "/orders?page=2"),
        ("/产地", "/产地"),
        ("https://evil.test/", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("/ok\r\nset-cookie: a=b", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_nobody_is_sent_elsewhere(there: str | None, kept: str) -> None:
    assert local_path(there) == kept


@pytest.mark.anyio
async def test_an_outside_buyer_joins_by_a_units_link(app: FastAPI, database: Database, keys: Keys) -> None:
    bank = await unit(database, "BANK")
    await invitation(database, "friends", bank)
    typed = {"email": "Bob@example.com", "password": PASSWORD, "name": "李四", "phone": "138 0013 8000"}
    async with client_of(app) as client:
        page = await client.get("/join/friends")
        assert "BANK（虚构）" in page.text
        proof = await proven(client, "13800138000", keys)
        joined = await client.post("/join/friends", data=typed | {"csrf_token": token_in(page), "proof": proof})
        assert (joined.status_code, joined.headers["location"]) == (303, "/")
        assert (await client.get("/basket")).status_code == 200, "signed in, and may buy"
        me = (await client.get("/api/v1/me")).json()
    assert me["introducing_unit"] == {"id": str(bank), "code": "BANK", "name": "BANK（虚构）"}
    assert me["unit"] is None
    assert me["roles"] == [{"role": "outside_buyer", "scope_kind": "unit", "scope_id": str(bank)}]
    async with database.reading() as session:
        row = (await session.execute(_INTRODUCTION)).one()
    assert row == ("bob@example.com", "李四", "13800138000", bank, "friends", clock.today(), None)


@pytest.mark.anyio
async def test_joining_says_everything_that_is_wrong_and_keeps_what_was_typed(app: FastAPI, database: Database) -> None:
    await invitation(database, "friends", await unit(database, "BANK"))
    async with client_of(app) as client:
        token = token_in(await client.get("/join/friends"))
        wrong = {"csrf_token": token, "email": "no", "password": "short", "name": " ", "phone": "12345"}
        answer = await client.post("/join/friends", data=wrong)
        assert answer.status_code == 422
        assert answer.text.count('class="error-text"') == 4
        assert 'value="12345"' in answer.text
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM person")) == 0
        assert await session.scalar(text("SELECT count(*) FROM introduction")) == 0


@pytest.mark.anyio
async def test_unknown_unborn_and_ended_links_are_not_found(app: FastAPI, database: Database) -> None:
    bank, today = await unit(database, "BANK"), clock.today()
    await invitation(database, "ended", bank, until=today)
    await invitation(database, "unborn", bank, since=today + timedelta(days=1))
    await invitation(database, "last-day", bank, since=date(2021, 1, 1), until=today + timedelta(days=1))
    async with client_of(app) as client:
        for code in ("ended", "unborn", "never", "a%00b"):
            page = await client.get(f"/join/{code}", headers={"accept": "text/html"})
            assert page.status_code == 404
            assert "这个邀请链接已失效" in page.text
        assert (await client.get("/join/last-day")).status_code == 200


_INTRODUCTION = text(
    "SELECT account.email, person.name, person.phone, introduction.unit_id, link_code, valid_from, valid_to"
    " FROM introduction JOIN person ON person.id = person_id JOIN user_account AS account USING (person_id)"
)


@pytest.mark.anyio
async def test_the_door_speaks_english_when_asked(app: FastAPI, database: Database) -> None:
    await invitation(database, "friends", await unit(database, "BANK"))
    async with client_of(app) as client:
        page = await client.get("/sign-in?lang=en")
        assert "Password" in page.text
        fields = {"csrf_token": token_in(page), "email": "ada@example.com", "password": "wrong horse battery"}
        assert "Wrong email or password" in (await client.post("/sign-in?lang=en", data=fields)).text
        wrong = {"csrf_token": token_in(page), "phone": "12345"}
        joining = await client.post("/join/friends?lang=en", data=wrong)
        assert "There is no such phone number" in joining.text
        assert "invites you to the shop" in joining.text


@pytest.mark.anyio
async def test_what_a_program_is_told_as_somebody_is_kept_by_no_cache(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        nobody = await client.get("/api/v1/counties")
        assert "no-store" not in nobody.headers.get("cache-control", "")
        headers = await bearer(client, "ada@example.com")
        for path in ("/api/v1/me", "/api/v1/orders"):
            assert (await client.get(path, headers=headers)).headers["cache-control"] == "private, no-store"
