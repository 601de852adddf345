"""The union's list at a cut-off day, handed in through the door."""

import asyncio
from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from catalog.upload.roster import bring_roster
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from tests.make.browser import browser_of
from tests.make.caller import as_caller, refused
from tests.make.catalogue import rows
from tests.make.people import bearer, somebody
from tests.make.roster import DAY_ONE, DAY_TWO, HEADER, Desk, desk, listed, union
from tests.make.units import unit
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio

FIRST = listed(
    "A1,张一,13900000001,B1,信贷部,在职",
    "A2,王二,,B1,信贷部,在职",
    "A3,李三,,B1,营业部,在职",
    "A4,赵四,,B,办公室,在职",
    "A5,钱五,,B,办公室,离岗",
)
SECOND = listed(
    "A1,张一,13900000001,B,办公室,在职",
    "A3,李三,,B1,营业部,退休",
    "A4,赵四,,B,办公室,离岗",
    "A5,钱五,,B,办公室,在职",
    "A6,孙六,,B1,营业部,在职",
)
NOW_OF_MEMBERS = """
SELECT s.number, u.code, m.valid_from, m.valid_to FROM staff_number s
JOIN membership m ON m.person_id = s.person_id JOIN unit u ON u.id = m.unit_id ORDER BY 1, 3
"""


@pytest.fixture
async def union_desk(app: FastAPI, database: Database) -> Desk:
    return await desk(database)


async def hand_in(
    app: FastAPI, at: Desk, data: bytes, day: date = DAY_ONE, name: str = "roster.csv", **params: Any
) -> Response:
    async with as_caller(app, at.buyer) as caller:
        return await caller.post(
            "/api/v1/rosters",
            files={"file": (name, data)},
            data={"union_id": str(at.union), "as_of": str(day)},
            params=params,
        )


async def test_members_without_phone_or_account_are_members(app: FastAPI, database: Database, union_desk: Desk) -> None:
    answer = await hand_in(app, union_desk, FIRST)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["people"], body["saved"], body["counts"]["joined"]) == (5, True, 5)
    assert "13900000001" not in answer.text
    assert "王二" not in answer.text
    assert await rows(database, "SELECT name, phone FROM person WHERE name IN ('张一', '王二') ORDER BY 1") == [
        ("张一", "13900000001"),
        ("王二", None),
    ]
    listed = "SELECT staff_number, department, status FROM roster_entry ORDER BY staff_number"
    assert await rows(database, listed) == [
        ("A1", "信贷部", "active"),
        ("A2", "信贷部", "active"),
        ("A3", "营业部", "active"),
        ("A4", "办公室", "active"),
        ("A5", "办公室", "on_leave"),
    ]
    began = "SELECT DISTINCT union_id, valid_from, valid_to FROM union_membership"
    assert await rows(database, began) == [(union_desk.union, DAY_ONE, None)]


async def test_a_member_called_like_a_total_is_a_member(app: FastAPI, database: Database, union_desk: Desk) -> None:
    data = listed("A1,小计,13900000001,B1,信贷部,在职", "A2,合计,,B1,信贷部,在职", ",合计,2,,,")
    body = (await hand_in(app, union_desk, data)).json()
    assert (body["people"], [(one["row"], one["reason"]) for one in body["set_aside"]]) == (2, [(4, "total")])
    assert await rows(database, "SELECT number FROM staff_number ORDER BY 1") == [("A1",), ("A2",)]


