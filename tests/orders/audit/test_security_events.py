"""Who came in, who was refused, who was slowed down: kept, sealed, and readable at the audit desk."""

import httpx
import pytest
from sqlalchemy import text

from orders.seal.key import SealKey
from orders.seal.seal import seal_new
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.people import PASSWORD, ask_token, bearer, somebody

pytestmark = pytest.mark.anyio


async def told(database: Database) -> list[tuple[str, str]]:
    async with database.reading() as session:
        named = text("SELECT action, subject FROM audit_event WHERE action LIKE 'security.%' ORDER BY at, id")
        return [(row.action.removeprefix("security."), row.subject) for row in await session.execute(named)]


async def test_who_came_in_and_who_was_refused_is_kept_and_sealed(
    client: httpx.AsyncClient, database: Database
) -> None:
    email = f"{new_id()}@example.com"
    made = await somebody(database, email, Grant(Role.EMPLOYEE, "all", "*"))
    for _ in range(3):
        assert (await ask_token(client, email, "wrong horse battery")).status_code == 401
    me = await bearer(client, email)
    for _ in range(3):
        assert (await client.get("/api/v1/audit", headers=me)).status_code == 403
    subject = f"user_account:{made.user_id}"
    events = [("sign_in_refused", subject), ("signed_in", subject), ("refused", subject)]
    assert await told(database) == events, "the same again within a minute is told once"
    done = await seal_new(database, SealKey.of(b"k" * 32), now=clock.now())
    assert done.events >= len(events)


async def test_a_name_without_an_account_is_a_digest_and_a_flood_is_throttled_and_told(
    client: httpx.AsyncClient, database: Database
) -> None:
    email = f"{new_id()}@example.com"
    answers = [(await ask_token(client, email, "wrong horse battery")).status_code for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2
    kinds = await told(database)
    assert [kind for kind, _ in kinds] == ["sign_in_refused", "throttled"]
    assert all(subject.startswith("account:") and email not in subject for _, subject in kinds)


async def test_a_wrong_password_of_who_is_signed_in_is_told_too(client: httpx.AsyncClient, database: Database) -> None:
    email = f"{new_id()}@example.com"
    made = await somebody(database, email, Grant(Role.EMPLOYEE, "all", "*"))
    me = await bearer(client, email)
    tried = {"current_password": "wrong horse battery", "new_password": "tangjun-rice-41-kettle"}
    answers = [(await client.post("/api/v1/me/password", json=tried, headers=me)).status_code for _ in range(12)]
    assert answers == [422] * 10 + [429] * 2
    subject = f"user_account:{made.user_id}"
    assert await told(database) == [(kind, subject) for kind in ("signed_in", "sign_in_refused", "throttled")]


async def test_the_audit_desk_reads_them(client: httpx.AsyncClient, database: Database) -> None:
    for email, role in (("audit@example.com", Role.STAFF), ("me@example.com", Role.EMPLOYEE)):
        await somebody(database, email, Grant(role, "all", "*"))
    await bearer(client, "me@example.com")
    desk = await bearer(client, "audit@example.com")
    answer = await client.get("/api/v1/audit?action=security", headers=desk)
    assert {one["action"] for one in answer.json()["items"]} == {"security.signed_in"}
    assert PASSWORD not in answer.text
