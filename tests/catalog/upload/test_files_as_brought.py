"""Rosters and price lists as people really bring them."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from catalog.upload.kinds.price import PRICES, STOCK
from catalog.upload.stage import import_file
from shop.access.permissions import Actor
from shop.core.database import Database
from shop.sheet.refused import RowsRefused
from tests.make.caller import as_caller, refused
from tests.make.case import case
from tests.make.catalogue import OPENED, new_product, rows, stock_of_goods
from tests.make.roster import desk
from tests.make.shop import small_shop
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio


async def bring(app: FastAPI, actor: Actor, union: Any, data: bytes, day: str, **query: str) -> httpx.Response:
    async with as_caller(app, actor) as caller:
        return await caller.post(
            "/api/v1/rosters",
            params=query,
            data={"union_id": str(union), "as_of": day},
            files={"file": ("名册.csv", data)},
        )


def roster(name: str) -> bytes:
    return case(name) if name.endswith(".xlsx") else case(name).replace(b"DEMO-1", b"B1")


async def test_a_roster_whose_zeros_were_lost_is_stopped_and_says_why(app: FastAPI, database: Database) -> None:
    of = await desk(database)
    first = await bring(app, of.buyer, of.union, roster("n01_roster.csv"), "2026-03-01")
    assert (first.status_code, first.json()["people"]) == (200, 3), first.text
    lines = csv.reader(io.StringIO(roster("n01_roster.csv").decode("utf-8-sig")))
    header, *people = lines
    lost = workbook(sheet_of([header, *([int(one[0]), *one[1:]] for one in people)]))
    for query in ({"dry_run": "true"}, {}):
        problem = refused(
            await bring(app, of.buyer, of.union, lost, "2026-09-01", **query), 422, "roster_numbers_changed"
        )
        assert "0 不见了" in problem["detail"]
    assert await rows(database, "SELECT count(*) FROM roster") == [(1,)]
    assert await rows(database, "SELECT count(*) FROM person WHERE name LIKE '测试%'") == [(3,)]


async def test_names_with_rare_signs_are_kept_and_a_lost_sign_is_asked_about(app: FastAPI, database: Database) -> None:
    of = await desk(database)
    kept = await bring(app, of.buyer, of.union, roster("n05_rare_utf8.csv"), "2026-03-01")
    assert (kept.json()["saved"], kept.json()["asked"]) == (True, [])
    assert await rows(database, "SELECT name FROM person WHERE name LIKE '测试%'") == [("测试𠮷䶮（虚构）",)]
    asked = await bring(app, of.buyer, of.union, roster("n04_rare.csv"), "2026-04-01", dry_run="true")
    assert [(one["pointer"], one["code"]) for one in asked.json()["asked"]] == [("/rows/2/name", "sign_lost")]
    assert (await bring(app, of.buyer, of.union, roster("n04_rare.csv"), "2026-04-01")).json()["saved"] is True


async def test_what_a_spreadsheet_would_run_comes_in_as_text(app: FastAPI, database: Database) -> None:
    of = await desk(database)
    done = await bring(app, of.buyer, of.union, roster("n03_formula.csv"), "2026-03-01")
    assert done.json()["people"] == 3, done.text
    assert await rows(database, "SELECT department FROM roster_entry WHERE position = 0") == [
        ("-2+3+cmd|' /C calc'!A0",)
    ]
    assert await rows(database, "SELECT count(*) FROM staff_number WHERE number = '+1-1'") == [(1,)]


async def test_a_comma_is_a_thousands_separator_or_nothing(database: Database) -> None:
    await stock_of_goods(database, new_product("SP001"), new_product("SP002"))
    with pytest.raises(RowsRefused) as problem:
        await import_file(database, kind=PRICES, file_name="p.csv", data=case("p01_prices.csv"), actor=None, now=OPENED)
    assert [one.pointer for one in problem.value.errors] == ["/rows/2/price_yuan", "/rows/3/price_yuan"]
    assert problem.value.extra["rows_refused"] == 2
    wide = "规格编号,单价（元）,价目\nSP001,１，２３４．５０,工会\n".encode()
    done = await import_file(database, kind=PRICES, file_name="w.csv", data=wide, actor=None, now=OPENED)
    assert done.rows_read == done.rows == 1
    assert await rows(database, "SELECT fen FROM price WHERE list = 'union'") == [(123_450,)]


async def test_notes_and_totals_are_set_aside_and_a_header_may_stand_deep(database: Database) -> None:
    await stock_of_goods(database, new_product("SP001"))
    above = "".join(f"说明第 {n} 行\n" for n in range(1, 25))
    data = f"{above}规格编号,单价（元）,价目\nSP001,3.00,工会\n合计：,3.00,\n打印日期：2026-11-29,,\n".encode()
    done = await import_file(database, kind=PRICES, file_name="n.csv", data=data, actor=None, now=OPENED)
    assert (done.rows, done.rows_read) == (1, 3)
    assert [(one.row, one.reason) for one in done.set_aside] == [(27, "total"), (28, "note")]


async def test_a_row_that_has_all_it_needs_is_a_row_whatever_its_code_reads_like(database: Database) -> None:
    await small_shop(database)
    async with database.transaction() as session:
        await session.execute(text("UPDATE sku SET code = '#A1' WHERE code = 'S0'"))
        await session.execute(text("UPDATE sku SET code = '小计' WHERE code = 'S1'"))
    data = "规格编号,方式,件数\n#A1,入库,5\n小计,入库,6\nS2,入库,7\n合计,,18\n# 打印日期：2026-11-30,,\n"
    done = await import_file(
        database, kind=STOCK, file_name="a.csv", data=data.encode(), actor=None, now=datetime.now(UTC)
    )
    assert (done.rows, [one.row for one in done.set_aside]) == (3, [5, 6])


async def test_rows_that_an_open_quote_swallowed_are_not_lost(database: Database) -> None:
    await small_shop(database)
    data = '规格编号,方式,件数\n"S0,入库,7\nS1,入库,7\nS2",入库,7\n'
    with pytest.raises(RowsRefused) as refusal:
        await import_file(
            database, kind=STOCK, file_name="a.csv", data=data.encode(), actor=None, now=datetime.now(UTC)
        )
    assert "row_swallowed" in {one.code for one in refusal.value.errors}
