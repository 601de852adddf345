"""Roles and accounts of one company: two people give, one takes away, and another company's see and change nothing."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.access.users import grant_role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.members import join_unit
from tests.make.caller import refused
from tests.make.evidence import PDF
from tests.make.people import PASSWORD, ask_token, bearer, somebody
from tests.make.units import SINCE, unit
from tests.orders.banking.test_pages import signed_in, token

pytestmark = pytest.mark.anyio

Headers = dict[str, str]
WHY = {"reason": "岗位调整"}


async def people(database: Database, client: httpx.AsyncClient) -> tuple[dict[str, Any], dict[str, Headers]]:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    scopes = {"one": bank, "two": bank, "far": other}
    for name, scope in scopes.items():
        await somebody(database, f"{name}@shop.test", Grant(Role.ADMINISTRATOR, "unit", str(scope)))
    clerk = await somebody(database, "clerk@shop.test", Grant(Role.EMPLOYEE, "unit", str(bank)), name="李经办")
    as_ = {name: await bearer(client, f"{name}@shop.test") for name in (*scopes, "clerk")}
    return {"bank": bank, "other": other, "clerk": clerk}, as_


def requested(email: str, scope: object, **more: str) -> dict[str, str]:
    facts = {"email": email, "role": "staff", "scope_kind": "unit", "scope_id": str(scope)}
    return facts | {"valid_from": str(clock.today()), "reason": "任命文件（虚构）"} | more


async def post(client: httpx.AsyncClient, path: str, body: object, who: Headers) -> httpx.Response:
    return await client.post(f"/api/v1{path}", json=body, headers=who | {"Idempotency-Key": str(new_id())})


async def roles_of(database: Database, email: str) -> list[str]:
    async with database.reading() as session:
        rows = await session.scalars(
            text("""SELECT g.role FROM role_grant g JOIN user_account u ON u.id = g.user_id
                WHERE u.email = :email AND (g.valid_to IS NULL OR g.valid_to > CURRENT_DATE) ORDER BY 1"""),
            {"email": email},
        )
        return list(rows)


async def test_a_role_is_given_by_two_and_taken_by_one(database: Database, client: httpx.AsyncClient) -> None:
    places, as_ = await people(database, client)
    asked = await post(client, "/role-grants", requested("clerk@shop.test", places["bank"]), as_["one"])
    assert asked.status_code == 202, asked.text
    request = f"/role-grants/{asked.json()['id']}"
    assert await roles_of(database, "clerk@shop.test") == ["employee"], "asked for, nobody holds it"
    refused(await post(client, f"{request}/approve", None, as_["one"]), 409, "second_person_needed")
    refused(await post(client, f"{request}/approve", None, as_["far"]), 404, "not_found")
    refused(await post(client, f"{request}/refuse", WHY, as_["far"]), 404, "not_found")
    refused(await post(client, f"{request}/approve", None, as_["clerk"]), 403, "not_allowed")
    assert (await client.get("/api/v1/role-grants", headers=as_["far"])).json()["items"] == []
    assert (await post(client, f"{request}/approve", None, as_["two"])).status_code == 200
    refused(await post(client, f"{request}/approve", None, as_["two"]), 409, "change_decided")
    assert await roles_of(database, "clerk@shop.test") == ["employee", "staff"]
    async with database.reading() as session:
        for kept in ("audit_event", "change_request"):
            assert await session.scalar(text(f"SELECT count(*) FROM {kept} k WHERE to_jsonb(k)::text LIKE '%@%'")) == 0
        asking = await session.scalar(text("SELECT after FROM audit_event WHERE action = 'role.grant.ask'"))
        assert asking["user_id"] == str(places["clerk"].user_id)
        grant = await session.scalar(text("SELECT id FROM role_grant WHERE role = 'staff'"))
    refused(await post(client, f"/role-grants/{grant}/end", WHY, as_["far"]), 404, "not_found")
    assert (await post(client, f"/role-grants/{grant}/end", WHY, as_["two"])).status_code == 204
    assert await roles_of(database, "clerk@shop.test") == ["employee"]


@pytest.mark.parametrize(
    ("email", "where", "status", "code"),
    [
        ("clerk@shop.test", "other", 404, "not_found"),
        ("clerk@shop.test", None, 403, "not_allowed"),
        ("one@shop.test", "bank", 409, "second_person_needed"),
        ("nobody@shop.test", "bank", 404, "user_not_found"),
    ],
)
async def test_nobody_asks_for_more_than_is_his_to_give(
    database: Database, client: httpx.AsyncClient, email: str, where: str | None, status: int, code: str
) -> None:
    places, as_ = await people(database, client)
    body = requested(email, places[where]) if where else requested(email, "*", scope_kind="all")
    refused(await post(client, "/role-grants", body, as_["one"]), status, code)
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM change_request")) == 0


async def test_an_account_is_suspended_and_let_in_again_by_its_own_company(
    database: Database, client: httpx.AsyncClient
) -> None:
    places, as_ = await people(database, client)
    account = f"/users/{places['clerk'].user_id}"
    for verdict in ("suspend", "reinstate"):
        refused(await post(client, f"{account}/{verdict}", WHY, as_["far"]), 404, "not_found")
    assert (await post(client, f"{account}/suspend", WHY, as_["one"])).status_code == 204
    answer = await client.post(
        "/api/v1/auth/token", data={"username": "clerk@shop.test", "password": "correct horse battery"}
    )
    assert answer.status_code == 401
    asked = await post(client, f"{account}/reinstate", WHY, as_["two"])
    assert asked.status_code == 202, asked.text
    approval = f"/role-grants/{asked.json()['id']}/approve"
    refused(await post(client, approval, None, as_["two"]), 409, "second_person_needed")
    refused(await post(client, approval, None, as_["far"]), 404, "not_found")
    still = {"username": "clerk@shop.test", "password": "correct horse battery"}
    assert (await client.post("/api/v1/auth/token", data=still)).status_code == 401, "one person lets nobody in again"
    assert (await post(client, approval, None, as_["one"])).status_code == 200
    assert await bearer(client, "clerk@shop.test")
    refused(await post(client, f"{account}/reinstate", WHY, as_["two"]), 409, "not_suspended")
    async with database.reading() as session:
        me = await session.scalar(text("SELECT id FROM user_account WHERE email = 'one@shop.test'"))
    refused(await post(client, f"/users/{me}/suspend", WHY, as_["one"]), 409, "second_person_needed")


async def test_nobody_opens_an_account_that_its_owner_had_erased(database: Database, client: httpx.AsyncClient) -> None:
    places, as_ = await people(database, client)
    account = f"/users/{places['clerk'].user_id}"
    erased = await client.post("/api/v1/me/erasure", json={"password": PASSWORD}, headers=as_["clerk"])
    assert erased.status_code == 200, erased.text
    assert (await post(client, f"{account}/suspend", WHY, as_["one"])).status_code == 204
    refused(await post(client, f"{account}/reinstate", WHY, as_["one"]), 409, "not_suspended")
    refused(await post(client, f"{account}/reinstate", WHY, as_["far"]), 404, "not_found")
    async with database.reading() as session:
        state = text("SELECT state FROM user_account WHERE id = :id")
        assert await session.scalar(state, {"id": places["clerk"].user_id}) == "closed"


async def test_who_may_ask_no_longer_has_asked_for_nothing(database: Database, client: httpx.AsyncClient) -> None:
    places, as_ = await people(database, client)
    body = requested("clerk@shop.test", places["bank"])
    first = (await post(client, "/role-grants", body, as_["one"])).json()["id"]
    assert (await post(client, "/role-grants", body, as_["one"])).json()["id"] == first, "asked for once"
    async with database.reading() as session:
        one = await session.scalar(text("SELECT id FROM user_account WHERE email = 'one@shop.test'"))
    assert (await post(client, f"/users/{one}/suspend", WHY, as_["two"])).status_code == 204
    refused(await post(client, f"/role-grants/{first}/approve", None, as_["two"]), 409, "change_decided")
    assert await roles_of(database, "clerk@shop.test") == ["employee"]


async def test_who_is_no_administrator_any_more_has_asked_for_nothing(
    database: Database, client: httpx.AsyncClient
) -> None:
    places, as_ = await people(database, client)
    asked = (await post(client, "/role-grants", requested("clerk@shop.test", places["bank"]), as_["one"])).json()["id"]
    async with database.reading() as session:
        held = text("SELECT g.id FROM role_grant g JOIN user_account u ON u.id = g.user_id WHERE u.email = :email")
        one = await session.scalar(held, {"email": "one@shop.test"})
    refused(await post(client, f"/role-grants/{one}/end", WHY, as_["far"]), 404, "not_found")
    assert (await post(client, f"/role-grants/{one}/end", WHY, as_["two"])).status_code == 204
    refused(await post(client, f"/role-grants/{asked}/approve", None, as_["two"]), 409, "change_decided")
    assert await roles_of(database, "clerk@shop.test") == ["employee"]


async def test_a_role_in_another_company_takes_nobody_from_his_own_and_shows_nothing_of_it(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    places, as_ = await people(database, client)
    clerk, now = places["clerk"], clock.now()
    async with database.transaction() as session:
        here = {"person_id": clerk.person_id, "unit_id": places["bank"], "day": clock.today()}
        await join_unit(session, actor=None, now=now, **here)
        there = Grant(Role.COUNTY_REVIEWER, "unit", str(places["other"]))
        await grant_role(session, actor_id=None, user_id=clerk.user_id, grant=there, valid_from=clock.today(), now=now)
    browser = await signed_in(app, "far@shop.test")
    seen = (await browser.get("/admin?q=clerk")).text.partition("李经办")[2].partition("</section>")[0]
    await browser.aclose()
    assert ("县级审核人" in seen, "职工" in seen) == (True, False)
    refused(await post(client, f"/users/{clerk.user_id}/suspend", WHY, as_["far"]), 404, "not_found")
    assert (await post(client, f"/users/{clerk.user_id}/suspend", WHY, as_["one"])).status_code == 204
    assert (await post(client, f"/users/{clerk.user_id}/reinstate", WHY, as_["one"])).status_code == 202
    resets = f"/users/{clerk.user_id}/password-resets"
    by_code = await post(client, resets, WHY | {"by": "code"}, as_["one"])
    refused(by_code, 404, "not_found")  # a code in their hands would open what he may do elsewhere
    assert (await post(client, resets, WHY, as_["one"])).status_code == 202, "a mail reaches him alone"


async def test_two_administrators_work_by_the_page(app: FastAPI, database: Database, client: httpx.AsyncClient) -> None:
    places, _ = await people(database, client)
    one, two, far = [await signed_in(app, f"{name}@shop.test") for name in ("one", "two", "far")]
    page = await one.get("/admin?q=clerk")
    assert "李经办" in page.text
    assert "李经办" not in (await far.get("/admin")).text
    typed = {"csrf_token": token(page.text), **requested("clerk@shop.test", "x")}
    again = await one.post("/admin/role-grants", data=typed)
    assert (again.status_code, "任命文件（虚构）" in again.text) == (422, True), "what was typed stays"
    sent = await one.post("/admin/role-grants", data=typed | {"scope_id": str(places["bank"])})
    assert sent.status_code == 303, sent.text
    page = await two.get("/admin")
    action = page.text.split('action="/admin/changes/')[1].split('/approve"')[0]
    own = await one.post(f"/admin/changes/{action}/approve", data={"csrf_token": token((await one.get("/admin")).text)})
    assert (own.status_code, "您自己提出的" in own.text) == (409, True)
    done = await two.post(f"/admin/changes/{action}/approve", data={"csrf_token": token(page.text)})
    assert done.status_code == 303, done.text
    assert await roles_of(database, "clerk@shop.test") == ["employee", "staff"]
    assert "等第二个人确认" in page.text
    english = await two.get("/admin?lang=en")
    assert "Waiting for a second person" in english.text


async def test_who_asked_for_english_keeps_it_through_forms_and_the_sign_in(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    await people(database, client)
    sent = await client.get("/admin?lang=en", headers={"accept": "text/html"})
    assert sent.headers["location"].endswith("&lang=en")
    assert "Sign in" in (await client.get(sent.headers["location"])).text
    one = await signed_in(app, "one@shop.test")
    page = (await one.get("/admin?lang=en")).text
    forms = re.findall(r'<form[^>]*method="post" action="([^"]+)"', page)
    assert (len(forms) > 3, [form for form in forms if not form.endswith("?lang=en")]) == (True, [])
    typed = {"csrf_token": token(page), **requested("clerk@shop.test", "BANK")}
    for wrong, said in (({"email": "no%body@x.test"}, "Check the e-mail"), ({"scope_id": "N%E"}, "no such unit")):
        assert said in (await one.post("/admin/role-grants?lang=en", data=typed | wrong)).text
    asked = await one.post("/admin/role-grants?lang=en", data=typed)
    assert (asked.status_code, asked.headers["location"]) == (303, "/admin?done=asked&lang=en")
    assert "Waiting for a second person" in (await one.get(asked.headers["location"])).text


async def test_a_unit_is_called_by_its_code_and_shown_by_its_name(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    """Nobody knows ids: who asks types the code, who approves reads the name. Another company's code is no unit."""
    places, _ = await people(database, client)
    one, two = [await signed_in(app, f"{name}@shop.test") for name in ("one", "two")]
    typed = {"csrf_token": token((await one.get("/admin")).text), **requested("clerk@shop.test", "BANK")}
    others, none = [await one.post("/admin/role-grants", data=typed | {"scope_id": code}) for code in ("OTHER", "NONE")]
    assert [page.status_code for page in (others, none)] == [422, 422]
    assert all("单位编号不对" in page.text for page in (others, none))
    assert (await one.post("/admin/role-grants", data=typed)).status_code == 303
    page = (await two.get("/admin")).text
    assert ("帮扶工作人员" in page, "BANK（虚构） BANK" in page) == (True, True)
    assert (str(places["bank"]) in page, "scope_id</dt>" in page) == (False, False)
    action = page.split('action="/admin/changes/')[1].split('/approve"')[0]
    await two.post(f"/admin/changes/{action}/approve", data={"csrf_token": token(page)})
    assert await roles_of(database, "clerk@shop.test") == ["employee", "staff"]


