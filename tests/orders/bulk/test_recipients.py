"""A list of recipients through the door: every mistake named, all rows saved or none."""

import asyncio
import io
import zipfile
from collections.abc import Sequence

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import text

from orders.bulk.recipients.import_list import bring_recipients
from orders.bulk.recipients.rows import Regions
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.ids import new_id
from tests.make.browser import browser_of
from tests.make.bulk import Plan, _officer, a_desk, a_plan, one, stands, submitted
from tests.make.caller import as_caller, refused
from tests.make.catalogue import rows
from tests.make.roster import union
from tests.make.units import unit
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio

TITLES = ["收件人", "手机", "省市县", "详细地址", "工号", "单位编号", "套餐", "份数"]
SAVED = "SELECT row, name, phone, region_code, quantity FROM bulk_recipient ORDER BY row"


def phone(n: int) -> str:
    return f"139{n:08}"


def lines(count: int, start: int = 0) -> list[list[str]]:
    """One row a member: members are called 会员0, 会员1 …"""
    regions = ["310101", "贵州省从江县", "浑源县"]
    return [
        [f"会员{n}", phone(n), regions[n % 3], f"示例路{n}号", "", "", "", "1"] for n in range(start, start + count)
    ]


def csv_of(table: Sequence[Sequence[str]], header: Sequence[str] = TITLES) -> bytes:
    return "\n".join(",".join(row) for row in [header, *table]).encode()


@pytest.fixture
async def plan(app: FastAPI, database: Database) -> Plan:
    return await a_plan(database, members=6, state="draft", deliver_to="homes")


async def put(app: FastAPI, plan: Plan, data: bytes, *, actor: object = None, **params: str) -> Response:
    async with as_caller(app, actor or plan.desk.clerk) as caller:  # type: ignore[arg-type]
        return await caller.put(
            f"/api/v1/bulk-purchases/{plan.id}/recipients", files={"file": ("list.csv", data)}, params=params
        )


async def test_all_rows_are_saved_and_the_same_file_again_does_nothing(
    app: FastAPI, database: Database, plan: Plan
) -> None:
    data = csv_of(lines(6))
    tried = await put(app, plan, data, dry_run="true")
    assert (tried.status_code, tried.json()["rows"], tried.json()["saved"]) == (200, 6, False), tried.text
    assert await rows(database, SAVED) == []
    first = await put(app, plan, data)
    assert first.json() | {"import_id": ""} == {
        "import_id": "", "rows": 6, "pieces": 6, "saved": True, "repeated": False, "rows_read": 6, "rows_taken": 6,
        "rows_set_aside": 0, "rows_refused": 0, "set_aside": [], "asked": [], "acknowledged_columns": [],
    }  # fmt: skip
    saved = await rows(database, SAVED)
    assert saved[:2] == [(2, "会员0", phone(0), "310101", 1), (3, "会员1", phone(1), "522633", 1)]
    ids = await rows(database, "SELECT id FROM bulk_recipient ORDER BY row")
    revision = await one(plan, "SELECT revision FROM bulk_purchase WHERE id = :id")
    again = await put(app, plan, data)
    assert (again.json()["saved"], again.json()["repeated"]) == (False, True)
    assert (again.json()["rows"], again.json()["pieces"]) == (6, 6), "the same answer, whenever it is asked"
    assert await rows(database, "SELECT id FROM bulk_recipient ORDER BY row") == ids
    assert await one(plan, "SELECT revision FROM bulk_purchase WHERE id = :id") == revision
    # Members are found by name; their branch came from the roster.
    assert await one(
        plan,
        "SELECT bool_and(r.unit_id = m.unit_id) FROM bulk_recipient r JOIN bulk_member m USING (purchase_id, person_id)"
        " WHERE r.purchase_id = :id",
    )


async def test_251_announced_and_245_saved_is_impossible(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database, members=251, state="draft", deliver_to="homes")
    short = refused(await put(app, plan, csv_of(lines(245))), 422, "recipients_refused")
    assert "应为 251 份，表格里合计 245 份，少 6 份" in short["errors"][0]["detail"]
    table = lines(251)
    for n in (7, 77, 107, 177, 207, 250):
        table[n][1] = "12345"
    bad = refused(await put(app, plan, csv_of(table)), 422, "recipients_refused")
    assert [one["pointer"] for one in bad["errors"]] == [f"/rows/{n + 2}/phone" for n in (7, 77, 107, 177, 207, 250)]
    assert "。；" not in bad["detail"], "a sentence that has become a part of one has no full stop of its own"
    assert await rows(database, SAVED) == []
    good = await put(app, plan, csv_of(lines(251)))
    assert good.json()["rows"] == 251
    assert len(await rows(database, SAVED)) == 251


