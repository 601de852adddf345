"""Whoever holds a print of a report may ask whether it is ours: without an account."""

from datetime import date

import pytest
from httpx import AsyncClient

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.credit import Sale, enter
from tests.make.people import bearer, somebody
from tests.make.units import unit

pytestmark = pytest.mark.anyio
YEAR = clock.today().year
PERIOD = {"from": f"{YEAR}-01-01", "to": f"{YEAR + 1}-01-01"}


async def test_a_report_is_found_by_the_code_that_is_printed_on_it(database: Database, client: AsyncClient) -> None:
    bank = await unit(database, "BANK")
    await enter(database, Sale(on=date(YEAR, 3, 1), fen=123_400, path=[bank]))
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    headers = await bearer(client, "staff@shop.test")
    asked = await client.get("/api/v1/reports/sales", params=PERIOD | {"format": "csv"}, headers=headers)
    printed = next(line for line in asked.text.splitlines() if line.startswith("核对码"))
    code = printed.partition(",")[2]
    page = await client.get(f"/verify/{code}")
    assert page.status_code == 200
    assert "1,234.00" in page.text
    assert "BANK" in page.text
    typed = await client.get("/verify", params={"code": f" {code.upper()} "})
    assert typed.status_code == 303
    assert (await client.get(typed.headers["location"])).status_code == 200


@pytest.mark.parametrize("code", ["0000-0000-0000-0000", "x", "' OR 1=1", "a" * 80])
async def test_an_unknown_code_is_nobodys_report(client: AsyncClient, code: str) -> None:
    page = await client.get(f"/verify/{code}")
    assert page.status_code == 404
    assert "没有出具过这样的报表" in page.text


async def test_seals_and_the_public_key_are_for_everybody(client: AsyncClient) -> None:
    answer = (await client.get("/api/v1/credit/seals")).json()
    assert answer["items"] == []
    assert len(answer["public_key"]) == 64
    assert answer["public_key"] in (await client.get("/verify")).text
