"""Whatever stands in a parameter, it is refused or answered, and what others read afterwards is unharmed."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.caller import as_caller
from tests.make.credit import Sale, enter
from tests.make.evidence import worker
from tests.make.flag import raised
from tests.make.people import bearer, somebody
from tests.make.units import unit

pytestmark = pytest.mark.anyio

DAY: Final = date(2026, 3, 9)
NIL: Final = "00000000-0000-0000-0000-000000000000"
FIRSTS: Final = (
    2**31, -(2**31) - 1, 2**63, -(2**63), 2**70, True, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "2026-01-01T00:00:00", "0001-01-01", "9999-12-31", "\ud800", "a\0b", "x" * 5_000,
)  # fmt: skip
VALUES: Final = (
    str(2**31),
    str(2**63),
    str(-(2**63)),
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59-14:00",
    "x" * 5_000,
)
REPORT: Final = "/api/v1/reports/sales?from=2026-01-01&to=2027-01-01"


def cursors() -> Iterator[str]:
    for first in FIRSTS:
        for rest in ([NIL], [first], [2**63]):
            document = json.dumps([first, *rest]).encode()
            yield urlsafe_b64encode(document).decode().rstrip("=")


def questions(app: FastAPI) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every address that is read, with nothing's id in its path, and what may be asked there."""
    for path, methods in app.openapi()["paths"].items():
        asked = methods.get("get")
        if asked is not None and path.startswith("/api/v1/"):
            filled = path
            for one in asked.get("parameters", ()):
                if one["in"] == "path":
                    filled = filled.replace(f"{{{one['name']}}}", "202601" if one["name"] == "month" else NIL)
            yield filled, [one for one in asked.get("parameters", ()) if one["in"] == "query"]


async def test_every_parameter_with_extreme_values_and_then_a_report(app: FastAPI, database: Database) -> None:
    bank = await unit(database, "BANK")
    await enter(database, Sale(on=DAY, fen=300, path=[bank]))
    grants = [
        Grant(role, "all", "*") for role in (Role.STAFF, Role.ADMINISTRATOR, Role.UNION_BUYER, Role.CANTEEN_BUYER)
    ]
    await somebody(database, "all@shop.test", *grants)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as caller:
        caller.headers.update(await bearer(caller, "all@shop.test"))
        whole = (await caller.get(REPORT)).json()["totals"]
        for path, parameters in questions(app):
            for one in parameters:
                for value in cursors() if one["name"] == "cursor" else VALUES:
                    needed = {other["name"]: str(other["schema"].get("example", "2026-01-01"))
                              for other in parameters if other["required"] and other is not one}  # fmt: skip
                    answer = await caller.get(path, params=needed | {one["name"]: value})
                    assert answer.status_code < 500, (path, one["name"], value[:80], answer.text)
            assert (await caller.get(REPORT)).json()["totals"] == whole, path
        for _ in range(40):
            assert (await caller.get(REPORT)).json()["totals"] == whole


async def test_a_report_without_groups_beside_another_companys_flag(app: FastAPI, database: Database) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await enter(database, Sale(on=DAY, fen=300, path=[bank]), Sale(on=DAY, fen=5, path=[other]))
    await raised(database, other)
    staff = await worker(database, Role.STAFF, "unit", bank)
    async with as_caller(app, staff) as caller:
        answer = await caller.get(REPORT)
    assert (answer.status_code, answer.json()["totals"]["credited_fen"]) == (200, 300)


async def test_a_form_of_twenty_thousand_fields_is_refused(client: httpx.AsyncClient) -> None:
    page = await client.get("/sign-in")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    fields = {f"f{n}": "x" for n in range(20_000)} | {"csrf_token": token}
    answer = await client.post("/sign-in", data=fields)
    assert 400 <= answer.status_code < 500, answer.status_code
