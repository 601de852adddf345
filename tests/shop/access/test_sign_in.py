"""Passwords, tokens and the limit of failed attempts."""

from datetime import timedelta
from time import perf_counter
from urllib.parse import urlencode

import pytest
from anyio import create_task_group
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from shop.access.door import Door
from shop.access.passwords import hash_password, verify_password
from shop.access.permissions import Actor, Grant, Role
from shop.access.tokens import LIFETIME, Tokens
from shop.access.users import suspend
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody
from tests.shop.access.conftest import door_app

BUYER = Grant(Role.EMPLOYEE, "all", "*")


@pytest.mark.anyio
async def test_a_token_says_who_calls_and_lasts_ten_minutes(app: FastAPI, database: Database) -> None:
    ada = await somebody(database, "Ada@Example.com", BUYER)
    async with client_of(app) as client:
        answer = await ask_token(client, "  ADA@example.com ")
        assert answer.json() | {"access_token": ""} == {"access_token": "", "token_type": "bearer", "expires_in": 600}
        assert answer.headers["cache-control"] == "no-store"
        who = {"authorization": f"Bearer {answer.json()['access_token']}"}
        me = (await client.get("/api/v1/me", headers=who)).json()
        assert me == {
            "user_id": str(ada.user_id),
            "name": "张*",
            "unit": None,
            "introducing_unit": None,
            "roles": [{"role": "employee", "scope_kind": "all", "scope_id": "*"}],
            "unions": [],
            "allowance": None,
        }
    tokens, token = Door.of(app).tokens, answer.json()["access_token"]
    assert tokens.read(token, now=clock.wall() + LIFETIME - timedelta(seconds=5)) is not None
    assert tokens.read(token, now=clock.wall() + LIFETIME + timedelta(seconds=1)) is None


@pytest.mark.anyio
async def test_a_set_clock_neither_ends_nor_prolongs_a_token(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        who = await bearer(client, "ada@example.com")
        clock.set_ahead(timedelta(days=40))
        assert (await client.get("/api/v1/me", headers=who)).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("", ""),
        ("a\x00b@example.com", PASSWORD),
        ("ada@example.com", "x" * 100_000),
    ],
)
async def test_a_refusal_never_says_what_was_wrong(app: FastAPI, database: Database, email: str, password: str) -> None:
    await somebody(database, "ada@example.com", BUYER)
    gone = await somebody(database, "gone@example.com", BUYER)
    async with database.transaction() as session:
        await suspend(session, actor=None, user_id=gone.user_id, now=clock.now())
    async with client_of(app) as client:
        answer = await client.post(
            "/api/v1/auth/token", content=urlencode({"username": email, "password": password}), headers=_FORM_TYPE
        )
    assert answer.status_code == 401 or (not email and answer.status_code == 422)
    if email:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json() == {
            "type": "about:blank",
            "title": "邮箱或密码不对",
            "status": 401,
            "code": "wrong_credentials",
            "detail": "请核对邮箱和密码后再试。新注册的邮箱要先打开确认邮件里的链接；忘记密码可以用邮件重设。",
        }
    assert await _count(database, "sign_in_session") == 0


@pytest.mark.anyio
async def test_an_unknown_account_costs_the_same_work() -> None:
    spent = []
    for stored in (None, await hash_password(PASSWORD)):
        started = perf_counter()
        for _ in range(3):
            assert await verify_password("wrong horse battery", stored) == (False, None)
        spent.append(perf_counter() - started)
    assert spent[0] > spent[1] / 3


@pytest.mark.anyio
async def test_a_hash_with_older_parameters_is_renewed_at_sign_in(app: FastAPI, database: Database) -> None:
    ada = await somebody(database, "ada@example.com", BUYER)
    weak = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE user_account SET password_hash = :weak WHERE id = :id"), {"weak": weak, "id": ada.user_id}
        )
    async with client_of(app) as client:
        await bearer(client, "ada@example.com")
        async with database.reading() as session:
            renewed = str(await session.scalar(text("SELECT password_hash FROM user_account")))
        assert "m=19456,t=2,p=1" in renewed
        await bearer(client, "ada@example.com")