async def test_every_mistake_is_named_by_row_and_column_in_chinese(
    app: FastAPI, database: Database, plan: Plan
) -> None:
    table = lines(6)
    table[0][1] = ""
    table[1][2] = "火星县"
    table[2][1] = phone(5)
    table[3] = ["会员3", phone(3), "310101", "", "NOBODY", "", "没有的套餐", "0"]
    table[4][0] = "会员0"
    bad = refused(await put(app, plan, csv_of(table)), 422, "recipients_refused")
    found = {(one["pointer"], one["code"]) for one in bad["errors"]}
    assert found == {
        ("/rows/2/phone", "cell_blank"),
        ("/rows/3/region", "region_unknown"),
        ("/rows/5/street", "cell_blank"),
        ("/rows/5/staff_number", "member_unknown"),
        ("/rows/5/quantity", "cell_wrong"),
        ("/rows/6/staff_number", "member_twice"),
        ("/rows/7/phone", "phone_twice"),
    }
    said = {one["pointer"]: one["detail"] for one in bad["errors"]}
    assert said["/rows/3/region"].startswith("第 3 行“省市县”")
    assert "第 4 行重复" in said["/rows/7/phone"]
    # What is kept of the refusal quotes nobody.
    kept = str(await rows(database, "SELECT errors::text, said FROM recipient_import"))
    assert not any(secret in kept for secret in (phone(5), "会员0", "会员3", "示例路", "火星县"))
    assert await rows(database, SAVED) == []


async def test_a_member_of_another_union_is_an_error_of_its_row(app: FastAPI, database: Database, plan: Plan) -> None:
    other = await union(database, "OTHER", plan.desk.shop.branch)
    person = new_id()
    async with database.transaction() as session:
        now = clock.now()
        named = {"p": person, "u": other, "now": now, "id": new_id(), "day": clock.today()}
        await session.execute(
            text("INSERT INTO person (id, name, phone, created_at) VALUES (:p, '外人', '13911112222', :now)"), named
        )
        await session.execute(
            text("INSERT INTO union_membership (id, person_id, union_id, valid_from) VALUES (:id, :p, :u, :day)"), named
        )
        await session.execute(
            text("INSERT INTO staff_number (union_id, number, person_id) VALUES (:u, 'X1', :p)"), named
        )
    table = lines(6)
    table[0] = ["外人", "13911112222", "310101", "示例路", "", "BRANCH", "", "1"]
    table[1][4] = "X1"
    bad = refused(await put(app, plan, csv_of(table)), 422, "recipients_refused")
    assert [(one["pointer"], one["code"]) for one in bad["errors"]] == [
        ("/rows/2/name", "other_union"),
        ("/rows/3/staff_number", "other_union"),
    ]
    assert await rows(database, SAVED) == []


async def test_a_recipient_who_belongs_to_another_company_is_a_name_like_any_other(
    app: FastAPI, database: Database, plan: Plan
) -> None:
    """Whether a phone and a name are known elsewhere is told to nobody; nobody is moved by it either."""
    elsewhere = await unit(database, "ELSE")
    other = await union(database, "OTHER", elsewhere)
    person = new_id()
    async with database.transaction() as session:
        named = {"p": person, "u": other, "now": clock.now(), "id": new_id(), "day": clock.today()}
        await session.execute(
            text("INSERT INTO person (id, name, phone, created_at) VALUES (:p, '外人', '13911112222', :now)"), named
        )
        await session.execute(
            text("INSERT INTO union_membership (id, person_id, union_id, valid_from) VALUES (:id, :p, :u, :day)"), named
        )
    answers = []
    for who, phone in (("外人", "13911112222"), ("路人", "13911113333")):
        table = lines(6)
        table[0] = [who, phone, "310101", "示例路", "", "BRANCH", "", "1"]
        answers.append((await put(app, plan, csv_of(table))).status_code)
    assert answers == [200, 200]
    assert await rows(database, "SELECT count(*)::int FROM bulk_recipient WHERE person_id = :p", p=person) == [(0,)]


