"""Help for people, the list of calls for programs: nothing on them comes from elsewhere."""

import re

import httpx
import pytest
from fastapi import FastAPI

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.browser import browser_of
from tests.make.claims import actor_of
from tests.make.people import somebody

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/help", "/docs"])
async def test_a_page_that_loads_only_from_here(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-language"] == "zh-CN"
    assert re.findall(r"(?:src|href)=\"(?!/|#)[^\"]*\"", page.text) == []
    assert "unsafe-inline" not in page.headers["content-security-policy"]


async def test_every_documented_call_is_listed(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page


async def test_errors_speak_the_callers_language(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/v1/nothing", headers={"accept-language": "en"})).json()
    assert (told["code"], told["title"]) == ("not_found", "Not found")
    assert (await client.get("/api/v1/nothing")).json()["title"] == "没有找到"
    assert "How to order" in (await client.get("/help?lang=en")).text


@pytest.mark.parametrize(
    ("role", "opens"),
    [(Role.EMPLOYEE, {"/cart", "/orders"}), (Role.SUPPLIER, {"/orders"}), (Role.AUDITOR, set())],
)
async def test_every_page_that_the_menu_offers_opens(
    app: FastAPI, database: Database, role: Role, opens: set[str]
) -> None:
    who = await somebody(database, "me@example.com", Grant(role, "all", "*"))
    browser = await browser_of(app, database, actor_of(who))
    for page in ("/", "/me"):
        offered = set(re.findall(r'href="(/(?:cart|orders))"', (await browser.open(page)).html))
        assert offered == opens
    for path in opens:
        assert (await browser.open(path)).status == 200
    await browser.close()