async def test_who_may_approve_a_mandate_opens_its_letter_and_no_other_paper(
    database: Database, client: httpx.AsyncClient
) -> None:
    places, as_ = await people(database, client)
    await somebody(database, "auditor@shop.test", Grant(Role.AUDITOR, "unit", str(places["bank"])))
    letter, other = [
        (await client.post("/api/v1/evidence", files={"file": ("委托书.pdf", PDF + more)}, headers=as_["one"])).json()
        for more in (b"", b"another")
    ]
    year = clock.today().year
    days = {"covers_from": f"{year}-01-01", "covers_to": f"{year + 1}-01-01", "valid_from": str(clock.today())}
    body = {"auditor": "auditor@shop.test", "unit_ids": [str(places["bank"])], "valid_to": f"{year + 1}-01-01", **days}
    asked = await post(client, "/audit/mandates", body | {"document_sha256": letter["sha256"]}, as_["one"])
    assert asked.status_code == 202, asked.text
    there = f"/api/v1/mandates/{asked.json()['id']}/letter"
    opened = await client.get(there, headers=as_["two"])
    assert (opened.status_code, opened.content) == (200, PDF)
    refused(await client.get(there, headers=as_["far"]), 404, "not_found")
    refused(await client.get(there, headers=as_["clerk"]), 403, "not_allowed")
    refused(await client.get(f"/api/v1/evidence/{other['sha256']}", headers=as_["two"]), 403, "not_allowed")


