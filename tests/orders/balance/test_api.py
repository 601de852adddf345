"""The balance over HTTP and on its page: who may look, whose differences, and the stamp on reports."""

from datetime import date

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.caller import refused
from tests.make.credit import Sale, enter
from tests.make.people import bearer, client_of, somebody
from tests.make.shop import buyer, placed, small_shop
from tests.orders.banking.test_pages import signed_in, token

pytestmark = pytest.mark.anyio


async def test_on_demand_and_whose_differences(database: Database, client: AsyncClient) -> None:
    shop = await small_shop(database)
    order = await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1})
    async with database.transaction() as session:  # a component says that something left it, and nothing did
        await session.execute(text("UPDATE share_component SET refunded_fen = refunded_fen + 1"))
        await session.execute(text("UPDATE stock_item SET held_pieces = held_pieces + 1 WHERE held_pieces > 0"))
    await somebody(database, "branch@shop.test", Grant(Role.STAFF, "unit", str(shop.branch)))
    await somebody(database, "all@shop.test", Grant(Role.STAFF, "all", "*"))
    await somebody(database, "buys@shop.test", Grant(Role.EMPLOYEE, "all", "*"))
    branch, everywhere = await bearer(client, "branch@shop.test"), await bearer(client, "all@shop.test")
    refused(await client.get("/api/v1/balance", headers=await bearer(client, "buys@shop.test")), 403, "not_allowed")
    assert (await client.get("/api/v1/balance", headers=branch)).json()["run"] is None
    key = {"Idempotency-Key": str(new_id())}
    refused(await client.post("/api/v1/balance/runs", headers=branch | key), 403, "not_allowed")
    run = await client.post("/api/v1/balance/runs", headers=everywhere | key)
    assert run.status_code == 201, run.text
    again = await client.post("/api/v1/balance/runs", headers=everywhere | key)
    assert again.json() == run.json()
    assert (run.json()["holds"], run.json()["differences"]) == (False, 2)
    assert {one["code"] for one in run.json()["identities"] if not one["holds"]} == {"given_back", "held"}
    seen = (await client.get("/api/v1/balance", headers=branch)).json()
    assert [one["code"] for one in seen["items"]] == ["given_back"]
    assert seen["items"][0]["unit_id"] == str(shop.branch)
    assert seen["items"][0]["owner"] == "staff"
    assert "相差" in seen["items"][0]["said"]
    whole = (await client.get("/api/v1/balance?limit=1", headers=everywhere)).json()
    rest = (await client.get(f"/api/v1/balance?cursor={whole['next_cursor']}", headers=everywhere)).json()
    assert {one["code"] for one in whole["items"] + rest["items"]} == {"given_back", "held"}
    assert rest["next_cursor"] is None
    assert str(order.id) not in str(seen["run"])
    one = await client.get(f"/api/v1/balance/runs/{run.json()['id']}", headers=branch)
    assert one.json() == run.json() | {"identities": []}, "what all companies turn over is not for one of them"
    assert seen["run"]["identities"] == []
    assert whole["run"]["identities"]
    refused(await client.get(f"/api/v1/balance/runs/{new_id()}", headers=branch), 404, "not_found")


async def test_reports_say_when_the_books_last_held(database: Database, client: AsyncClient) -> None:
    await small_shop(database)
    await somebody(database, "all@shop.test", Grant(Role.STAFF, "all", "*"))
    headers = await bearer(client, "all@shop.test")
    asked = "/api/v1/reports/sales?from=2026-01-01&to=2027-01-01&group_by=county"
    first = await client.get(asked, headers=headers)
    assert first.status_code == 200, first.text
    assert first.json()["balanced_as_of"] is None
    run = await client.post("/api/v1/balance/runs", headers=headers | {"Idempotency-Key": str(new_id())})
    assert run.json()["holds"]
    # Credit without an order behind it: from now on the books differ, and the stamp stays where they agreed.
    await enter(database, Sale(on=clock.today(), fen=100))
    second = await client.post("/api/v1/balance/runs", headers=headers | {"Idempotency-Key": str(new_id())})
    assert not second.json()["holds"]
    stamped = (await client.get(asked, headers=headers)).json()["balanced_as_of"]
    assert stamped[:19] == run.json()["balanced_at"][:19]


async def test_the_page_shows_both_sides_and_the_owner(app: FastAPI, database: Database) -> None:
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "all", "*"))
    await somebody(database, "county@shop.test", Grant(Role.COUNTY_REVIEWER, "county", "522633"))
    browser = await signed_in(app, "staff@shop.test")
    page = await browser.get("/staff/balance")
    assert "还没有核对过" in page.text
    await enter(database, Sale(on=date(clock.today().year, 1, 5), fen=12_345))
    sent = await browser.post("/staff/balance", data={"csrf_token": token(page.text)})
    assert sent.status_code == 303
    page = await browser.get(sent.headers["location"])
    assert page.status_code == 200
    assert "货款" in page.text
    assert "123.45" in page.text
    assert "收款岗" in page.text
    assert (await browser.get("/staff/balance?state=closed")).status_code == 200
    assert (await browser.get("/staff/balance?state=x")).status_code == 422
    stranger = await signed_in(app, "county@shop.test")
    assert (await stranger.get("/staff/balance")).status_code == 403
    async with client_of(app) as nobody:
        assert (await nobody.get("/staff/balance")).status_code == 303
