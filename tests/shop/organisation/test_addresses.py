"""What the address book keeps of somebody, he sees and deletes; another one's is neither seen nor deleted."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.organisation.address_book import Destination, remember_address
from tests.make.browser import browser_of
from tests.make.caller import refused
from tests.make.catalogue import rows
from tests.make.claims import actor_of
from tests.make.people import Somebody, bearer, somebody

pytestmark = pytest.mark.anyio

BUYER = Grant(Role.EMPLOYEE, "all", "*")


async def with_addresses(database: Database, email: str, *streets: str) -> Somebody:
    who = await somebody(database, email, BUYER)
    now = clock.now()
    async with database.transaction() as session:
        for n, street in enumerate(streets):
            home = Destination("张三", "13800138000", "310101", street)
            at = now + timedelta(minutes=n)
            await remember_address(session, person_id=who.person_id, destination=home, now=at)
    return who


async def test_one_sees_and_deletes_ones_own(app: FastAPI, client: AsyncClient, database: Database) -> None:
    ada = await with_addresses(database, "ada@example.com", "示例路 1 号", "示例路 2 号", "示例路 3 号")
    await with_addresses(database, "eve@example.com", "示例街 9 号")
    hers, eves = await bearer(client, ada.email), await bearer(client, "eve@example.com")
    async with database.transaction() as session:  # of a time when any sign passed for a street
        await session.execute(text("UPDATE address SET street = '-' WHERE street = '示例路 1 号'"))
    first = (await client.get("/api/v1/me/addresses?limit=2", headers=hers)).json()
    assert [one["street"] for one in first["items"]] == ["示例路 3 号", "示例路 2 号"]
    cursor = {"limit": "2", "cursor": first["next_cursor"]}
    rest = (await client.get("/api/v1/me/addresses", params=cursor, headers=hers)).json()
    assert ([one["street"] for one in rest["items"]], rest["next_cursor"]) == (["-"], None)
    there = f"/api/v1/me/addresses/{first['items'][0]['id']}"
    assert (await client.delete(there, headers=eves)).status_code == 204
    assert await rows(database, "SELECT count(*)::int FROM address") == [(4,)], "another one's stays"
    for _ in range(2):
        assert (await client.delete(there, headers=hers)).status_code == 204
    assert await rows(database, "SELECT count(*)::int FROM address") == [(3,)]
    refused(await client.get("/api/v1/me/addresses"), 401, "not_signed_in")


async def test_the_page(app: FastAPI, database: Database) -> None:
    ada = await with_addresses(database, "ada@example.com", "示例路 1 号")
    await with_addresses(database, "eve@example.com", "示例街 9 号")
    browser = await browser_of(app, database, actor_of(ada, BUYER))
    page = await browser.open("/me/addresses")
    assert ("示例路 1 号" in page.words, "示例街" in page.words) == (True, False)
    (form,) = [one for one in page.forms if one.endswith("/delete")]
    page = await browser.send(form)
    assert ("已删除" in page.words, "没有记下的地址" in page.words) == (True, True)
    await browser.close()
