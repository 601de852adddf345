"""What the shop knows of a person: told, copied, kept for a time, erased; the ledger stays."""

import re
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import SQLModel

from orders.balance.identity import identities
from orders.privacy.models import RETAINED
from orders.privacy.personal import LOOKS_PERSONAL, NOBODY_S, PERSONAL
from orders.privacy.retention import ERASE, erase_due
from shop.access.notice import VERSION
from shop.access.permissions import Grant, Role
from shop.access.users import revoke_role
from shop.app.migrate import import_tables
from shop.core import clock
from shop.core.database import Database
from tests.make.bank_desk import bank_desk, money
from tests.make.caller import as_caller, refused
from tests.make.people import PASSWORD, bearer, client_of, somebody
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio
ERASE_ME = {"password": PASSWORD}
CENTURY_ON = clock.now() + timedelta(days=101 * 366)


def test_every_personal_column_is_known_and_ends() -> None:
    import_tables()
    here = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name in LOOKS_PERSONAL
    }
    known = {f"{one.table}.{column}" for one in PERSONAL for column in one.columns}
    nobody_s = {name for one in NOBODY_S for name in one.columns}
    assert here - known - nobody_s == set(), "decide: whose is it, and when does it end?"
    assert known & nobody_s == set()
    assert all(one.kind or one.why for one in PERSONAL)
    assert set(ERASE) == set(RETAINED)


async def test_every_kind_has_a_rule_and_its_statement_runs(database: Database) -> None:
    async with database.reading() as session:
        ruled = set(await session.scalars(text("SELECT DISTINCT kind FROM retention_rule")))
    assert ruled == set(RETAINED)
    assert await erase_due(database, now=CENTURY_ON) == {}, "an empty shop has nothing to erase"


async def test_after_their_time_no_name_is_left_and_the_books_still_balance(app: FastAPI, database: Database) -> None:
    desk = await bank_desk(app, database)
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code), money("S2", 700, "货款"))
    erased = await erase_due(database, now=CENTURY_ON)
    assert {"delivery", "bank_transfer", "payer_share"} <= set(erased)
    async with database.snapshot() as session:
        for table, columns in (("bank_transfer", "payer_name, remark"), ("payer_share", "payer_name, invoice_title")):
            rows = await session.execute(text(f"SELECT DISTINCT {columns} FROM {table}"))  # our own names
            assert [tuple(row) for row in rows] == [("", "")]
        assert [one for one in await identities(session) if not one.holds] == []
    assert await erase_due(database, now=CENTURY_ON) == {}, "erased once"


