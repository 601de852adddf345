"""A new address gets a link, the old one a word, and until the link is opened nothing has changed."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.outbox import letters, link_to
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody
from tests.shop.access.test_pages import BUYER, sign_in, token_in
from tests.shop.access.test_reset import forget, set_new
from tests.shop.access.test_verify_email import confirm

pytestmark = pytest.mark.anyio


async def change(client: AsyncClient, email: str, password: str = PASSWORD) -> int:
    page = await client.get("/me/email")
    typed = {"csrf_token": token_in(page), "email": email, "current_password": password}
    answer = await client.post("/me/email", data=typed)
    if answer.status_code == 422:
        assert f'value="{email}"' in answer.text, "what was typed stays"
    return answer.status_code


async def test_the_old_address_stays_until_the_new_one_is_confirmed(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    await somebody(database, "bob@example.com", BUYER)
    async with client_of(app) as client:
        await sign_in(client, "ada@example.com")
        assert await change(client, "new@example.com", "wrong horse battery") == 422
        assert await change(client, "not an address") == 422
        assert await letters(database, settings, "new@example.com") == []
        await forget(client_of(app), "ada@example.com")
        reset = await link_to(database, settings, "ada@example.com")
        assert await change(client, "New@example.com") == 303
        assert "等待确认：new@example.com" in (await client.get("/me/email?done=sent")).text
        told = (await letters(database, settings, "ada@example.com"))[0]
        assert ("n***@example.com" in told["body"], "new@example.com" in told["body"]) == (True, False)
        assert (await ask_token(client, "ada@example.com")).status_code == 200
        assert (await ask_token(client, "new@example.com")).status_code == 401
        path = await link_to(database, settings, "new@example.com")
        assert (await confirm(client, path)).status_code == 303
        assert (await ask_token(client, "ada@example.com")).status_code == 401
        assert (await ask_token(client, "new@example.com")).status_code == 200
        assert (await ask_token(client, "bob@example.com")).status_code == 200
        assert (await set_new(client, reset)).status_code == 404, "what the old address was sent opens nothing"
    async with database.reading() as session:
        noted = str((await session.execute(text("SELECT audit_event::text FROM audit_event"))).all())
    assert "user.email_verified" in noted
    assert "example.com" not in noted


async def test_an_address_in_use_is_answered_the_same(app: FastAPI, settings: Settings, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    await somebody(database, "bob@example.com", BUYER)
    async with client_of(app) as client:
        who = await bearer(client, "ada@example.com")
        answers = []
        for email in ("free@example.com", "bob@example.com"):
            body = {"email": email, "current_password": PASSWORD}
            answer = await client.post("/api/v1/me/email", json=body, headers=who)
            answers.append((answer.status_code, answer.json()))
        assert answers[0] == answers[1] == (202, {"state": "asked"})
        (told,) = await letters(database, settings, "bob@example.com")
        assert "/sign-in/verify/" not in told["body"]
        assert (await ask_token(client, "bob@example.com")).status_code == 200
        assert (await ask_token(client, "ada@example.com")).status_code == 200


async def test_a_later_change_takes_the_place_of_an_earlier_one(
    app: FastAPI, settings: Settings, database: Database
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        await sign_in(client, "ada@example.com")
        assert await change(client, "first@example.com") == 303
        first = await link_to(database, settings, "first@example.com")
        assert await change(client, "second@example.com") == 303
        second = await link_to(database, settings, "second@example.com")
        assert (await client.get(first)).status_code == 404
        assert await change(client, "third@example.com") == 303
        body = {"current_password": PASSWORD, "new_password": "tangjun-rice-41-kettle"}
        page = await client.get("/me/password")
        assert (await client.post("/me/password", data=body | {"csrf_token": token_in(page)})).status_code == 303
        third = await link_to(database, settings, "third@example.com")
        assert [(await client.get(path)).status_code for path in (second, third)] == [404, 404], (
            "what somebody who knew the old password asked for ends with it"
        )


async def test_nobody_changes_it_to_what_it_is_and_strangers_change_nothing(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        assert (await client.get("/me/email")).status_code == 303
        body = {"email": "a@example.com", "current_password": PASSWORD}
        assert (await client.post("/api/v1/me/email", json=body)).status_code == 401
        await sign_in(client, "ada@example.com")
        assert await change(client, "ada@example.com") == 422
        assert "Sign-in email" in (await client.get("/me/email?lang=en")).text
