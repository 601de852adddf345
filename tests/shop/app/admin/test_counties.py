"""A division code follows another: by two people over everything, or at the owner's shell."""

import anyio
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from catalog.county.save import NewCounty, save_counties
from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.settings import Settings
from tests.make.browser import browser_of
from tests.make.caller import refused
from tests.make.catalogue import COUNTY, new_product, rows, stock_of_goods
from tests.make.claims import actor_of
from tests.make.people import bearer, somebody
from tests.make.units import unit
from tests.shop.app.test_cli import shop

pytestmark = pytest.mark.anyio

ALL = Grant(Role.ADMINISTRATOR, "all", "*")
WANTED = {"code": COUNTY.code, "successor_code": "620699", "valid_from": "2026-07-01", "source": "民政部公告（虚构）"}
LINKS = "SELECT code, successor_code, valid_from::text, source FROM county_successor"


@pytest.fixture
async def goods(app: FastAPI, database: Database) -> None:
    await stock_of_goods(database, new_product("T1"))
    async with database.transaction() as session:
        await save_counties(session, [NewCounty("620699", "天祝市", "甘肃省", "test")])


async def post(client: AsyncClient, path: str, who: dict[str, str], body: object = None) -> Response:
    headers = who | {"Idempotency-Key": str(new_id())}
    return await client.post(f"/api/v1/county-successions{path}", json=body, headers=headers)


async def test_two_people_over_everything(app: FastAPI, client: AsyncClient, database: Database, goods: None) -> None:
    bank = await unit(database, "BANK")
    scopes = {"one": ALL, "two": ALL, "bank": Grant(Role.ADMINISTRATOR, "unit", str(bank))}
    for name, grant in scopes.items():
        await somebody(database, f"{name}@example.com", grant)
    as_ = {name: await bearer(client, f"{name}@example.com") for name in scopes}
    refused(await post(client, "", as_["bank"], WANTED), 403, "not_allowed")
    for successor, code in (("999999", "county_unknown"), (COUNTY.code, "county_no_successor")):
        refused(await post(client, "", as_["one"], WANTED | {"successor_code": successor}), 422, code)
    asked = await post(client, "", as_["one"], WANTED)
    assert asked.status_code == 202, asked.text
    assert await rows(database, LINKS) == []
    there = f"/{asked.json()['id']}"
    refused(await post(client, f"{there}/approve", as_["bank"]), 403, "not_allowed")
    refused(await post(client, f"{there}/approve", as_["one"]), 409, "second_person_needed")
    waiting = (await client.get("/api/v1/county-successions", headers=as_["two"])).json()["items"]
    assert [one["facts"]["successor_code"] for one in waiting] == ["620699"]
    assert (await post(client, f"{there}/approve", as_["two"])).status_code == 200
    assert await rows(database, LINKS) == [tuple(WANTED.values())]
    refused(await post(client, "", as_["one"], WANTED | {"valid_from": "2026-08-01"}), 409, "county_already_succeeded")


async def test_the_page_asks_and_the_desk_decides(app: FastAPI, database: Database, goods: None) -> None:
    people = [await somebody(database, f"{name}@example.com", ALL) for name in ("one", "two")]
    first, second = [await browser_of(app, database, actor_of(who, ALL)) for who in people]
    assert "县级代码变更" in (await first.open("/admin")).words
    await first.open("/admin/counties")
    page = await first.send("/admin/counties", **WANTED | {"code": "62", "source": "公告（虚构）"})
    assert (page.status, page.forms["/admin/counties"]["source"]) == (422, "公告（虚构）")
    page = await first.send("/admin/counties", **WANTED | {"successor_code": "999999"})
    assert (page.status, "没有行政区划代码 999999" in page.words) == (422, True)
    assert "已经提出，等另一位同事确认" in (await first.send("/admin/counties", **WANTED)).words
    page = await second.open("/admin")
    (approve,) = [one for one in page.forms if one.endswith("/approve")]
    await second.send(approve)
    assert "620699 天祝市" in (await first.open("/admin/counties")).words
    for one in (first, second):
        await one.close()


async def test_the_owners_shell_acts_at_once_and_it_is_noted(
    settings: Settings, database: Database, goods: None
) -> None:
    async def typed(code: str, day: str = "2026-07-01") -> tuple[int, str]:
        words = ("county", "succeed", COUNTY.code, code, "--from", day, "--source", "公告（虚构）")
        done = await anyio.to_thread.run_sync(lambda: shop(*words, settings=settings))
        return done.returncode, done.stderr

    code, said = await typed("999999")
    assert (code, said.startswith("没有这个行政区划代码")) == (1, True)
    assert (await typed("620699", "July"))[0] == 2
    assert await typed("620699") == (0, "")
    assert await rows(database, "SELECT count(*)::int FROM county_successor") == [(1,)]
    noted = "SELECT actor_id, reason FROM audit_event WHERE action = 'county.succeed'"
    assert await rows(database, noted) == [(None, "公告（虚构）")]