async def test_roles_have_english_names(app: FastAPI, database: Database, client: httpx.AsyncClient) -> None:
    await people(database, client)
    browser = await signed_in(app, "one@shop.test")
    page = (await browser.get("/admin?lang=en")).text
    await browser.aclose()
    assert "Union approver" in page
    assert "One unit with all below it" in page
    assert "工会审批人" not in page


async def test_whose_role_ended_since_asks_for_nothing_any_more(database: Database, client: httpx.AsyncClient) -> None:
    """An administrator whose role has run out had asked for a role for somebody: one person's word is left."""
    places, as_ = await people(database, client)
    mate = requested("clerk@shop.test", places["bank"], role="administrator")
    request = f"/role-grants/{(await post(client, '/role-grants', mate, as_['one'])).json()['id']}"
    async with database.transaction() as session:
        run_out = """UPDATE role_grant g SET valid_to = :today FROM user_account u
            WHERE u.id = g.user_id AND u.email = 'one@shop.test'"""
        await session.execute(text(run_out), {"today": clock.today()})
    refused(await post(client, f"{request}/approve", None, as_["two"]), 409, "asker_gone")
    assert await roles_of(database, "clerk@shop.test") == ["employee"]
    assert (await post(client, f"{request}/refuse", WHY, as_["two"])).status_code == 204
    again = f"/role-grants/{(await post(client, '/role-grants', mate, as_['two'])).json()['id']}"
    refused(await post(client, f"{again}/approve", None, as_["far"]), 404, "not_found")


