"""Whoever is thrown out is out within a second, in every process, without asking the database each time."""

from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from orders.privacy.retention import erase_due
from shop.access.jobs import forget_old
from shop.access.permissions import Grant, Role
from shop.access.users import grant_role, reinstate, reset_password, revoke_role, suspend
from shop.core import clock
from shop.core.database import Database
from shop.core.keys import Keys
from tests.make.people import PASSWORD, SINCE, Somebody, ask_token, bearer, client_of, somebody
from tests.shop.access.conftest import door_app
from tests.shop.access.test_pages import sign_in

BUYER, STAFF = Grant(Role.EMPLOYEE, "all", "*"), Grant(Role.STAFF, "all", "*")


@pytest.fixture
async def ada(database: Database) -> Somebody:
    return await somebody(database, "ada@example.com", BUYER)


@pytest.fixture
async def other(database_url: str, schema: str, keys: Keys) -> AsyncIterator[FastAPI]:
    """A second process: its own connections, its own memory, its poller running."""
    opened = await Database.open(database_url, schema=schema)
    app = door_app(opened, keys)
    async with app.router.lifespan_context(app):
        yield app
    await opened.close()


async def statuses(client: AsyncClient, who: dict[str, str]) -> set[int]:
    return {(await client.get("/basket", headers=who)).status_code}


@pytest.mark.anyio
async def test_a_revoked_token_is_refused_at_once_here_and_within_a_second_there(
    app: FastAPI, other: FastAPI, ada: Somebody
) -> None:
    async with client_of(app) as here, client_of(other) as there:
        who, second = await bearer(here, ada.email), await bearer(here, ada.email)
        for client in (here, there):
            assert (await client.get("/api/v1/me", headers=who)).status_code == 200
        assert (await here.post("/api/v1/auth/revoke", headers=who)).status_code == 204
        assert (await here.get("/api/v1/me", headers=who)).status_code == 401
        await anyio.sleep(1)
        assert (await there.get("/api/v1/me", headers=who)).status_code == 401
        assert (await there.get("/api/v1/me", headers=second)).status_code == 200, "another session of hers goes on"


@pytest.mark.anyio
async def test_a_valid_token_costs_no_round_trip(other: FastAPI, ada: Somebody) -> None:
    asked = 0
    async with client_of(other) as client:
        who = await bearer(client, ada.email)
        pool = other.state.database.hot

        async def counted(*_: object) -> None:
            nonlocal asked
            asked += 1

        async with pool.acquire() as connection:
            connection.add_query_logger(counted)
            for _ in range(50):
                assert (await client.get("/api/v1/maybe", headers=who)).json() == {"known": True}
            connection.remove_query_logger(counted)
    assert asked <= 2, "the poller alone asks"


@pytest.mark.anyio
async def test_suspension_ends_pages_and_tokens(database: Database, other: FastAPI, ada: Somebody) -> None:
    async with client_of(other) as page, client_of(other) as program:
        await sign_in(page, ada.email)
        who = await bearer(program, ada.email)
        assert (await page.get("/basket")).status_code == 200
        async with database.transaction() as session:
            await suspend(session, actor=None, user_id=ada.user_id, reason="离职", now=clock.now())
        await anyio.sleep(1)
        assert (await page.get("/basket")).status_code == 303
        assert (await program.get("/api/v1/me", headers=who)).status_code == 401
        assert (await ask_token(program, ada.email)).status_code == 401
        async with database.transaction() as session:
            await reinstate(session, actor_id=None, user_id=ada.user_id, now=clock.now())
        assert (await ask_token(program, ada.email)).status_code == 200
    assert await actions(database, ada) == ["user.created", "role.granted", "user.suspended", "user.active"]


@pytest.mark.anyio
async def test_another_grant_ends_tokens_and_reaches_pages(database: Database, other: FastAPI, ada: Somebody) -> None:
    async with client_of(other) as page, client_of(other) as program:
        await sign_in(page, ada.email)
        who = await bearer(program, ada.email)
        assert 'href="/staff"' not in (await page.get("/")).text
        async with database.transaction() as session:
            await grant_role(
                session, actor_id=None, user_id=ada.user_id, grant=STAFF, valid_from=SINCE, now=clock.now()
            )
        await anyio.sleep(1)
        assert (await program.get("/api/v1/me", headers=who)).status_code == 401
        assert 'href="/staff"' in (await page.get("/")).text
        async with database.transaction() as session:
            for grant in (STAFF, BUYER):
                await revoke_role(
                    session, actor=None, user_id=ada.user_id, grant=grant, day=clock.today(), now=clock.now()
                )
        await anyio.sleep(1)
        assert (await page.get("/basket", headers={"accept": "text/html"})).status_code == 403
        who = await bearer(program, ada.email)
        assert await statuses(program, who) == {403}
        assert (await program.get("/api/v1/me", headers=who)).status_code == 200, "what is his own stays"


@pytest.mark.anyio
async def test_a_new_password_ends_what_the_old_one_opened(database: Database, other: FastAPI, ada: Somebody) -> None:
    bob = await somebody(database, "bob@example.com", BUYER, password="another good phrase")
    async with client_of(other) as page, client_of(other) as program:
        await sign_in(page, ada.email)
        async with database.transaction() as session:
            new = str(
                await session.scalar(text("SELECT password_hash FROM user_account WHERE id = :id"), {"id": bob.user_id})
            )
            await reset_password(session, actor=None, user_id=ada.user_id, password_hash=new, now=clock.now())
        await anyio.sleep(1)
        assert (await page.get("/basket")).status_code == 303
        assert (await ask_token(program, ada.email, PASSWORD)).status_code == 401
        assert (await ask_token(program, ada.email, "another good phrase")).status_code == 200


@pytest.mark.anyio
async def test_attempts_are_forgotten_and_sign_ins_kept_as_long_as_the_rule_says(
    app: FastAPI, database: Database, ada: Somebody
) -> None:
    async with client_of(app) as client:
        await bearer(client, ada.email)
        await ask_token(client, ada.email, "wrong horse battery")
    await forget_old(database)
    assert await left(database) == (1, 3)
    async with database.transaction() as session:
        await session.execute(text("UPDATE sign_in_session SET expires_at = now() - interval '31 days'"))
        await session.execute(text("UPDATE sign_in_attempt SET at = now() - interval '25 hours'"))
    await forget_old(database)
    assert await erase_due(database, now=clock.now()) == {}
    assert await left(database) == (1, 0), "a law wants six months at least, and the notice says a year"
    assert await erase_due(database, now=clock.now() + timedelta(days=366)) == {"sign_in": 1}
    assert await left(database) == (0, 0)


async def left(database: Database) -> tuple[int, int]:
    async with database.reading() as session:
        row = await session.execute(
            text("SELECT (SELECT count(*) FROM sign_in_session), (SELECT count(*) FROM sign_in_attempt)")
        )
        sessions, attempts = row.one()
        return sessions, attempts


async def actions(database: Database, who: Somebody) -> list[str]:
    async with database.reading() as session:
        found = await session.scalars(
            text(
                "SELECT action FROM audit_event WHERE subject = :subject AND action NOT LIKE 'security.%' ORDER BY id"
            ),
            {"subject": f"user_account:{who.user_id}"},
        )
        return list(found)
