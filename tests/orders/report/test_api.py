"""The report over HTTP: who may ask, what is refused and where, and the same figures in a spreadsheet."""

import csv
import io
import json
import os
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from time import perf_counter
from typing import Any

import pytest
from httpx import AsyncClient

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.credit import HUNYUAN, Given, Sale, enter
from tests.make.flag import raised
from tests.make.people import bearer, somebody
from tests.make.processes import PROJECT
from tests.make.report import unstamped
from tests.make.started import run
from tests.make.units import unit

pytestmark = pytest.mark.anyio

YEAR = clock.today().year
DAY = date(YEAR, 3, 10)
PERIOD = {"from": f"{YEAR}-01-01", "to": f"{YEAR + 1}-01-01"}
ADDRESS = "/api/v1/reports/sales"


async def ask(client: AsyncClient, headers: Mapping[str, str], **asked: str) -> Any:
    answer = await client.get(ADDRESS, params=PERIOD | asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_staff_read_their_own_tree_and_nobody_elses(database: Database, client: AsyncClient) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    branch = await unit(database, "BRANCH", under=bank)
    await enter(database, Sale(on=DAY, fen=1_250, path=[branch, bank]), Sale(on=DAY, fen=99, path=[other]))
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    headers = await bearer(client, "staff@shop.test")
    document = await ask(client, headers, group_by="county,kind")
    assert document["period"] == PERIOD
    assert document["group_by"] == ["county", "kind"]
    assert document["rows"] == [
        {
            "county": {"code": "522633", "name": "从江县", "province": "贵州省"},
            "kind": "direct_purchase",
            "direct_purchase_fen": 1_250,
            "assisted_sale_fen": 0,
            "credited_fen": 1_250,
            "unverified_fen": 0,
            "flagged_fen": 0,
            "refunded_fen": 0,
            "quantity": 1,
            "grams": 500,
            "orders": 1,
            "participants": None,
        }
    ]
    assert document["totals"]["credited_fen"] == 1_250
    refused = await client.get(ADDRESS, params=PERIOD | {"unit": str(other)}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert "99" not in refused.text


async def test_who_may_not_read_reports_is_told_so(database: Database, client: AsyncClient) -> None:
    bank = await unit(database, "BANK")
    assert (await client.get(ADDRESS, params=PERIOD)).status_code == 401
    await somebody(database, "buyer@shop.test", Grant(Role.EMPLOYEE, "all", "*"))
    await somebody(database, "supplier@shop.test", Grant(Role.SUPPLIER, "unit", str(bank)))
    for email in ("buyer@shop.test", "supplier@shop.test"):
        answer = await client.get(ADDRESS, params=PERIOD, headers=await bearer(client, email))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    page = await client.get("/staff/reports", headers={"accept": "text/html"})
    assert page.status_code == 303
    assert page.headers["location"].startswith("/sign-in?next=%2Fstaff%2Freports")


@pytest.mark.parametrize(
    ("asked", "code", "pointers"),
    [
        ({"from": "", "to": ""}, "invalid", ["/from", "/to"]),
        ({"from": "2026-02-30"}, "invalid", ["/from"]),
        ({"from": "20260101"}, "invalid", ["/from"]),
        ({"from": "2026-01-01", "to": "2026-01-01"}, "invalid", ["/to"]),
        ({"from": "2027-01-01", "to": "2026-01-01"}, "invalid", ["/to"]),
        ({"group_by": "county,colour"}, "invalid", ["/group_by"]),
        ({"group_by": "county,county"}, "invalid", ["/group_by"]),
        ({"group_by": "county,month,kind,scope,channel,unit,union"}, "invalid", ["/group_by"]),
        ({"group_by": "county," * 5_000}, "invalid", ["/group_by"]),
        ({"kind": "gift", "scope": "all", "fund_source": "x"}, "invalid", ["/kind", "/scope", "/fund_source"]),
        ({"channel": "a b"}, "invalid", ["/channel"]),
        ({"channel": "\x00"}, "invalid", ["/channel"]),
        ({"county": "52263３"}, "invalid", ["/county"]),
        ({"county": "' OR 1=1"}, "invalid", ["/county"]),
        ({"unit": "me", "producer": "7", "campaign": "x"}, "invalid", ["/unit", "/producer", "/campaign"]),
        ({"view": "today"}, "invalid", ["/view"]),
        ({"format": "exe"}, "invalid", ["/format"]),
        ({"grop_by": "county"}, "invalid", ["/grop_by"]),
        ({"format": "xlsx"}, "format_not_available", ["/format"]),
        ({"format": "pdf"}, "format_not_available", ["/format"]),
        ({"known_at": "2020-01-01T00:00:00Z"}, "nothing_known_then", ["/known_at"]),
        ({"known_at": "2099-01-01T00:00:00Z"}, "not_known_yet", ["/known_at"]),
        ({"known_at": "2026-01-01T00:00:00"}, "invalid", ["/known_at"]),
        ({"known_at": "0001-01-01T00:00:00+14:00"}, "invalid", ["/known_at"]),
        ({"known_at": "0001-01-01T00:00:00Z"}, "nothing_known_then", ["/known_at"]),
    ],
)
async def test_a_wrong_parameter_is_named(
    database: Database, client: AsyncClient, asked: dict[str, str], code: str, pointers: list[str]
) -> None:
    await somebody(database, "audit@shop.test", Grant(Role.STAFF, "all", "*"))
    headers = await bearer(client, "audit@shop.test")
    answer = await client.get(ADDRESS, params=PERIOD | asked, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert [error["pointer"] for error in problem["errors"]] == pointers


async def test_any_period_is_a_report_and_a_filter_given_twice_is_not(
    database: Database, database_url: str, schema: str, client: AsyncClient
) -> None:
    """From 2020 to 2099, by the API, the page, the command line and the bridge; and it does not take long."""
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await enter(database, Sale(on=DAY, fen=300, path=[bank]), Sale(on=DAY, fen=4, path=[other]))
    await somebody(database, "audit@shop.test", Grant(Role.STAFF, "all", "*"))
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    headers, staff = await bearer(client, "audit@shop.test"), await bearer(client, "staff@shop.test")
    long = {"from": "2020-01-01", "to": "2099-01-01"}
    for asked in ({}, {"group_by": "county,month"}, {"group_by": "producer"}, {"view": "sale_day"}):
        began = perf_counter()
        document = await ask(client, headers, **long, **asked)
        assert perf_counter() - began < 5, "empty years cost nothing"
        assert document["totals"]["credited_fen"] == 304
        known = {"known_at": document["known_at"]}
        assert (await ask(client, headers, **long, **asked, **known)) == document
    assert (await ask(client, staff, **long))["totals"]["credited_fen"] == 300
    page = await client.get("/staff/reports", params=long, headers=staff)
    assert (page.status_code, "¥3.00" in page.text) == (200, True)
    both = {"known_at": document["known_at"], "known_at_2": document["known_at"]}
    bridged = await client.get("/api/v1/reports/bridge", params=long | both, headers=headers)
    assert bridged.json()["second"]["credited_fen"] == 304
    assert "3.04" in command(database_url, schema, **long)
    whole = await ask(client, headers, **{"from": "0001-01-01", "to": "9999-12-31", "group_by": "year"})
    assert whole["totals"]["credited_fen"] == 304
    twice = await client.get(f"{ADDRESS}?from=2026-01-01&to=2027-01-01&kind=direct_purchase&kind=assisted_sale",
                             headers=headers)  # fmt: skip
    assert (twice.status_code, twice.json()["errors"][0]["pointer"]) == (422, "/kind")


async def test_a_flag_elsewhere_stands_in_nobodys_way(database: Database, client: AsyncClient) -> None:
    """Without keys the sum over no lines is nothing, not an error; so it is for the company that the flag is about."""
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    theirs = Sale(on=DAY, fen=500, path=[other])
    await enter(database, Sale(on=DAY, fen=100, path=[bank]), theirs)
    await raised(database, other, lines=(theirs.order,))
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    await somebody(database, "other@shop.test", Grant(Role.STAFF, "unit", str(other)))
    mine = await ask(client, await bearer(client, "staff@shop.test"))
    assert (mine["totals"]["credited_fen"], mine["totals"]["flagged_fen"]) == (100, 0)
    about = await ask(client, await bearer(client, "other@shop.test"))
    assert (about["totals"]["credited_fen"], about["totals"]["flagged_fen"]) == (500, 500)


async def test_the_spreadsheet_holds_the_same_figures(database: Database, client: AsyncClient) -> None:
    bank = await unit(database, "BANK")
    nasty = "=HYPERLINK(1)（虚构）"
    await enter(
        database,
        Sale(on=DAY, fen=123_456_789, path=[bank], grams=1_234_567, given=[Given(on=date(YEAR, 4, 1), fen=5, milli=1)]),
        *(Sale(on=DAY, fen=250, path=[bank], place=HUNYUAN, kind="assisted_sale", producer=nasty) for _ in range(6)),
        Sale(on=DAY, fen=70, path=[bank], grade="D"),
        Sale(on=DAY, fen=808, path=[bank], reason="recognition_expired"),
    )
    await somebody(database, "audit@shop.test", Grant(Role.STAFF, "all", "*"))
    headers = await bearer(client, "audit@shop.test")
    document = await ask(client, headers, group_by="county,month,producer")
    answer = await client.get(
        ADDRESS, params=PERIOD | {"group_by": "county,month,producer", "format": "csv"}, headers=headers
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="sales-{YEAR}-01-01-{YEAR + 1}-01-01.csv"' in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    head, rows, total = lines[0], lines[1 : 1 + len(document["rows"])], lines[1 + len(document["rows"])]
    assert head[:5] == ["帮扶县", "省份", "行政区划代码", "月份", "生产者"]
    for line, row in zip(rows, document["rows"], strict=True):
        assert line[:4] == [row["county"]["name"], row["county"]["province"], row["county"]["code"], row["month"]]
        same_figures(dict(zip(head, line, strict=True)), row)
    assert total[0] == "合计"
    same_figures(dict(zip(head, total, strict=True)), document["totals"])
    assert f"'{nasty}" in {line[4] for line in rows}
    assert not [cell for line in lines for cell in line if cell.startswith(("=", "+", "@"))]
    below = lines[lines.index([]) + 1 :]
    assert below[1][1:] == ["recognition_expired", "8.08"]
    recognised = next(line for line in below if line and line[0].startswith("认定总额"))
    assert Decimal(recognised[-1]) * 100 == document["recognised_fen"]


def same_figures(line: Mapping[str, str], row: Mapping[str, Any]) -> None:
    for head, name in (("直接购买（元）", "direct_purchase_fen"), ("帮助销售（元）", "assisted_sale_fen"),
                       ("计入合计（元）", "credited_fen"), ("待核实（元）", "unverified_fen"),
                       ("已退款（元）", "refunded_fen")):  # fmt: skip
        assert Decimal(line[head]) * 100 == row[name], head
    assert Decimal(line["重量（千克）"]) * 1_000 == row["grams"]
    assert (int(line["数量（件）"]), int(line["订单数"])) == (row["quantity"], row["orders"])
    assert line["参与人数"] == ("<5" if row["participants"] is None else str(row["participants"]))


async def test_the_command_line_says_what_the_api_says(
    database: Database, database_url: str, schema: str, client: AsyncClient
) -> None:
    bank = await unit(database, "BANK")
    await enter(
        database,
        Sale(on=DAY, fen=1_250, path=[bank], given=[Given(on=date(YEAR, 4, 1), fen=250)]),
        Sale(on=DAY, fen=70, path=[bank], reason="recognition_expired"),
        Sale(on=DAY, fen=9, reason="no_credited_unit"),
    )
    await somebody(database, "audit@shop.test", Grant(Role.STAFF, "all", "*"))
    headers = await bearer(client, "audit@shop.test")
    asked = {"group_by": "county,month", "kind": "direct_purchase"}
    for narrowed in ({}, {"unit": str(bank)}):
        document = await ask(client, headers, **asked, **narrowed)
        said = json.loads(command(database_url, schema, "--json", **asked, **narrowed))
        assert unstamped(said) == unstamped(document)
        assert document["totals"]["credited_fen"] == 1_000
    table = command(database_url, schema, **asked)
    for words in ("从江县", f"{YEAR}-04", "10.00", "合计", "0.70", "已过有效期"):
        assert words in table
    sheet = command(database_url, schema, "--format", "csv", **asked)
    assert "帮扶县,省份,行政区划代码,月份" in sheet.splitlines()[0]


def command(database_url: str, schema: str, *options: str, **asked: str) -> str:
    """Run `shop report sales` as an operator would."""
    given = [part for name, value in (PERIOD | asked).items() for part in (f"--{name.replace('_', '-')}", value)]
    told = {"SHOP_ENV": "development", "DATABASE_URL": database_url, "DATABASE_SCHEMA": schema, "COLUMNS": "200"}
    done = run("shop.app.cli", "report", "sales", *given, *options, folder=PROJECT, environment=os.environ | told)
    assert done.returncode == 0, done.stderr
    return done.stdout
