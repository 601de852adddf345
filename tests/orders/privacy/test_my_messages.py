"""What the shop has written to somebody is in the copy of his data, and goes with his account."""

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.outbox import letters, outbox, queued
from tests.make.people import PASSWORD, bearer, client_of, somebody

pytestmark = pytest.mark.anyio

BUYER = Grant(Role.EMPLOYEE, "all", "*")


async def test_copied_and_erased_with_the_account(app: FastAPI, database: Database, settings: Settings) -> None:
    await somebody(database, "ada@example.com", BUYER)
    await somebody(database, "bob@example.com", BUYER)
    await queued(database, "ada@example.com")
    await queued(database, "bob@example.com")
    async with client_of(app) as client:
        await client.post("/api/v1/auth/password-resets", json={"email": "ada@example.com"})
        assert len(await letters(database, settings, "ada@example.com")) == 2
        who = await bearer(client, "ada@example.com")
        rows = (await client.get("/api/v1/me/data", headers=who)).json()["rows"]
        assert [one["template"] for one in rows["发给您的消息"]] == ["password_changed", "password_reset"]
        assert [one["purpose"] for one in rows["确认和重设的链接"]] == ["reset_password"]
        assert "bob@example.com" not in str(rows)
        done = await client.post("/api/v1/me/erasure", json={"password": PASSWORD}, headers=who)
        assert done.status_code == 200, done.text
        assert "发给您的消息" not in str(done.json())
    assert await outbox(database, "address") == [(None,), ("bob@example.com",), (None,)]
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM account_link")) == 0
        kept = str((await session.execute(text("SELECT user_account::text FROM user_account"))).all())
    assert "ada@example.com" not in kept