async def test_files_that_are_no_lists(app: FastAPI, database: Database, plan: Plan) -> None:
    table = [TITLES, *lines(6)]
    merged = workbook(f'{sheet_of(table)}</sheetData><mergeCells><mergeCell ref="A2:B2"/></mergeCells><sheetData>')
    formula = workbook(sheet_of(table) + '<row r="9"><c r="H9"><f>SUM(H2:H8)</f><v>6</v></c></row>')
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", b" " * (200 * 1024 * 1024))
    for data, status, code, said in (
        (csv_of(lines(6), ["收件人", "电话号", *TITLES[2:]]), 422, "file_header_wrong", "缺少列：手机"),
        (merged, 422, "file_has_merged_cells", "A2:B2"),
        (formula, 422, "file_has_formula", "H9"),
        (bomb.getvalue(), 413, "file_too_large", "解压后太大"),
        (b"x" * (20 * 1024 * 1024 + 1), 413, "file_too_large", "20 MB"),
        (csv_of([]), 422, "recipients_refused", "没有数据行"),
    ):
        assert said in refused(await put(app, plan, data), status, code)["detail"]
    async with as_caller(app, plan.desk.clerk) as caller:
        large = await caller.put(
            f"/api/v1/bulk-purchases/{plan.id}/recipients", content=b"x", headers={"content-length": str(200 * 2**20)}
        )
    assert large.status_code == 413
    assert await rows(database, SAVED) == []
    assert (await put(app, plan, csv_of(lines(6)).decode().encode("gbk"))).json()["saved"]
    assert (await put(app, plan, workbook(sheet_of(table)))).json()["saved"]
    async with as_caller(app, plan.desk.clerk) as caller:
        raw = await caller.put(
            f"/api/v1/bulk-purchases/{plan.id}/recipients",
            content=csv_of(lines(6)),
            headers={"content-type": "text/csv"},
        )
    assert raw.json()["saved"], raw.text


async def test_new_addresses_void_what_was_submitted_and_an_order_takes_none(app: FastAPI, database: Database) -> None:
    plan = await a_plan(database, members=6, state="draft", deliver_to="homes")
    await put(app, plan, csv_of(lines(6)))
    await submitted(plan)
    table = lines(6)
    table[0][3] = "另一条路"
    assert (await put(app, plan, csv_of(table))).json()["saved"]
    assert await stands(plan) == "draft"
    async with database.transaction() as session:
        await session.execute(text("UPDATE bulk_purchase SET state = 'ordered' WHERE id = :id"), {"id": plan.id})
    refused(await put(app, plan, csv_of(lines(6))), 409, "recipients_closed")
    assert await one(plan, "SELECT street FROM bulk_recipient WHERE purchase_id = :id AND row = 2") == "另一条路"


async def test_who_still_chooses_gets_no_list_yet(app: FastAPI, database: Database) -> None:
    desk = await a_desk(database, members=2)
    box = {"sku_id": desk.shop.box, "pieces": 1}
    plan = await a_plan(
        database,
        desk=desk,
        state="draft",
        deliver_to="homes",
        choose_until=clock.now() + clock.timedelta(days=3),
        packages=[
            {"name": "甲", "lines": [box]},
            {"name": "乙", "lines": [{"sku_id": desk.shop.skus[0], "pieces": 1}]},
        ],
    )
    refused(await put(app, plan, csv_of(lines(2))), 409, "choices_open")


async def test_strangers_and_other_roles_change_nothing(app: FastAPI, database: Database, plan: Plan) -> None:
    assert (await put(app, plan, csv_of(lines(6)), actor=plan.desk.receivers[0])).status_code == 403
    stranger = await _officer(database, Role.UNION_BUYER, await unit(database, "ELSE"))
    refused(await put(app, plan, csv_of(lines(6)), actor=stranger), 404, "not_found")
    async with as_caller(app, stranger) as caller:
        refused(await caller.get(f"/api/v1/bulk-purchases/{plan.id}/recipients/progress"), 404, "not_found")
    assert await rows(database, SAVED) == []


async def test_progress_stands_beside_the_work_and_ends_at_all(app: FastAPI, database: Database, plan: Plan) -> None:
    url = f"/api/v1/bulk-purchases/{plan.id}/recipients"
    async with as_caller(app, plan.desk.clerk) as caller:
        assert (await caller.get(f"{url}/progress")).json()["state"] == "none"
        await put(app, plan, csv_of(lines(5)))
        stopped = (await caller.get(f"{url}/progress")).json()
        assert (stopped["state"], stopped["error_count"]) == ("refused", 1)
        assert "少 1 份" in (await caller.get(f"{url}/errors")).text
        await put(app, plan, csv_of(lines(6)))
        done = (await caller.get(f"{url}/progress")).json()
        template = await caller.get(f"{url}/template")
    assert (done["state"], done["done"], done["total"]) == ("saved", 12, 12)
    assert template.text.startswith("\ufeff收件人,手机,省市县")


async def test_two_lists_at_once_leave_one_whole(app: FastAPI, database: Database, plan: Plan) -> None:
    async def bring(data: bytes) -> str:
        try:
            done = await bring_recipients(
                database, actor=plan.desk.clerk, purchase_id=plan.id, file_name="", data=data, now=clock.now()
            )
        except Problem as problem:
            return problem.code
        return "saved" if done.saved else "repeated"

    tables = [csv_of([[*row[:3], f"第{n}条路", *row[4:]] for row in lines(6)]) for n in range(3)]
    found = await asyncio.gather(*(bring(data) for data in [*tables, tables[0]]))
    assert set(found) <= {"saved", "repeated", "approval_stale"}
    assert "saved" in found
    assert await rows(database, "SELECT count(*), count(DISTINCT street) FROM bulk_recipient") == [(6, 1)]