async def test_a_copy_holds_one_s_own_and_nobody_else_s(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    me, other = await buyer(database, works_at=shop.branch), await buyer(database)
    mine, theirs = [await placed(database, who, {shop.skus[0]: 1}) for who in (me, other)]
    async with as_caller(app, me) as caller:
        await caller.put(f"/api/v1/cart/lines/{shop.skus[0]}", json={"quantity": 2})
        found = (await caller.get("/api/v1/me/data")).json()
    assert [one["number"] for one in found["rows"]["订单"]] == [mine.number]
    assert [one["name"] for one in found["rows"]["配送信息"]] == ["收货人甲"]
    assert theirs.number not in str(found)
    assert [one["quantity"] for one in found["rows"]["购物车"]] == [2]
    assert found["notice"] == VERSION
    async with database.reading() as session:
        (noted,) = await session.execute(text("SELECT * FROM audit_event WHERE action = 'person.copy_exported'"))
    assert noted.actor_id == me.user_id


async def test_the_notice_is_open_to_all_and_who_signs_in_has_seen_it(
    client: httpx.AsyncClient, database: Database
) -> None:
    page = await client.get("/privacy")
    assert (page.status_code, "会计档案管理办法" in page.text) == (200, True)
    english = (await client.get("/privacy?lang=en")).text
    assert ("Your rights" in english, "Sign-ins" in english, "登录记录" in english) == (True, True, False)
    made = await somebody(database, "me@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    for _ in range(2):
        await bearer(client, "me@example.com")
    async with database.reading() as session:
        rows = await session.execute(text("SELECT user_id, version FROM notice_seen"))
        assert [tuple(row) for row in rows] == [(made.user_id, VERSION)]


async def test_whoever_has_no_role_left_still_has_his_own(app: FastAPI, database: Database) -> None:
    """He left the company: what is kept of him he may read, take along and have erased, and nothing of others."""
    made = await somebody(database, "me@example.com", Grant(Role.STAFF, "all", "*"))
    async with database.transaction() as session:
        await revoke_role(
            session, actor=None, user_id=made.user_id, grant=Grant(Role.STAFF, "all", "*"), day=clock.today(),
            now=clock.now(),
        )  # fmt: skip
    async with client_of(app) as client:
        me = await bearer(client, "me@example.com")
        for path in ("/me", "/me/privacy", "/me/password", "/me/claims", "/me/privacy/data.json"):
            assert (await client.get(path, headers=me)).status_code == 200, path
        for path in ("/staff", "/admin", "/union/roster", "/audit", "/api/v1/orders", "/api/v1/reports/sales"):
            assert (await client.get(path, headers=me)).status_code == 403, path
        assert (await client.post("/api/v1/me/erasure", json=ERASE_ME, headers=me)).status_code == 200


async def test_erasure_closes_the_account_and_keeps_the_ledger(client: httpx.AsyncClient, database: Database) -> None:
    shop = await small_shop(database)
    made = await somebody(database, "me@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    async with database.transaction() as session:
        await session.execute(
            text("""INSERT INTO address (id, person_id, kind, name, phone, region_code, street, used_at)
            VALUES (gen_random_uuid(), :person, 'home', '某人（虚构）', '13800138000', '310101', '示例路', now())"""),
            {"person": made.person_id},
        )
    me = await bearer(client, "me@example.com")
    await client.put(f"/api/v1/cart/lines/{shop.skus[0]}", json={"quantity": 2}, headers=me)
    wrong = await client.post("/api/v1/me/erasure", json={"password": "不是这个"}, headers=me)
    refused(wrong, 422, "wrong_password")
    done = await client.post("/api/v1/me/erasure", json=ERASE_ME, headers=me)
    assert (done.status_code, done.json()["kept"]) == (200, [])
    async with database.reading() as session:
        named = text("""SELECT u.state, u.email LIKE 'closed:%', p.name, p.phone, (SELECT count(*) FROM address),
            (SELECT count(*) FROM cart_line)
            FROM user_account u JOIN person p ON p.id = u.person_id WHERE u.id = :id""")
        row = (await session.execute(named, {"id": made.user_id})).one()
    assert tuple(row) == ("closed", True, None, None, 0, 0)
    sign_in = {"username": "me@example.com", "password": PASSWORD}
    refused(await client.post("/api/v1/auth/token", data=sign_in), 401, "wrong_credentials")


async def test_what_is_open_stands_in_the_way_and_says_so(client: httpx.AsyncClient, database: Database) -> None:
    shop = await small_shop(database)
    made = await somebody(database, "me@example.com", Grant(Role.STAFF, "unit", str(shop.bank)))
    me = await bearer(client, "me@example.com")
    blocked = refused(await client.post("/api/v1/me/erasure", json=ERASE_ME, headers=me), 409, "erasure_blocked")
    assert [one["pointer"] for one in blocked["errors"]] == ["/roles"]
    async with database.reading() as session:
        assert await session.scalar(text("SELECT state FROM user_account WHERE id = :id"), {"id": made.user_id}) == (
            "active"
        )


async def test_the_page_asks_twice_and_says_what_stays(app: FastAPI, database: Database) -> None:
    await small_shop(database)
    await somebody(database, "me@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    async with client_of(app) as browser:
        page = await browser.get("/sign-in")
        assert "/privacy" in page.text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found
        data = {"csrf_token": found[1], "email": "me@example.com", "password": PASSWORD, "next": "/me/privacy"}
        await browser.post("/sign-in", data=data)
        page = await browser.get("/me/privacy")
        assert "下载我的资料" in page.text
        copied = await browser.get("/me/privacy/data.json")
        assert (copied.status_code, "attachment" in copied.headers["content-disposition"]) == (200, True)
        kept = {answer.headers["cache-control"] for answer in (page, copied)}
        assert kept == {"private, no-store"}, "not by the browser either: others may use it later"
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found
        sent = {"csrf_token": found[1], "password": PASSWORD}
        assert (await browser.post("/me/privacy/erasure", data=sent)).status_code == 422
        guess = sent | {"sure": "yes", "password": "not this one"}
        wrong = await browser.post("/me/privacy/erasure?lang=en", data=guess)
        assert (wrong.status_code, "当前密码" in wrong.text, "Check it and try again" in wrong.text) == (
            422,
            False,
            True,
        )
        done = await browser.post("/me/privacy/erasure", data=sent | {"sure": "yes"})
        assert (done.status_code, "账号已注销" in done.text) == (200, True)
        assert 'action="/sign-out"' not in done.text, "nobody is signed in, and no name is shown"
        assert (await browser.get("/me/privacy")).status_code == 303
