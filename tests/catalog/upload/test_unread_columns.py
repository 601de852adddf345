"""A column that nobody reads is shown before anything is saved, in every list that people bring, and acknowledged."""

from contextlib import aclosing

import httpx
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from catalog.upload.kinds.price import PRICES
from catalog.upload.kinds.product import PRODUCTS
from catalog.upload.stage import import_file
from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.sheet.refused import HeaderWrong
from tests.make.browser import browser_of
from tests.make.caller import as_caller, refused
from tests.make.catalogue import OPENED, SELLER, new_product, rows, stock_of_goods
from tests.make.people import bearer, somebody
from tests.make.roster import DAY_ONE, desk, union
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio
TITLES = [
    "商品编号",
    "商品名称",
    "品类",
    "供应商",
    "产地县代码",
    "规格",
    "净重（克）",
    "单价（元）",
    "税率",
    "来源文件",
]
CELLS = ["N1", "好商品", "杂粮", SELLER, "620623", "500g", "500", "12.50", "9%", "test"]


async def test_products_ask_about_each_unknown_column_by_name(
    app: FastAPI, client: AsyncClient, database: Database
) -> None:
    await stock_of_goods(database, new_product("T1"))
    await somebody(database, "staff@example.com", Grant(Role.STAFF, "all", "*"))
    staff = await bearer(client, "staff@example.com")
    data = workbook(sheet_of([[*TITLES, "会员价", "", "备注二"], [*CELLS, "9.90", "没有列名", "甲"]]))
    titles = ["会员价", "第 12 列（没有列名）", "备注二"]

    async def bring(*said: str, **query: str) -> httpx.Response:
        form = {"acknowledged_columns": list(said)}
        url = "/api/v1/products/import"
        return await client.post(url, params=query, data=form, files={"file": ("a.xlsx", data)}, headers=staff)

    for query in ({"dry_run": "true"}, {}):
        assert refused(await bring(**query), 422, "columns_unknown")["unknown_columns"] == titles
    part = refused(await bring("会员价", "别的列"), 422, "columns_unknown")
    assert part["unknown_columns"] == titles[1:], "what was acknowledged is not asked about again; the rest is"
    assert [one["code"] for one in part["errors"]] == ["column_unknown"] * 2
    assert await rows(database, "SELECT count(*) FROM import_batch") == [(0,)]
    tried = (await bring(*titles, dry_run="true")).json()
    assert (tried["saved"], tried["acknowledged_columns"]) == (False, titles)
    done = (await bring(*titles, "别的列")).json()
    assert (done["saved"], done["rows_taken"], done["acknowledged_columns"]) == (True, 1, titles)
    again = (await bring()).json()
    assert (again["repeated"], again["acknowledged_columns"]) == (True, titles)
    assert await rows(database, "SELECT acknowledged_columns FROM import_batch") == [(titles,)]


async def test_a_title_that_nearly_says_a_needed_one_is_named_beside_it(database: Database) -> None:
    await stock_of_goods(database, new_product("T1"))
    for header, missing, unknown in (
        ("规格编号,单价", "缺少列：单价（元）", "不认识的列：单价"),
        ("规格编号,单价（元）,备注,备注", "重复的列：备注", "不认识的列：备注"),
    ):
        with pytest.raises(HeaderWrong) as wrong:
            await import_file(
                database,
                kind=PRICES,
                file_name="p.csv",
                data=f"{header}\nT1,5,甲,乙\n".encode(),
                actor=None,
                now=OPENED,
                acknowledged=("单价", "备注"),
            )
        assert missing in wrong.value.detail
        assert unknown in wrong.value.detail
    # A header that is whole for one layout is read by it, however many titles of another stand there too.
    ours, sample = PRODUCTS.layouts
    header_of_both = [one.title for one in ours.columns if one.needed] + [one.title for one in sample.columns[1:]]
    assert PRODUCTS.layout_for(header_of_both) is ours


ROSTER = "工号|姓名|手机号|单位编号\nA0001|王一（虚构）|13900000001|B\nA0002|李二（虚构）|13900000002|B\n".encode()


async def test_a_roster_asks_on_its_page_with_a_tick_box_a_title(app: FastAPI, database: Database) -> None:
    of = await desk(database)
    other = await union(database, "OTHER")
    browser = await browser_of(app, database, of.buyer)
    async with aclosing(browser.client):
        page = await browser.open("/union/roster")
        token = {"csrf_token": page.forms["/union/roster"]["csrf_token"]}

        async def send(*ticked: str, do: str = "show", of_union: object = of.union) -> str:
            sent = token | {"union_id": str(of_union), "as_of": str(DAY_ONE), "do": do}
            form = {**sent, "acknowledged_columns": list(ticked)}
            return (await browser.client.post("/union/roster", data=form, files={"file": ("a.csv", ROSTER)})).text

        box = '<input type="checkbox" name="acknowledged_columns" value="手机号"'
        for do in ("show", "save"):
            asked = await send(do=do)
            assert f"{box}>" in asked
            assert f'value="{DAY_ONE}"' in asked, "what was typed stays"
            assert "能读而文件里没有的列：手机、部门、状态" in asked, (
                "what is meant may be a column under another title"
            )
        assert await rows(database, "SELECT count(*) FROM roster") == [(0,)]
        shown = await send("手机号")
        assert "还没有保存" in shown
        assert f"{box} checked>" in shown, "the tick stays for the second time the file is chosen"
        saved = await send("手机号", do="save")
        assert "已保存" in saved
        assert box not in saved
        assert "确认不用读的列：手机号" in saved
        assert "没有找到这个工会" in await send("手机号", do="save", of_union=other)
    assert await rows(database, "SELECT acknowledged_columns FROM roster") == [(["手机号"],)]
    assert await rows(database, "SELECT acknowledged_columns FROM import_batch") == [(["手机号"],)]


async def test_a_roster_asks_through_the_api_and_answers_what_was_acknowledged(
    app: FastAPI, database: Database
) -> None:
    of = await desk(database)
    form = {"union_id": str(of.union), "as_of": str(DAY_ONE)}
    files = {"file": ("a.csv", ROSTER)}
    said = {**form, "acknowledged_columns": ["手机号"]}
    async with as_caller(app, of.buyer) as caller:
        problem = refused(await caller.post("/api/v1/rosters", data=form, files=files), 422, "columns_unknown")
        assert problem["unknown_columns"] == ["手机号"]
        first = await caller.post("/api/v1/rosters", data=said, files=files)
        again = await caller.post("/api/v1/rosters", data=form, files=files)
        known = (await caller.get("/api/v1/rosters", params={"union_id": str(of.union)})).json()["items"]
        wrong = "工号,姓名,手机,单位编号\nA1,王一（虚构）,12345,B\nA2,李二（虚构）,1,B\n".encode()
        refusal = await caller.post("/api/v1/rosters", data=form, files={"file": ("b.csv", wrong)})
    assert (first.json()["saved"], first.json()["acknowledged_columns"]) == (True, ["手机号"]), first.text
    assert (again.json()["repeated"], again.json()["acknowledged_columns"]) == (True, ["手机号"])
    assert [one["acknowledged_columns"] for one in known] == [["手机号"]]
    after = "SELECT after->'acknowledged_columns' FROM audit_event WHERE action = 'roster.saved'"
    assert await rows(database, after) == [(["手机号"],)]
    detail = refused(refusal, 422, "import_refused")["detail"]
    assert "。。" not in detail
    assert "。；" not in detail
