"""An address is a name once its link was opened by whoever knows the account. Until then he may buy, and others may
have typed the same address.
"""

import asyncio
import itertools
from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.access.users import NoSuchUser, user_id_of
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings
from tests.make.outbox import letters, link_to, outbox
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody
from tests.make.phone import proven
from tests.make.units import invitation, unit
from tests.shop.access.test_change_password import NEW
from tests.shop.access.test_pages import BUYER, token_in
from tests.shop.access.test_reset import forget, set_new

pytestmark = pytest.mark.anyio
_NUMBERS = itertools.count(1)


async def join(
    client: AsyncClient, keys: Keys, email: str, *, password: str = PASSWORD, code: str = "friends"
) -> Response:
    page = await client.get(f"/join/{code}")
    phone = f"139{next(_NUMBERS):08}"
    typed = {"email": email, "name": "李四（虚构）", "phone": phone, "password": password}
    typed |= {"csrf_token": token_in(page), "proof": await proven(client, phone, keys)}
    return await client.post(f"/join/{code}", data=typed)


async def confirm(client: AsyncClient, path: str, password: str = "") -> Response:
    page = await client.get(path)
    return await client.post(path, data={"csrf_token": token_in(page), "current_password": password})


@pytest.fixture
async def friends(database: Database) -> None:
    await invitation(database, "friends", await unit(database, "BANK"))
    await invitation(database, "others", await unit(database, "OTHER"))


async def test_who_joins_buys_at_once_and_signs_in_elsewhere_after_the_link(
    app: FastAPI, settings: Settings, database: Database, friends: None, keys: Keys
) -> None:
    async with client_of(app) as here, client_of(app) as there:
        assert (await join(here, keys, "Bob@example.com")).status_code == 303
        assert (await here.get("/basket")).status_code == 200, "he may buy"
        assert "邮箱还没有确认" in (await here.get("/")).text
        assert (await ask_token(there, "bob@example.com")).status_code == 401
        async with database.reading() as session:
            with pytest.raises(NoSuchUser):
                await user_id_of(session, "bob@example.com")
        path = await link_to(database, settings, "bob@example.com")
        assert (await here.get(path)).status_code == 200
        assert (await ask_token(there, "bob@example.com")).status_code == 401, "looking is not opening"
        done = await confirm(here, path)
        assert (done.status_code, done.headers["location"]) == (303, "/me/email?done=verified")
        await asyncio.sleep(0.6)
        assert "邮箱还没有确认" not in (await here.get("/")).text
        assert (await ask_token(there, "bob@example.com")).status_code == 200
        assert (await here.get(path)).status_code == 404, "it opens once"


async def test_an_address_in_use_answers_the_same_and_its_owner_is_told(
    app: FastAPI, settings: Settings, database: Database, friends: None, keys: Keys
) -> None:
    owner = await somebody(database, "taken@example.com", BUYER)
    answers = []
    for email in ("free@example.com", "Taken@example.com"):
        async with client_of(app) as client:
            answer = await join(client, keys, email)
            state = (await client.get("/me/email")).text.replace(email.lower(), "—")
            shown = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
            answers.append((answer.status_code, shown, "未确认" in state, (await client.get("/basket")).status_code))
    assert answers[0] == answers[1]
    (free,) = await letters(database, settings, "free@example.com")
    (told,) = await letters(database, settings, "taken@example.com")
    assert "/sign-in/verify/" in free["body"]
    assert "/sign-in/verify/" not in told["body"]
    assert "这个邮箱已经有账号" in told["subject"]
    async with client_of(app) as client:
        assert (await ask_token(client, "taken@example.com")).status_code == 200, "he is who he was"
    async with database.reading() as session:
        assert await user_id_of(session, "taken@example.com") == owner.user_id


