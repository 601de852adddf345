"""Whoever leaves, or changes desks, is out at once by the owner's command; and who did what stands in the audit."""

import anyio
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from shop.organisation.members import join_unit
from tests.make.people import ask_token, bearer, somebody
from tests.make.shop import small_shop
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


@pytest.mark.anyio
async def test_who_leaves_works_nowhere_and_keeps_the_account(
    settings: Settings, client: AsyncClient, database: Database
) -> None:
    made = await small_shop(database)
    gone = await somebody(database, "gone@example.test", Grant(Role.STAFF, "unit", str(made.branch)))
    stays = await somebody(database, "stays@example.test", Grant(Role.STAFF, "unit", str(made.branch)))
    async with database.transaction() as session:
        for one in (gone, stays):
            await join_unit(
                session, actor=None, person_id=one.person_id, unit_id=made.branch, day=clock.today(), now=clock.now()
            )
    done = await anyio.to_thread.run_sync(lambda: shop("user", "leave", gone.email, settings=settings))
    assert (done.returncode, done.stderr) == (0, "")
    async with database.reading() as session:
        asked = text("""SELECT p.id, EXISTS (SELECT FROM membership m WHERE m.person_id = p.id AND m.valid_to IS NULL),
            EXISTS (SELECT FROM role_grant g JOIN user_account u ON u.id = g.user_id WHERE u.person_id = p.id
                AND g.valid_to IS NULL) FROM person p WHERE p.id IN (:gone, :stays)""")
        found = await session.execute(asked, {"gone": gone.person_id, "stays": stays.person_id})
        assert {row[0]: (row[1], row[2]) for row in found} == {
            gone.person_id: (False, False), stays.person_id: (True, True),
        }  # fmt: skip
    assert (await ask_token(client, gone.email)).status_code == 200
    done = await anyio.to_thread.run_sync(lambda: shop("user", "leave", "nobody@example.test", settings=settings))
    assert done.returncode == 1
