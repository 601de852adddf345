"""Whoever knows the password changes it; everybody else who is signed in with it is out, and the owner is told."""

import anyio
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.session.door import Door
from shop.core.database import Database
from tests.make.outbox import outbox
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody
from tests.shop.access.test_pages import BUYER, sign_in, token_in

pytestmark = pytest.mark.anyio

NEW = "tangjun-rice-41-kettle"
BODY = {"current_password": PASSWORD, "new_password": NEW}


async def test_on_the_page_this_browser_stays_and_all_others_are_out(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    await somebody(database, "bob@example.com", BUYER)
    async with client_of(app) as here, client_of(app) as there, client_of(app) as other:
        for client, who in ((here, "ada@example.com"), (there, "ada@example.com"), (other, "bob@example.com")):
            await sign_in(client, who)
        program = await bearer(client_of(app), "ada@example.com")
        page = await here.get("/me/password")
        typed = BODY | {"csrf_token": token_in(page)}
        wrong = await here.post("/me/password", data=typed | {"current_password": "wrong horse battery"})
        assert (wrong.status_code, wrong.text.count('class="error-text"')) == (422, 1)
        assert NEW not in wrong.text
        assert (await there.get("/basket")).status_code == 200, "nothing has happened yet"
        done = await here.post("/me/password", data=typed)
        assert (done.status_code, done.headers["location"]) == (303, "/me/password?done=1")
        assert "密码已修改" in (await here.get("/me/password?done=1")).text
        await anyio.sleep(1)
        assert [(await client.get("/basket")).status_code for client in (here, there, other)] == [200, 303, 200]
        assert (await other.get("/api/v1/me", headers=program)).status_code == 401
        assert (await ask_token(here, "ada@example.com")).status_code == 401
        assert (await ask_token(here, "ada@example.com", NEW)).status_code == 200
    assert await outbox(database, "address, template, state") == [("ada@example.com", "password_changed", "waiting")]
    async with database.reading() as session:
        noted = await session.scalars(text("SELECT action FROM audit_event WHERE action LIKE 'user.password%'"))
        assert list(noted) == ["user.password_changed"]


async def test_a_program_changes_it_too_and_goes_on_with_its_token(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        mine, second = await bearer(client, "ada@example.com"), await bearer(client, "ada@example.com")
        assert (await client.post("/api/v1/me/password", json=BODY, headers=mine)).status_code == 204
        await Door.of(app).revocations.read()
        assert (await client.get("/api/v1/me", headers=mine)).status_code == 200
        assert (await client.get("/api/v1/me", headers=second)).status_code == 401
        assert (await client.post("/api/v1/me/password", json=BODY)).status_code == 401


async def test_wrong_ones_are_counted_as_at_the_sign_in(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    await somebody(database, "bob@example.com", BUYER)
    async with client_of(app) as client:
        ada, bob = await bearer(client, "ada@example.com"), await bearer(client, "bob@example.com")
        wrong = BODY | {"current_password": "wrong horse battery"}
        for _ in range(10):
            answer = await client.post("/api/v1/me/password", json=wrong, headers=ada)
            assert (answer.status_code, answer.json()["code"]) == (422, "wrong_password")
        closed = await client.post("/api/v1/me/password", json=BODY, headers=ada)
        assert (closed.status_code, closed.json()["code"]) == (429, "too_many_attempts")
        assert int(closed.headers["retry-after"]) > 0
        assert (await client.post("/api/v1/me/password", json=BODY, headers=bob)).status_code == 204
        assert (await ask_token(client, "ada@example.com")).status_code == 200, "nothing has changed"


async def test_of_two_changes_at_once_one_counts(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    others = ["two words and a kettle", "three birds over rice"]
    async with client_of(app) as client:
        who = await bearer(client, "ada@example.com")
        answers: dict[str, int] = {}

        async def change(new: str) -> None:
            answer = await client.post("/api/v1/me/password", json=BODY | {"new_password": new}, headers=who)
            answers[new] = answer.status_code

        async with anyio.create_task_group() as both:
            for new in others:
                both.start_soon(change, new)
        assert sorted(answers.values()) in ([204, 409], [204, 422])
        for new in others:
            assert ((await ask_token(client, "ada@example.com", new)).status_code == 200) is (answers[new] == 204)


async def test_the_page_speaks_english(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        await sign_in(client, "ada@example.com")
        page = await client.get("/me/password?lang=en")
        assert "Current password" in page.text
        typed = BODY | {"csrf_token": token_in(page), "new_password": "password1234"}
        assert "common or easily guessed" in (await client.post("/me/password?lang=en", data=typed)).text
