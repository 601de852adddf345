"""Two administrators make a password void; its owner sets a new one by a link or by a code that is told once."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.caller import refused
from tests.make.outbox import letters, link_to, outbox
from tests.make.people import ask_token, bearer, somebody
from tests.make.units import unit
from tests.orders.banking.test_pages import signed_in, token
from tests.shop.access.test_pages import token_in
from tests.shop.access.test_reset import set_new
from tests.shop.app.admin.test_people import people, post, requested

pytestmark = pytest.mark.anyio

WHY = {"reason": "手机和邮箱都换了（虚构）"}
NEW = "tangjun-rice-41-kettle"


async def asked(client: httpx.AsyncClient, user_id: object, who: dict[str, str], **more: str) -> httpx.Response:
    return await post(client, f"/users/{user_id}/password-resets", WHY | more, who)


async def test_one_asks_another_approves_and_a_link_is_mailed(
    database: Database, client: httpx.AsyncClient, settings: Settings
) -> None:
    places, as_ = await people(database, client)
    clerk = places["clerk"].user_id
    refused(await asked(client, clerk, as_["far"]), 404, "not_found")
    refused(await asked(client, clerk, as_["clerk"]), 403, "not_allowed")
    first = await asked(client, clerk, as_["one"])
    assert first.status_code == 202, first.text
    request = f"/password-resets/{first.json()['id']}"
    assert (await ask_token(client, "clerk@shop.test")).status_code == 200, "asked for, nothing has changed"
    assert await outbox(database) == [], "and nobody is told"
    refused(await post(client, f"{request}/approve", None, as_["one"]), 409, "second_person_needed")
    refused(await post(client, f"{request}/approve", None, as_["far"]), 404, "not_found")
    assert (await client.get("/api/v1/password-resets", headers=as_["far"])).json()["items"] == []
    (waiting,) = (await client.get("/api/v1/password-resets", headers=as_["two"])).json()["items"]
    assert (waiting["facts"]["user_id"], waiting["title"]) == (str(clerk), "重设密码")
    for others in ("/role-grants", "/mandates", "/rules"):
        refused(await post(client, f"{others}/{first.json()['id']}/approve", None, as_["two"]), 404, "not_found")
    done = await post(client, f"{request}/approve", None, as_["two"])
    assert (done.status_code, done.json()["code"]) == (200, None)
    assert (await ask_token(client, "clerk@shop.test")).status_code == 401, "the password is void"
    path = await link_to(database, settings, "clerk@shop.test")
    assert (await set_new(client, path, NEW)).status_code == 303
    assert (await ask_token(client, "clerk@shop.test", NEW)).status_code == 200
    assert (await ask_token(client, "one@shop.test")).status_code == 200
    async with database.reading() as session:
        noted = await session.execute(
            text("SELECT action, actor_id FROM audit_event WHERE subject = :who AND action LIKE 'user.password%' "
                 "ORDER BY at, id"), {"who": f"user_account:{clerk}"},
        )  # fmt: skip
        one = await session.scalar(text("SELECT id FROM user_account WHERE email = 'one@shop.test'"))
        assert [tuple(row) for row in noted] == [("user.password_voided", one), ("user.password_reset", clerk)]


async def test_a_code_is_told_once_to_who_approves(database: Database, client: httpx.AsyncClient) -> None:
    places, as_ = await people(database, client)
    request = (await asked(client, places["clerk"].user_id, as_["one"], by="code")).json()["id"]
    done = await post(client, f"/password-resets/{request}/approve", None, as_["two"])
    code = done.json()["code"]
    assert [len(part) for part in code.split("-")] == [4] * 6, "120 random bits, since only a plain digest is kept"
    assert done.headers["cache-control"] == "private, no-store"
    assert await outbox(database) == [], "nothing is mailed"
    refused(await post(client, f"/password-resets/{request}/approve", None, as_["two"]), 409, "change_decided")
    async with database.reading() as session:
        kept = ""
        for table in ("account_link", "change_request", "audit_event", "idempotency"):
            kept += str((await session.execute(text(f"SELECT {table}::text FROM {table}"))).all())
    assert code not in kept
    assert code.replace("-", "") not in kept
    page = await client.get("/sign-in/reset")
    typed = {"csrf_token": token_in(page), "code": f" {code.lower().replace('-', ' ')} "}
    there = (await client.post("/sign-in/reset", data=typed)).headers["location"]
    assert (await set_new(client, there, NEW)).status_code == 303
    assert (await ask_token(client, "clerk@shop.test", NEW)).status_code == 200
    assert (await set_new(client, there, "another kettle of rice")).status_code == 404
    wrong = await client.post("/sign-in/reset", data=typed | {"code": "ABCD-EFGH-JKLM-NPQR"})
    assert (wrong.status_code, "重设码不对" in wrong.text) == (404, True)
    assert 'value="ABCD-EFGH-JKLM-NPQR"' in wrong.text, "what was typed stays"


async def test_nobody_resets_himself_and_no_company_another(database: Database, client: httpx.AsyncClient) -> None:
    places, as_ = await people(database, client)
    async with database.reading() as session:
        ids: dict[str, Any] = {
            row.email: row.id for row in await session.execute(text("SELECT email, id FROM user_account"))
        }
    refused(await asked(client, ids["one@shop.test"], as_["one"]), 409, "second_person_needed")
    request = (await asked(client, ids["two@shop.test"], as_["one"])).json()["id"]
    refused(await post(client, f"/password-resets/{request}/approve", None, as_["two"]), 409, "second_person_needed")
    refused(await asked(client, places["other"], as_["one"]), 404, "not_found")
    await somebody(database, "all@shop.test", Grant(Role.ADMINISTRATOR, "all", "*"))
    everywhere = await bearer(client, "all@shop.test")
    refused(await asked(client, (await of(database, "all@shop.test")), as_["one"]), 403, "not_allowed")
    assert (await post(client, f"/password-resets/{request}/refuse", {"reason": "不必"}, everywhere)).status_code == 204
    assert (await ask_token(client, "two@shop.test")).status_code == 200


async def of(database: Database, email: str) -> object:
    async with database.reading() as session:
        return await session.scalar(text("SELECT id FROM user_account WHERE email = :email"), {"email": email})


async def test_an_address_that_is_not_confirmed_is_no_way_in(database: Database, client: httpx.AsyncClient) -> None:
    places, as_ = await people(database, client)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE user_account SET email_verified_at = NULL WHERE id = :id"), {"id": places["clerk"].user_id}
        )
    for by in ("mail", "code"):
        refused(await asked(client, places["clerk"].user_id, as_["one"], by=by), 409, "email_not_verified")


async def test_on_the_page(app: FastAPI, database: Database, client: httpx.AsyncClient, settings: Settings) -> None:
    places, _ = await people(database, client)
    await unit(database, "THIRD")
    one, two, far = [await signed_in(app, f"{name}@shop.test") for name in ("one", "two", "far")]
    page = await one.get("/admin?q=clerk")
    action = f"/admin/users/{places['clerk'].user_id}/password-resets"
    assert action in page.text
    sent = {"csrf_token": token(page.text), "reason": "忘了（虚构）", "by": "code"}
    assert (await one.post(action, data=sent)).status_code == 303
    assert "李经办 clerk@shop.test" in (await two.get("/admin")).text
    assert "重设密码" not in (await far.get("/admin")).text.split("等第二个人确认")[1].split("人员与角色")[0]
    page = await two.get("/admin")
    approve = "/admin/changes/" + page.text.split('action="/admin/changes/')[1].split('"')[0]
    shown = await two.post(approve, data={"csrf_token": token(page.text)})
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    code = shown.text.split("<code>")[1].split("</code>")[0]
    assert code not in (await two.get("/admin")).text, "shown once"
    assert (await set_new(client, f"/sign-in/reset/{code}", NEW)).status_code == 303
    assert (await ask_token(client, "clerk@shop.test", NEW)).status_code == 200
    assert "给同意的人一个重设码" in page.text
    told = await letters(database, settings, "clerk@shop.test")
    assert [one["subject"] for one in told] == ["您的密码已修改 · 帮扶商城"]


async def test_who_came_from_another_company_is_handed_no_code(database: Database, client: httpx.AsyncClient) -> None:
    """Two administrators give a former employee of others a role of theirs, and make his password void: only by mail.
    His orders and addresses of the other company are no paper of theirs.
    """
    places, as_ = await people(database, client)
    await somebody(database, "far.two@shop.test", Grant(Role.ADMINISTRATOR, "unit", str(places["other"])))
    await somebody(database, "whole@shop.test", Grant(Role.ADMINISTRATOR, "all", "*"))
    as_ |= {name: await bearer(client, f"{name}@shop.test") for name in ("far.two", "whole")}
    clerk = places["clerk"].user_id
    async with database.transaction() as session:
        await session.execute(text("UPDATE role_grant SET valid_to = '2025-01-01' WHERE user_id = :u"), {"u": clerk})
    given = requested("clerk@shop.test", places["other"], role="employee")
    request = (await post(client, "/role-grants", given, as_["far"])).json()["id"]
    assert (await post(client, f"/role-grants/{request}/approve", None, as_["far.two"])).status_code == 200
    refused(await asked(client, clerk, as_["far"], by="code"), 404, "not_found")
    refused(await asked(client, clerk, as_["one"], by="code"), 404, "not_found")
    assert (await asked(client, clerk, as_["far"], by="mail")).status_code == 202
    request = (await asked(client, clerk, as_["whole"], by="code")).json()["id"]
    refused(await post(client, f"/password-resets/{request}/approve", None, as_["far"]), 404, "not_found")
    assert (await ask_token(client, "clerk@shop.test")).status_code == 200
