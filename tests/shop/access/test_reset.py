"""A forgotten password: the answer tells nothing, the link works once, for half an hour, under the same password."""

import asyncio
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import event, text

from shop.access.account.ask_reset import answer_resets
from shop.access.users import reset_password, suspend
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from shop.messages.secret import token_of
from tests.make.keys import keys_from
from tests.make.outbox import letters, link_to, outbox
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody
from tests.shop.access.test_change_password import NEW
from tests.shop.access.test_pages import BUYER, sign_in, token_in

pytestmark = pytest.mark.anyio


async def forget(client: AsyncClient, email: str, lang: str = "zh") -> Response:
    return await client.post("/api/v1/auth/password-resets", json={"email": email}, params={"lang": lang})


async def set_new(client: AsyncClient, path: str, password: str = NEW) -> Response:
    page = await client.get(path)
    if page.status_code != 200:
        return page
    return await client.post(path, data={"csrf_token": token_in(page), "password": password})


async def test_by_mail_from_the_page_to_the_sign_in(app: FastAPI, settings: Settings, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    await somebody(database, "bob@example.com", BUYER)
    async with client_of(app) as signed_in, client_of(app) as client:
        await sign_in(signed_in, "ada@example.com")
        page = await client.get("/sign-in")
        assert 'href="/sign-in/forgot"' in page.text
        page = await client.get("/sign-in/forgot")
        asked = await client.post("/sign-in/forgot", data={"csrf_token": token_in(page), "email": "ADA@example.com "})
        assert (asked.status_code, "邮件已经在路上" in asked.text) == (202, True)
        path = await link_to(database, settings, "ada@example.com")
        weak = await set_new(client, path, "password1234")
        assert (weak.status_code, "很常见" in weak.text) == (422, True)
        done = await set_new(client, path)
        assert (done.status_code, done.headers["location"]) == (303, "/sign-in?done=reset")
        assert "请用新密码登录" in (await client.get(done.headers["location"])).text
        await asyncio.sleep(0.6)
        assert (await signed_in.get("/basket")).status_code == 303, "every session has ended"
        assert (await ask_token(client, "ada@example.com")).status_code == 401
        assert (await ask_token(client, "ada@example.com", NEW)).status_code == 200
        assert (await ask_token(client, "bob@example.com")).status_code == 200
        again = await set_new(client, path, "another kettle of rice")
        assert (again.status_code, "这个链接已失效" in again.text or again.json()["code"] == "link_dead") == (404, True)
        told = await letters(database, settings, "ada@example.com")
        assert [one["subject"] for one in told] == ["您的密码已修改 · 帮扶商城", "重设密码 · 帮扶商城"]


async def test_who_guessed_until_nobody_heard_him_signs_in_once_he_has_a_new_password(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client, client_of(app) as stranger:
        for one in (client, stranger):
            typed = {"csrf_token": token_in(await one.get("/sign-in")), "email": "ada@example.com", "password": "x"}
            statuses = {(await one.post("/sign-in", data=typed)).status_code for _ in range(11)}
            assert 429 in statuses
        await forget(client, "ada@example.com")
        path = await link_to(database, settings, "ada@example.com")
        assert (await set_new(client, path)).status_code == 303
        for one, status in ((stranger, 429), (client, 303)):
            typed = {"csrf_token": token_in(await one.get("/sign-in")), "email": "ada@example.com", "password": NEW}
            assert (await one.post("/sign-in", data=typed)).status_code == status
        dead = await client.get(path, headers={"accept": "text/html"})
        assert (dead.status_code, "这个链接已失效" in dead.text) == (404, True)
        assert 'action="/sign-in/forgot"' in dead.text, "where another is asked for"


async def test_nobody_learns_whether_there_is_such_an_account(app: FastAPI, database: Database) -> None:
    """The same answer after the same statements, so in the same time: the worker looks, after the answer."""
    await somebody(database, "ada@example.com", BUYER)
    gone = await somebody(database, "gone@example.com", BUYER)
    async with database.transaction() as session:
        await suspend(session, actor=None, user_id=gone.user_id, now=clock.now())
    said: list[str] = []
    for engine in (database.writer, database.reader):
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *of: said.append(of[2]))
    seen = []
    async with client_of(app) as client:
        for email in ("ada@example.com", "gone@example.com", "nobody@example.com"):
            said.clear()
            answer = await forget(client, email)
            kept = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
            seen.append((answer.status_code, answer.text, kept, list(said)))
    assert seen[0][:2] == (202, '{"state":"asked"}')
    assert seen[0][3]
    assert seen[0] == seen[1] == seen[2]
    assert await answer_resets(database, now=clock.now()) == 3
    assert await outbox(database, "address") == [("ada@example.com",)]


async def test_a_mailbox_is_not_filled_and_an_address_does_not_ask_for_ever(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        for email in ("ada@example.com", "nobody@example.com"):
            assert [(await forget(client, email)).status_code for _ in range(4)] == [202, 202, 202, 429]
        async with database.transaction() as session:
            await session.execute(text("UPDATE sign_in_attempt SET at = at - interval '5 minutes'"))
        assert (await forget(client, "ada@example.com")).status_code == 202
        assert len(await letters(database, settings, "ada@example.com")) == 3, "three links are open already"
        for number in range(50):
            last = await forget(client, f"somebody{number}@example.com")
        assert (last.status_code, last.json()["code"]) == (429, "too_many_attempts")


async def test_a_link_dies_with_its_half_hour_and_with_its_password(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    ada = await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        await forget(client, "ada@example.com")
        first = await link_to(database, settings, "ada@example.com")
        assert (await client.get(first)).status_code == 200
        async with database.reading() as session:
            lasts = await session.scalar(text("SELECT expires_at - created_at FROM account_link"))
        assert lasts == timedelta(minutes=30)
        async with database.transaction() as session:
            await session.execute(text("UPDATE account_link SET expires_at = now()"))
        assert (await set_new(client, first)).status_code == 404
        await forget(client, "ada@example.com")
        second = await link_to(database, settings, "ada@example.com")
        body = {"current_password": PASSWORD, "new_password": "another kettle of rice"}
        who = await bearer(client, "ada@example.com")
        assert (await client.post("/api/v1/me/password", json=body, headers=who)).status_code == 204
        assert (await set_new(client, second)).status_code == 404
        await forget(client, "ada@example.com")
        third = await link_to(database, settings, "ada@example.com")
        async with database.transaction() as session:  # the owner's shell
            found = await session.scalar(text("SELECT password_hash FROM user_account"))
            await reset_password(session, actor=None, user_id=ada.user_id, password_hash=found, now=clock.now())
        assert (await set_new(client, third)).status_code == 404
        assert (await ask_token(client, "ada@example.com", "another kettle of rice")).status_code == 200


async def test_of_two_who_open_it_at_once_one_sets_the_password(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as one, client_of(app) as two:
        await forget(one, "ada@example.com")
        path = await link_to(database, settings, "ada@example.com")
        words = {one: "one kettle of red rice", two: "two birds over the river"}
        answers = await asyncio.gather(*(set_new(client, path, word) for client, word in words.items()))
        assert sorted(answer.status_code for answer in answers) == [303, 404]
        for answer, word in zip(answers, words.values(), strict=True):
            signed_in = (await ask_token(one, "ada@example.com", word)).status_code == 200
            assert signed_in is (answer.status_code == 303)


@pytest.mark.parametrize("spoil", ["id", "proof", "secret", "purpose", "short", "long", "letters", "zero"])
async def test_a_link_that_we_did_not_write_opens_nothing(
    app: FastAPI, settings: Settings, database: Database, spoil: str
) -> None:
    ada = await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        await forget(client, "ada@example.com")
        path = await link_to(database, settings, "ada@example.com")
        token = path.rsplit("/", 1)[1]
        async with database.reading() as session:
            link = await session.scalar(text("SELECT id FROM account_link"))
        forged = {
            "id": ("B" if token[5] != "B" else "C").join((token[:5], token[6:])),
            "proof": ("B" if token[-5] != "B" else "C").join((token[:-5], token[-4:])),
            "secret": token_of(keys_from("another secret of thirty-two signs"), link),
            "purpose": token,
            "short": token[:-1],
            "long": token + "A",
            "letters": "令" * 64,
            "zero": "%00" * 64,
        }[spoil]
        there = "/sign-in/verify/" if spoil == "purpose" else "/sign-in/reset/"
        answer = await client.get(there + forged)
        assert answer.status_code == 404, spoil
        if spoil not in {"purpose", "zero"}:
            page = await client.get("/sign-in")
            sent = {"csrf_token": token_in(page), "password": NEW}
            assert (await client.post(there + forged, data=sent)).status_code == 404
        assert (await ask_token(client, ada.email)).status_code == 200


async def test_looking_at_a_link_changes_nothing(app: FastAPI, settings: Settings, database: Database) -> None:
    """Machines that look into mail open links, too."""
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        await forget(client, "ada@example.com")
        path = await link_to(database, settings, "ada@example.com")
        for _ in range(3):
            assert (await client.get(path)).status_code == 200
            assert (await client.head(path)).status_code in {200, 405}
        assert (await ask_token(client, "ada@example.com")).status_code == 200
        assert (await set_new(client, path)).status_code == 303


async def test_the_letter_speaks_the_language_in_which_it_was_asked_for(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        assert "Forgotten password" in (await client.get("/sign-in/forgot?lang=en")).text
        await forget(client, "ada@example.com", lang="en")
    (letter,) = await letters(database, settings, "ada@example.com")
    assert letter["subject"] == "Set a new password · Bangfu"
    assert "/sign-in/reset/" in letter["body"]
