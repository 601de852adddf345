"""Passwords, tokens and the limit of failed attempts."""

from datetime import timedelta
from time import perf_counter
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text

from shop.access.account.passwords import hash_password, verify_password
from shop.access.permissions import Actor, Grant, Role
from shop.access.session.door import Door
from shop.access.session.tokens import LIFETIME, Tokens
from shop.access.users import suspend
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.keys import keys_from
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody

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


@pytest.mark.parametrize("spoil", ["signature", "claims", "none", "other_key", "other_programme", "empty", "noise"])
def test_a_token_that_was_touched_is_no_token(spoil: str) -> None:
    tokens, now = Tokens.of(keys_from("a" * 40)), clock.wall()
    actor = Actor(new_id(), new_id(), new_id(), (Grant(Role.STAFF, "unit", str(new_id())),))
    token = tokens.issue(actor, now=now)
    assert tokens.read(token, now=now) == actor
    head, claims, signature = token.split(".")
    spoiled = {
        "signature": f"{head}.{claims}.{'A' * len(signature)}",
        "claims": f"{head}.{claims[:-4]}AAAA.{signature}",
        "none": f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.",
        "other_key": Tokens.of(keys_from("b" * 40)).issue(actor, now=now),
        "other_programme": Tokens.of(keys_from("a" * 40, programme=2)).issue(actor, now=now),
        "empty": "",
        "noise": "Bearer 令牌",
    }[spoil]
    assert tokens.read(spoiled, now=now) is None


_FORM_TYPE = {"content-type": "application/x-www-form-urlencoded"}


async def _count(database: Database, table: str) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