async def test_the_difference_is_shown_before_anything_is_saved_and_stored_after(
    app: FastAPI, database: Database, union_desk: Desk
) -> None:
    await hand_in(app, union_desk, FIRST)
    before = await rows(database, NOW_OF_MEMBERS)
    tried = await hand_in(app, union_desk, SECOND, DAY_TWO, dry_run="true")
    expected = {"joined": 1, "left": 1, "moved": 1, "retired": 1, "on_leave": 1, "returned": 1}
    assert (tried.json()["saved"], tried.json()["counts"]) == (False, expected)
    assert [(one["kind"], one["staff_number"]) for one in tried.json()["changes"]] == [
        ("joined", "A6"), ("left", "A2"), ("moved", "A1"), ("on_leave", "A4"), ("retired", "A3"), ("returned", "A5"),
    ]  # fmt: skip
    assert await rows(database, NOW_OF_MEMBERS) == before
    assert await rows(database, "SELECT count(*) FROM roster") == [(1,)]

    saved = await hand_in(app, union_desk, SECOND, DAY_TWO)
    assert (saved.json()["saved"], saved.json()["counts"]) == (True, expected)
    assert await rows(database, NOW_OF_MEMBERS) == [
        ("A1", "B1", DAY_ONE, DAY_TWO),
        ("A1", "B", DAY_TWO, None),
        ("A2", "B1", DAY_ONE, DAY_TWO),
        ("A3", "B1", DAY_ONE, DAY_TWO),
        ("A4", "B", DAY_ONE, None),
        ("A5", "B", DAY_ONE, None),
        ("A6", "B1", DAY_TWO, None),
    ]
    async with as_caller(app, union_desk.buyer) as caller:
        known = await caller.get("/api/v1/rosters", params={"union_id": str(union_desk.union)})
    assert [(one["as_of"], one["counts"]["left"]) for one in known.json()["items"]] == [
        ("2026-09-01", 1),
        ("2026-03-01", 0),
    ]
    members = "SELECT count(*) FILTER (WHERE valid_to IS NULL), count(*) FILTER (WHERE valid_to = :day) FROM {}"
    assert await rows(database, members.format("union_membership"), day=DAY_TWO) == [(4, 2)], "two are members no more"
    retired = "SELECT staff_number FROM roster_entry WHERE status = 'retired'"
    assert await rows(database, retired) == [("A3",)]


async def test_the_same_list_again_does_nothing_and_an_older_one_is_refused(
    app: FastAPI, database: Database, union_desk: Desk
) -> None:
    await hand_in(app, union_desk, FIRST)
    await hand_in(app, union_desk, SECOND, DAY_TWO)
    before = await rows(database, NOW_OF_MEMBERS)
    again = await hand_in(app, union_desk, SECOND, DAY_TWO, name="other-name.csv")
    assert (again.json()["saved"], again.json()["repeated"]) == (False, True)
    refused(await hand_in(app, union_desk, FIRST, DAY_ONE), 409, "roster_older")
    refused(await hand_in(app, union_desk, FIRST, date(2099, 1, 1)), 422, "roster_day_ahead")
    assert await rows(database, NOW_OF_MEMBERS) == before
    # A list that was replaced on its day may be put back: it is not "the same as the newest".
    await hand_in(app, union_desk, FIRST, DAY_TWO)
    back = await hand_in(app, union_desk, SECOND, DAY_TWO)
    assert (back.json()["saved"], back.json()["repeated"]) == (True, False)
    assert [row for row in await rows(database, NOW_OF_MEMBERS) if row[3] is None] == [
        row for row in before if row[3] is None
    ]


async def test_every_wrong_row_is_named_and_nothing_is_saved(
    app: FastAPI, database: Database, union_desk: Desk
) -> None:
    await unit(database, "FOREIGN")
    bad = listed(
        "A1,张一,13900000001,B1,信贷部,在职",
        "A2,,123,B1,信贷部,出差",
        "A1,李三,,B1,营业部,在职",
    )
    problem = refused(await hand_in(app, union_desk, bad), 422, "import_refused")
    assert {one["pointer"] for one in problem["errors"]} == {
        "/rows/3/name", "/rows/3/phone", "/rows/3/status", "/rows/4"
    }  # fmt: skip
    foreign = refused(await hand_in(app, union_desk, listed("A1,张一,,FOREIGN,,在职")), 422, "unit_unknown")
    assert foreign["errors"][0]["pointer"] == "/rows/2/unit_code"
    assert await rows(database, "SELECT count(*) FROM roster") == [(0,)]

    await hand_in(app, union_desk, FIRST)
    other = listed("A1,另一人,,B1,信贷部,在职")
    taken = refused(await hand_in(app, union_desk, other, DAY_TWO), 422, "roster_refused")
    assert taken["errors"][0]["code"] == "staff_number_taken"
    renamed = await hand_in(app, union_desk, listed("A1,张新名,13900000001,B1,信贷部,在职"), DAY_TWO)
    assert renamed.json()["counts"] == {
        "joined": 0, "left": 4, "moved": 0, "retired": 0, "on_leave": 0, "returned": 0
    }  # fmt: skip


