"""The same through the door."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.catalogue import SELLER, new_product, rows, stock_of_goods
from tests.make.people import bearer, somebody

pytestmark = pytest.mark.anyio
HEADER = "商品编号,商品名称,品类,供应商,产地县代码,规格,净重（克）,单价（元）,税率,上架,来源文件\n"
GOOD = f"{HEADER}N1,好商品,杂粮,{SELLER},620623,500g,500,12.50,9%,是,test\n".encode("gbk")
URL = "/api/v1/products/import"


@pytest.fixture
async def staff(app: FastAPI, client: AsyncClient, database: Database) -> dict[str, str]:
    await stock_of_goods(database, new_product("T1"))
    await somebody(database, "staff@example.com", Grant(Role.STAFF, "all", "*"))
    return await bearer(client, "staff@example.com")


async def test_staff_imports_and_a_second_time_is_no_second_time(
    client: AsyncClient, database: Database, staff: dict[str, str]
) -> None:
    tried = await client.post(URL, files={"file": ("a.csv", GOOD)}, params={"dry_run": "true"}, headers=staff)
    assert (tried.status_code, tried.json()["saved"]) == (200, False)
    assert await rows(database, "SELECT code FROM product") == [("T1",)]
    first = await client.post(URL, files={"file": ("a.csv", GOOD)}, headers=staff)
    assert first.status_code == 200, first.text
    assert first.json() | {"batch_id": ""} == {
        "kind": "products", "rows": 1, "saved": True, "repeated": False, "batch_id": "", "rows_read": 1,
        "rows_taken": 1, "rows_set_aside": 0, "rows_refused": 0, "set_aside": [], "asked": [],
        "acknowledged_columns": [], "products_waiting": 0, "waiting": [],
    }  # fmt: skip
    second = await client.post(URL, files={"file": ("b.xlsx", GOOD)}, headers=staff)
    assert (second.json()["saved"], second.json()["repeated"]) == (False, True)
    assert await rows(database, "SELECT state FROM product WHERE code = 'N1'") == [("listed",)]


async def test_what_cannot_be_saved_is_a_problem_with_a_code(
    client: AsyncClient, database: Database, staff: dict[str, str]
) -> None:
    homeless = f"{HEADER}N1,好商品,杂粮,{SELLER},,500g,500,12.50,9%,是,test\n".encode()
    for content, status, code in (
        (homeless, 422, "origin_county_required"),
        (b"MZ\x90\x00", 422, "file_not_a_table"),
        (b"PK\x03\x04 not a workbook", 422, "file_not_a_table"),
        (HEADER.encode() + b"=1+1,,,,,,,,,,\n", 422, "import_refused"),
        (b"x" * (20 * 1024 * 1024 + 1), 413, "file_too_large"),
    ):
        answer = await client.post(URL, files={"file": ("a.csv", content)}, headers=staff)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
    assert await rows(database, "SELECT code FROM product") == [("T1",)]


async def test_strangers_and_buyers_change_nothing(
    client: AsyncClient, database: Database, staff: dict[str, str]
) -> None:
    await somebody(database, "buyer@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    buyer = await bearer(client, "buyer@example.com")
    assert (await client.post(URL, files={"file": ("a.csv", GOOD)})).status_code == 401
    assert (await client.post(URL, files={"file": ("a.csv", GOOD)}, headers=buyer)).status_code == 403
    assert await rows(database, "SELECT count(*) FROM import_batch") == [(0,)]


async def test_a_supplier_neither_lists_nor_touches_others(
    client: AsyncClient, database: Database, staff: dict[str, str]
) -> None:
    await stock_of_goods(database, new_product("X1", supplier="别家（虚构）"))
    ids = dict(await rows(database, "SELECT name, id FROM supplier"))
    await somebody(database, "seller@example.com", Grant(Role.SUPPLIER, "supplier", str(ids[SELLER])))
    seller = await bearer(client, "seller@example.com")
    theirs, own = (f"/api/v1/products/{new_product(code).id}" for code in ("X1", "T1"))
    assert (await client.post(f"{own}/list", headers=seller)).status_code == 403
    assert (await client.post(f"{own}/list", headers=staff)).status_code == 204
    why = {"reason": "换季"}
    assert (await client.post(f"{theirs}/withdraw", headers=seller, json=why)).status_code == 403
    assert (await client.post(f"{own}/withdraw", headers=seller, json=why)).status_code == 204
    assert await rows(database, "SELECT code, state FROM product ORDER BY code") == [
        ("T1", "withdrawn"),
        ("X1", "draft"),
    ]


async def test_counties_and_producers_are_public_and_tagged(
    client: AsyncClient, database: Database, staff: dict[str, str]
) -> None:
    page = await client.get("/api/v1/counties", params={"designation": "lifted_out", "q": "天祝"})
    assert [one["code"] for one in page.json()["items"]] == ["620623"]
    again = await client.get(
        "/api/v1/counties",
        params={"designation": "lifted_out", "q": "天祝"},
        headers={"if-none-match": page.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    county = (await client.get("/api/v1/counties/620623")).json()
    assert (county["name"], county["designations"][0]["kind"]) == ("天祝藏族自治县", "lifted_out")
    assert (await client.get("/api/v1/counties/000000")).status_code == 404
    for bad in ({"q": "\0"}, {"cursor": "x"}, {"limit": "0"}, {"designation": "poor"}):
        answer = await client.get("/api/v1/counties", params=bad)
        assert answer.status_code == 422, bad
    producers = (await client.get("/api/v1/producers")).json()["items"]
    assert [one["name"] for one in producers] == [SELLER]
    detail = (await client.get(f"/api/v1/producers/{producers[0]['id']}")).json()
    assert (detail["county"]["code"], detail["documents"], detail["benefit_statements"]) == ("620623", [], [])
