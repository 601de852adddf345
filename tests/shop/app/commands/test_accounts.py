"""Whoever leaves, or changes desks, is out at once by the owner's command; and who did what stands in the audit."""

import anyio
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.people import ask_token, bearer, somebody
from tests.shop.access.test_pages import sign_in
from tests.shop.app.test_cli import shop


@pytest.mark.anyio
async def test_suspended_back_and_without_a_role(
    settings: Settings, app: FastAPI, client: AsyncClient, database: Database
) -> None:
    clerk = await somebody(database, "clerk@example.test", Grant(Role.STAFF, "all", "*"))
    other = await somebody(database, "other@example.test", Grant(Role.STAFF, "all", "*"))
    others = await bearer(client, other.email)

    async def typed(*words: str) -> tuple[int, str]:
        done = await anyio.to_thread.run_sync(lambda: shop("user", *words, settings=settings))
        return done.returncode, done.stderr

    async with AsyncClient(transport=ASGITransport(app), base_url=client.base_url) as page:

        async def allowed(who: dict[str, str]) -> tuple[int, int, int]:
            """What a second later the token, the page and signing in anew are answered."""
            await anyio.sleep(1)
            api = await client.get("/api/v1/bank-transfers", headers=who)
            anew = await ask_token(client, clerk.email)
            return api.status_code, (await page.get("/staff")).status_code, anew.status_code

        who = await bearer(client, clerk.email)
        await sign_in(page, clerk.email)
        assert (await page.get("/staff")).status_code == 200
        assert await typed("suspend", clerk.email, "--reason", "离职（虚构）") == (0, "")
        assert await allowed(who) == (401, 303, 401)
        assert await typed("reinstate", clerk.email) == (0, "")
        who = await bearer(client, clerk.email)
        await sign_in(page, clerk.email)
        code, said = await typed("revoke", clerk.email, "staff", "--scope-kind", "county", "--scope-id", "522634")
        assert (code, said.startswith("这个账号没有这个角色")) == (1, True)
        assert (await client.get("/api/v1/bank-transfers", headers=who)).status_code == 200
        assert await typed("revoke", clerk.email, "staff", "--reason", "调岗（虚构）") == (0, "")
        assert await allowed(who) == (401, 403, 200)
    assert (await client.get("/api/v1/bank-transfers", headers=others)).status_code == 200, "nobody else is out"
    async with database.reading() as session:
        noted = await session.execute(
            text(
                "SELECT action, reason FROM audit_event WHERE subject = :who AND action NOT LIKE 'security.%'"
                " ORDER BY id"
            ),
            {"who": f"user_account:{clerk.user_id}"},
        )
        assert [tuple(one) for one in noted][2:] == [
            ("user.suspended", "离职（虚构）"), ("user.active", "cli"), ("role.revoked", "调岗（虚构）"),
        ]  # fmt: skip