@pytest.mark.anyio
async def test_ten_failures_close_an_account_in_every_process(
    app: FastAPI, database: Database, database_url: str, schema: str
) -> None:
    await somebody(database, "ada@example.com", BUYER)
    await somebody(database, "bob@example.com", BUYER)
    other_database = await Database.open(database_url, schema=schema)
    other = door_app(other_database)
    async with client_of(app, "192.0.2.1") as here, client_of(other, "192.0.2.2") as there:
        for turn in range(10):
            refused = await ask_token(here if turn % 2 else there, "ada@example.com", "wrong horse battery")
            assert refused.status_code == 401
        for client in (here, there):
            closed = await ask_token(client, "ada@example.com")
            assert (closed.status_code, closed.json()["code"]) == (429, "too_many_attempts")
            assert 1 <= int(closed.headers["retry-after"]) <= 301
        assert (await ask_token(here, "bob@example.com")).status_code == 200, "others are not locked out"
        async with database.transaction() as session:
            await session.execute(text("UPDATE sign_in_attempt SET at = at - interval '5 minutes'"))
        assert (await ask_token(there, "ada@example.com")).status_code == 200
    await other_database.close()


@pytest.mark.anyio
async def test_success_gives_the_account_its_attempts_back(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        for _ in range(2):
            for _ in range(6):
                assert (await ask_token(client, "ada@example.com", "wrong horse battery")).status_code == 401
            assert (await ask_token(client, "ada@example.com")).status_code == 200


@pytest.mark.anyio
async def test_an_address_that_tries_many_accounts_is_closed(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app, "192.0.2.9") as guesser, client_of(app, "192.0.2.1") as ada:
        for _ in range(5):
            await ask_token(guesser, "someone@example.com", "wrong horse battery")
        async with database.transaction() as session:  # the other forty-five, of as many accounts
            await session.execute(
                text(
                    "INSERT INTO sign_in_attempt (id, key_sha256, at) SELECT gen_random_uuid(), key_sha256, at"
                    " FROM (SELECT DISTINCT ON (key_sha256) key_sha256, at FROM sign_in_attempt) AS one,"
                    " generate_series(1, 45)"
                )
            )
        assert (await ask_token(guesser, "ada@example.com")).status_code == 429
        assert (await ask_token(ada, "ada@example.com")).status_code == 200


@pytest.mark.anyio
async def test_attempts_at_once_are_all_counted(app: FastAPI, database: Database) -> None:
    await somebody(database, "ada@example.com", BUYER)
    seen: list[int] = []
    async with client_of(app) as client, create_task_group() as crowd:

        async def guess() -> None:
            seen.append((await ask_token(client, "ada@example.com", "wrong horse battery")).status_code)

        for _ in range(25):
            crowd.start_soon(guess)
    assert sorted(seen) == [401] * 10 + [429] * 15


@pytest.mark.anyio
async def test_the_table_of_attempts_names_nobody(app: FastAPI, database: Database) -> None:
    async with client_of(app) as client:
        await ask_token(client, "ada@example.com", "wrong horse battery")
    async with database.reading() as session:
        rows = (await session.execute(text("SELECT sign_in_attempt::text FROM sign_in_attempt"))).scalars().all()
    assert len(rows) == 2
    assert not any("ada@" in row or "example.com" in row or "192.0.2" in row for row in rows)


@pytest.mark.parametrize("spoil", ["signature", "claims", "none", "other_key", "empty", "noise"])
def test_a_token_that_was_touched_is_no_token(spoil: str) -> None:
    tokens, now = Tokens.from_secret("a" * 40), clock.wall()
    actor = Actor(new_id(), new_id(), new_id(), (Grant(Role.STAFF, "unit", str(new_id())),))
    token = tokens.issue(actor, now=now)
    assert tokens.read(token, now=now) == actor
    head, claims, signature = token.split(".")
    spoiled = {
        "signature": f"{head}.{claims}.{'A' * len(signature)}",
        "claims": f"{head}.{claims[:-4]}AAAA.{signature}",
        "none": f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.",
        "other_key": Tokens.from_secret("b" * 40).issue(actor, now=now),
        "empty": "",
        "noise": "Bearer 令牌",
    }[spoil]
    assert tokens.read(spoiled, now=now) is None


_FORM_TYPE = {"content-type": "application/x-www-form-urlencoded"}


async def _count(database: Database, table: str) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