async def test_the_page_checks_saves_and_shows_what_is_wrong(app: FastAPI, database: Database, plan: Plan) -> None:
    browser = await browser_of(app, database, plan.desk.clerk)
    path = f"/union/purchases/{plan.id}/recipients"
    page = await browser.open(path)
    token = {"csrf_token": page.forms[path]["csrf_token"]}

    async def send(data: bytes, do: str) -> str:
        files = {"file": ("a.csv", data)}
        return (await browser.client.post(path, data=token | {"do": do}, files=files)).text

    assert "少 1 份" in await send(csv_of(lines(5)), "save")
    assert "检查通过，还没有保存" in await send(csv_of(lines(6)), "try")
    assert "6 行，全部保存" in await send(csv_of(lines(6)), "save")
    assert "没有重复导入" in await send(csv_of(lines(6)), "save")
    assert "缺少列" in await send(b"a,b\n1,2\n", "save")
    await browser.close()


async def test_an_unknown_column_is_acknowledged_before_a_list_is_saved(
    app: FastAPI, database: Database, plan: Plan
) -> None:
    data = csv_of([[*row, "偏远加 2 份"] for row in lines(6)], [*TITLES, "配送备注"])
    url = f"/api/v1/bulk-purchases/{plan.id}/recipients"
    assert refused(await put(app, plan, data), 422, "columns_unknown")["unknown_columns"] == ["配送备注"]
    said = {"acknowledged_columns": ["配送备注", "别的列"]}
    async with as_caller(app, plan.desk.clerk) as caller:
        asked = (await caller.get(f"{url}/progress")).json()
        assert (asked["state"], asked["unknown_columns"]) == ("refused", ["配送备注"])
        as_body = {"content": data, "headers": {"content-type": "text/csv"}}
        tried = await caller.put(url, params=said | {"dry_run": "true"}, **as_body)
        assert tried.json()["acknowledged_columns"] == ["配送备注"], tried.text
        as_form = {"data": said, "files": {"file": ("list.csv", data)}}
        assert (await caller.put(url, params={"dry_run": "true"}, **as_form)).status_code == 200
    stranger = await _officer(database, Role.UNION_BUYER, await unit(database, "ELSE"))
    refused(await put(app, plan, data, actor=stranger, acknowledged_columns="配送备注"), 404, "not_found")
    assert await rows(database, SAVED) == []
    browser = await browser_of(app, database, plan.desk.clerk)
    path = f"/union/purchases/{plan.id}/recipients"
    page = await browser.open(path)
    token = {"csrf_token": page.forms[path]["csrf_token"]}
    box = '<input type="checkbox" name="acknowledged_columns" value="配送备注"'

    async def send(do: str, *ticked: str) -> str:
        form = {**token, "do": do, "acknowledged_columns": list(ticked)}
        return (await browser.client.post(path, data=form, files={"file": ("a.csv", data)})).text

    assert f"{box}>" in await send("save")
    assert await rows(database, SAVED) == []
    assert f"{box} checked>" in await send("try", "配送备注"), "the tick stays for the second time the file is chosen"
    saved = await send("save", "配送备注")
    await browser.close()
    assert "6 行，全部保存" in saved
    assert "确认不用读的列：配送备注" in saved
    assert box not in saved
    assert len(await rows(database, SAVED)) == 6
    kept = "SELECT acknowledged_columns FROM recipient_import WHERE state = 'saved'"
    assert await rows(database, kept) == [(["配送备注"],)]
    noted = "SELECT after->'acknowledged_columns' FROM audit_event WHERE action = 'bulk.recipients_imported'"
    assert await rows(database, noted) == [(["配送备注"],)]


def test_a_region_is_found_by_code_or_by_name_when_only_one_is_called_so() -> None:
    known = Regions(
        [
            ("310101", "黄浦区", "上海市", "上海市"),
            ("522633", "从江县", "贵州省", "黔东南苗族侗族自治州"),
            ("110105", "朝阳区", "北京市", None),
            ("220104", "朝阳区", "吉林省", "长春市"),
        ]
    )
    assert (
        known.code("522633")
        == known.code("贵州省从江县")
        == known.code("贵州省/黔东南苗族侗族自治州/从江县")
        == "522633"
    )
    assert known.code("上海市 上海市 黄浦区") == known.code("黄浦区") == "310101"
    assert known.code("朝阳区") is None
    assert known.code("长春市朝阳区") == "220104"
    assert known.code("999999") is None