async def test_a_role_that_others_gave_takes_nobody_out_of_his_own_companys_hands(
    database: Database, client: httpx.AsyncClient
) -> None:
    """Two administrators of another company give a role there to who works here: he is suspended here all the same."""
    places, as_ = await people(database, client)
    await somebody(database, "far.two@shop.test", Grant(Role.ADMINISTRATOR, "unit", str(places["other"])))
    as_["far.two"] = await bearer(client, "far.two@shop.test")
    clerk = places["clerk"]
    async with database.transaction() as session:
        who = {"person_id": clerk.person_id, "unit_id": places["bank"], "day": SINCE, "now": clock.now()}
        await join_unit(session, actor=None, **who)
    given = await post(client, "/role-grants", requested("clerk@shop.test", places["other"]), as_["far"])
    request = f"/role-grants/{given.json()['id']}"
    assert (await post(client, f"{request}/approve", None, as_["far.two"])).status_code == 200
    for verb, status in (("suspend", 204), ("reinstate", 202)):
        refused(await post(client, f"/users/{clerk.user_id}/{verb}", WHY, as_["far"]), 404, "not_found")
        done = await post(client, f"/users/{clerk.user_id}/{verb}", WHY, as_["one"])
        assert done.status_code == status, done.text
    assert (await ask_token(client, "clerk@shop.test")).status_code == 401


async def test_an_administrator_reads_no_roles_that_others_gave(
    app: FastAPI, database: Database, client: httpx.AsyncClient
) -> None:
    places, _ = await people(database, client)
    ours = Grant(Role.EMPLOYEE, "unit", str(places["other"]))
    theirs = Grant(Role.UNION_APPROVER, "unit", str(places["bank"]))
    await somebody(database, "both@shop.test", ours, theirs, name="两边任职")
    page = (await (await signed_in(app, "far@shop.test")).get("/admin?q=both")).text
    assert "两边任职" in page
    assert "OTHER（虚构）" in page
    assert "BANK（虚构）" not in page