async def test_a_careless_click_makes_no_strangers_account_ones_own_name(
    app: FastAPI, settings: Settings, database: Database, friends: None, keys: Keys
) -> None:
    """Somebody joins with another's address; who reads the mail is neither signed in to that account nor knows it."""
    async with client_of(app) as stranger, client_of(app) as victim:
        await join(stranger, keys, "victim@example.com")
        path = await link_to(database, settings, "victim@example.com")
        for guess in ("", "wrong horse battery"):
            answer = await confirm(victim, path, guess)
            assert (answer.status_code, answer.text.count('class="error-text"')) == (422, 1)
        assert (await ask_token(stranger, "victim@example.com")).status_code == 401
        assert (await join(victim, keys, "victim@example.com", password=NEW)).status_code == 303
        own = await link_to(database, settings, "victim@example.com")
        assert (await confirm(victim, own)).status_code == 303
        assert (await ask_token(victim, "victim@example.com", NEW)).status_code == 200
        late = await confirm(stranger, path)
        assert late.status_code == 409, "the address has become another account's name"
        assert (await ask_token(stranger, "victim@example.com")).status_code == 401
        assert (await stranger.get("/basket")).status_code == 200, "but he goes on buying as before"


async def test_who_opens_it_on_another_device_proves_himself_by_the_password(
    app: FastAPI, settings: Settings, database: Database, friends: None, keys: Keys
) -> None:
    async with client_of(app) as desk, client_of(app) as phone:
        await join(desk, keys, "bob@example.com")
        path = await link_to(database, settings, "bob@example.com")
        done = await confirm(phone, path, PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/sign-in?done=verified")
        assert (await ask_token(phone, "bob@example.com")).status_code == 200


async def test_who_lost_the_session_before_the_link_comes_in_by_a_new_password(
    app: FastAPI, settings: Settings, database: Database, friends: None, keys: Keys
) -> None:
    """Who reads the mail at an address that is nobody's name yet is the one who may name his account so."""
    async with client_of(app) as client:
        await join(client, keys, "bob@example.com")
        client.cookies.clear()
        await forget(client, "bob@example.com")
        path = await link_to(database, settings, "bob@example.com")
        assert "/sign-in/reset/" in path
        assert (await set_new(client, path)).status_code == 303
        assert (await ask_token(client, "bob@example.com", NEW)).status_code == 200
    assert ("password_changed",) in await outbox(database, "template")


async def test_a_mailbox_is_not_filled_by_joining(app: FastAPI, database: Database, friends: None, keys: Keys) -> None:
    answers = []
    for _ in range(4):
        async with client_of(app) as client:
            answers.append((await join(client, keys, "victim@example.com")).status_code)
    assert answers == [303, 303, 303, 429]


async def test_of_two_accounts_that_confirm_one_address_at_once_one_has_it(
    app: FastAPI, settings: Settings, database: Database, friends: None, keys: Keys
) -> None:
    async with client_of(app) as one, client_of(app) as two:
        paths = []
        for client, code in ((one, "friends"), (two, "others")):
            await join(client, keys, "bob@example.com", code=code)
            paths.append(await link_to(database, settings, "bob@example.com"))
        done = await asyncio.gather(confirm(one, paths[0]), confirm(two, paths[1]))
        assert sorted(answer.status_code for answer in done) == [303, 409]
    async with database.reading() as session:
        verified = text("SELECT count(*) FROM user_account WHERE email_verified_at IS NOT NULL")
        assert await session.scalar(verified) == 1


async def test_a_link_lasts_a_week(
    app: FastAPI, settings: Settings, database: Database, friends: None, keys: Keys
) -> None:
    async with client_of(app) as client:
        await join(client, keys, "bob@example.com")
        path = await link_to(database, settings, "bob@example.com")
        async with database.transaction() as session:
            lasts = await session.scalar(text("SELECT expires_at - created_at FROM account_link"))
            await session.execute(text("UPDATE account_link SET expires_at = now()"))
        assert lasts == timedelta(days=7)
        assert (await client.get(path)).status_code == 404


async def test_an_account_of_the_owners_shell_is_verified_by_that(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    async with client_of(app) as client:
        assert await bearer(client, "ada@example.com")
    async with database.reading() as session:
        assert await session.scalar(text("SELECT email_verified_at IS NOT NULL FROM user_account"))