async def test_merged_cells_formulas_and_foreign_encodings(app: FastAPI, database: Database, union_desk: Desk) -> None:
    table = [HEADER.strip().split(","), ["A1", "张一", "", "B1", "信贷部", "在职"]]
    inside = sheet_of(table)
    merged = workbook(f'{inside}</sheetData><mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells><sheetData>')
    assert "A1:B1" in refused(await hand_in(app, union_desk, merged), 422, "file_has_merged_cells")["detail"]
    formula = workbook(sheet_of(table) + '<row r="3"><c r="B3"><f>A1</f><v>1</v></c></row>')
    refused(await hand_in(app, union_desk, formula), 422, "file_has_formula")
    gbk = await hand_in(app, union_desk, FIRST.decode().encode("gbk"))
    assert gbk.json()["saved"]


async def test_an_employee_with_an_account_stays_one_person_and_belongs_to_two_unions(
    app: FastAPI, database: Database, union_desk: Desk
) -> None:
    other = await union(database, "U2", union_desk.bank)
    await hand_in(app, union_desk, listed("A1,张一,13900000001,B1,信贷部,在职"))
    second = Desk(other, union_desk.bank, union_desk.branch, union_desk.buyer, union_desk.email)
    await hand_in(app, second, listed("X9,张一,13900000001,B1,信贷部,在职"))
    assert await rows(database, "SELECT count(*), count(DISTINCT person_id) FROM union_membership") == [(2, 1)]
    assert await rows(database, "SELECT count(*) FROM membership") == [(1,)]


async def test_two_at_once_save_one_list(app: FastAPI, database: Database, union_desk: Desk) -> None:
    async def bring(data: bytes) -> str:
        try:
            done = await bring_roster(
                database, actor=union_desk.buyer, union_id=union_desk.union, as_of=DAY_ONE, file_name="a.csv",
                data=data, now=clock.now(), today=clock.today(),
            )  # fmt: skip
        except Problem as problem:
            return problem.code
        return "saved" if done.saved else "repeated"

    same = await asyncio.gather(*(bring(FIRST) for _ in range(4)))
    assert sorted(same) == ["repeated", "repeated", "repeated", "saved"]
    others = await asyncio.gather(*(bring(listed(f"A1,张一,13900000001,B,部门{n},在职")) for n in range(4)))
    assert set(others) <= {"saved", "roster_changed"}
    chain = await rows(database, "SELECT count(*), count(DISTINCT coalesce(previous_id::text, '')) FROM roster")
    assert chain[0][0] == chain[0][1]
    assert (await rows(database, "SELECT count(*) FROM person WHERE name = '张一'")) == [(1,)]


async def test_strangers_learn_nothing(app: FastAPI, client: AsyncClient, database: Database, union_desk: Desk) -> None:
    await hand_in(app, union_desk, FIRST)
    elsewhere = await unit(database, "ELSE")
    await somebody(database, "else@example.com", Grant(Role.UNION_BUYER, "unit", str(elsewhere)))
    stranger = await bearer(client, "else@example.com")
    form = {"union_id": str(union_desk.union), "as_of": "2026-09-01"}
    answer = await client.post("/api/v1/rosters", files={"file": ("a", SECOND)}, data=form, headers=stranger)
    refused(answer, 404, "not_found")
    refused(await client.get("/api/v1/rosters", params=form, headers=stranger), 404, "not_found")
    assert (await client.post("/api/v1/rosters", files={"file": ("a", SECOND)}, data=form)).status_code == 401
    assert await rows(database, "SELECT count(*) FROM roster") == [(1,)]


async def test_the_page_shows_the_difference_and_keeps_what_was_typed(
    app: FastAPI, database: Database, union_desk: Desk
) -> None:
    browser = await browser_of(app, database, union_desk.buyer)
    page = await browser.open("/union/roster")
    fields = page.forms["/union/roster"]
    token = {"csrf_token": fields["csrf_token"]}

    async def send(data: bytes, **changed: str) -> str:
        sent = token | {"union_id": str(union_desk.union), "as_of": "2026-03-01"} | changed
        answer = await browser.client.post("/union/roster", data=sent, files={"file": ("a.csv", data)})
        return answer.text

    shown = await send(FIRST)
    assert "还没有保存" in shown
    assert "王*" in shown
    assert 'value="2026-03-01"' in shown
    assert "已保存" in await send(FIRST, do="save")
    assert "没有重复导入" in await send(FIRST, do="save")
    broken = await send(listed("A1,张一,,NOPE,,在职"))
    assert "没有单位编号 NOPE" in broken
    assert (await browser.client.get("/api/v1/rosters/template")).text.startswith("\ufeff工号,姓名")
    await browser.close()
