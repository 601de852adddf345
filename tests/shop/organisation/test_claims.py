"""A union's list names people of another company: nothing of them changes until that company or they say so."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.organisation.claim_models import CLAIM_LASTS
from shop.organisation.claims import expire_claims
from shop.organisation.members import introduce, join_union, join_unit, serve_unit
from tests.make.browser import browser_of
from tests.make.caller import as_caller, refused
from tests.make.catalogue import rows
from tests.make.claims import STANDS, Two, actor_of, claims, decide, employee, hand_in, two_companies, waiting, works_at
from tests.make.people import somebody
from tests.make.roster import DAY_ONE, DAY_TWO, Desk, listed, union
from tests.make.units import SINCE, unit

pytestmark = pytest.mark.anyio

NAMES = ("A1,张一,13900000001,B1,信贷部,在职", "A2,林外,13900000022,B1,信贷部,在职")
ENTRIES = "SELECT e.staff_number FROM roster_entry e JOIN roster r ON r.id = e.roster_id ORDER BY 1"


@pytest.fixture
async def two(app: FastAPI, database: Database) -> Two:
    return await two_companies(database)


async def test_a_list_moves_renames_and_evicts_nobody_of_another_company(
    app: FastAPI, database: Database, two: Two
) -> None:
    """An employee, an administrator and an outside buyer, each by name and phone; a new one is simply a member."""
    await employee(database, two.theirs.branch, "林外", "13900000022")
    admin = Grant(Role.ADMINISTRATOR, "all", "*")
    await somebody(database, "admin@example.com", admin, name="管理甲", phone="13900000033")
    friend = Grant(Role.OUTSIDE_BUYER, "unit", str(two.theirs.bank))
    bob = await somebody(database, "bob@example.com", friend, name="亲友乙", phone="13900000044")
    async with database.transaction() as session:
        who = {"person_id": bob.person_id, "unit_id": two.theirs.bank, "day": SINCE, "now": clock.now()}
        await introduce(session, actor=None, **who)
    before = await rows(database, STANDS)
    data = listed(*NAMES, "A3,管理甲,13900000033,B,办公室,在职", "A4,亲友乙,13900000044,B,办公室,在职")
    tried = await hand_in(app, two.ours, data, dry_run=True)
    assert (tried.json()["waiting"], await claims(database)) == (3, [])
    answer = await hand_in(app, two.ours, data)
    body = answer.json()
    assert (body["saved"], body["people"], body["counts"]["joined"], body["waiting"]) == (True, 4, 1, 3)
    assert [(one["staff_number"], one["unit"], one["state"]) for one in body["claims"]] == [
        ("A2", "B1（虚构）", "open"), ("A3", "B（虚构）", "open"), ("A4", "B（虚构）", "open")
    ]  # fmt: skip
    for told in ("O1", "O（虚构）", "139000000"):
        assert told not in answer.text, "the list's own words only"
    after = await rows(database, STANDS)
    assert [row for row in after if row[0] != "张一"] == before
    assert ("张一", "13900000001", "B1", DAY_ONE, None) in after
    assert await rows(database, ENTRIES) == [("A1",)]
    assert await rows(database, "SELECT count(*) FROM union_membership") == [(1,)]
    assert await rows(database, "SELECT number FROM staff_number") == [("A1",)]


async def test_the_other_unit_confirms_and_from_that_day_on_it_holds(
    app: FastAPI, database: Database, two: Two
) -> None:
    lin = await employee(database, two.theirs.branch, "林外", "13900000022")
    await hand_in(app, two.ours, listed(*NAMES))
    keeper, colleague = [await browser_of(app, database, one.buyer) for one in (two.theirs, two.ours)]
    desk, own = await keeper.open("/union"), await colleague.open("/union")
    assert 'href="/union/roster"' in desk.html, "the lists are found without an address"
    assert ['href="/union/roster/claims"' in page.html for page in (desk, own)] == [True, False]
    assert "在本公司的角色同时结束" in (await keeper.open("/union/roster/claims")).words, "what agreeing takes away"
    for browser in (keeper, colleague):
        await browser.close()
    (claim,) = await waiting(app, two.theirs.buyer)
    assert (claim["mine"], claim["name"], claim["from_unit"], claim["to_unit"]) == (
        False, "林*", "O1（虚构）", "B1（虚构）"
    )  # fmt: skip
    assert await waiting(app, two.ours.buyer) == []
    stranger = await somebody(database, "eve@example.com", Grant(Role.EMPLOYEE, "unit", str(two.theirs.bank)))
    for who in (two.ours.buyer, actor_of(stranger, Grant(Role.EMPLOYEE, "all", "*"))):
        refused(await decide(app, who, claim["id"]), 404, "not_found")
        refused(await decide(app, who, claim["id"], "refuse"), 404, "not_found")
    confirmed = await decide(app, two.theirs.buyer, claim["id"])
    today = clock.today()
    assert confirmed.json() == {"id": claim["id"], "state": "confirmed", "valid_from": str(today)}
    assert await works_at(database, lin.person_id) == [("O1", SINCE, today), ("B1", today, None)]
    assert await rows(database, ENTRIES) == [("A1",), ("A2",)]
    refused(await decide(app, two.theirs.buyer, claim["id"]), 404, "not_found")  # he is theirs no more
    async with as_caller(app, two.ours.buyer) as caller:
        known = await caller.get("/api/v1/rosters", params={"union_id": str(two.ours.union)})
    (item,) = known.json()["items"]
    assert (item["claims"]["confirmed"], item["claimed"][0]["valid_from"]) == (1, str(today))
    said = "SELECT action, before ->> 'unit_id' FROM audit_event WHERE action LIKE 'membership_claim.%'"
    assert await rows(database, said) == [("membership_claim.confirmed", str(two.theirs.branch))]
    # The next list finds him as its own; one of a day on which he was not yet is told so.
    early = refused(await hand_in(app, two.ours, listed(*NAMES), DAY_TWO), 422, "roster_refused")
    assert [one["code"] for one in early["errors"]] == ["later_change_planned"]
    again = await hand_in(app, two.ours, listed(*NAMES), today)
    assert (again.json()["waiting"], again.json()["counts"]["left"]) == (0, 0)


async def test_who_is_left_out_is_said_to_lose_his_roles_before_it_is_saved(
    app: FastAPI, database: Database, two: Two
) -> None:
    await hand_in(app, two.ours, listed(NAMES[0]))
    browser = await browser_of(app, database, two.ours.buyer)
    form = {"csrf_token": (await browser.open("/union/roster")).forms["/union/roster"]["csrf_token"], "do": "show"}
    form |= {"union_id": str(two.ours.union), "as_of": str(DAY_TWO)}
    said = "离开和退休的人，在本公司的角色从保存起结束"
    for names, warned in (((NAMES[0],), False), (("A9,王九,13900000009,B1,信贷部,在职",), True)):
        page = await browser.client.post("/union/roster", data=form, files={"file": ("a.csv", listed(*names))})
        assert (page.status_code, "还没有保存" in page.text, said in page.text) == (200, True, warned)
    await browser.close()


async def test_a_refusal_keeps_its_reason_and_the_next_list_asks_anew(
    app: FastAPI, database: Database, two: Two
) -> None:
    lin = await employee(database, two.theirs.branch, "林外", "13900000022")
    await hand_in(app, two.ours, listed(*NAMES))
    (claim,) = await waiting(app, two.theirs.buyer)
    async with as_caller(app, two.theirs.buyer) as caller:
        empty = await caller.post(f"/api/v1/membership-claims/{claim['id']}/refuse", json={"reason": " "})
    assert empty.status_code == 422
    assert (await decide(app, two.theirs.buyer, claim["id"], "refuse")).json()["state"] == "refused"
    refused(await decide(app, two.theirs.buyer, claim["id"]), 409, "claim_decided")
    assert await works_at(database, lin.person_id) == [("O1", SINCE, None)]
    browser = await browser_of(app, database, two.ours.buyer)
    page = await browser.open("/union/roster")
    assert "不同意 ：仍在本单位（虚构）" in page.words.replace("不同意：", "不同意 ：")
    await browser.close()
    assert (await hand_in(app, two.ours, listed(*NAMES), DAY_TWO)).json()["waiting"] == 1
    assert await claims(database) == [("A2", "refused"), ("A2", "open")]


async def test_a_person_of_no_unit_says_so_himself_with_a_proven_phone(
    app: FastAPI, database: Database, two: Two
) -> None:
    friend = Grant(Role.OUTSIDE_BUYER, "unit", str(two.theirs.bank))
    bob = await somebody(database, "bob@example.com", friend, name="林外", phone="13900000022")
    async with database.transaction() as session:
        who = {"person_id": bob.person_id, "unit_id": two.theirs.bank, "day": SINCE, "now": clock.now()}
        await introduce(session, actor=None, **who)
        await session.execute(text("UPDATE person SET phone_verified_at = NULL WHERE id = :id"), {"id": bob.person_id})
    await hand_in(app, two.ours, listed(*NAMES))
    assert await waiting(app, two.theirs.buyer) == [], "who introduced him is not his unit"
    me = actor_of(bob, friend)
    (claim,) = await waiting(app, me)
    assert claim["mine"] is True
    refused(await decide(app, me, claim["id"]), 409, "phone_not_verified")
    async with database.transaction() as session:
        await session.execute(text("UPDATE person SET phone_verified_at = now() WHERE id = :id"), {"id": bob.person_id})
    browser = await browser_of(app, database, me)
    page = await browser.open("/me/claims")
    assert "U工会（虚构）" in page.words
    page = await browser.send(f"/me/claims/{claim['id']}/refuse", reason="")
    assert page.status == 422
    page = await browser.send(f"/me/claims/{claim['id']}/confirm")
    assert "已经办好" in page.words
    seen = (await browser.client.get("/api/v1/me")).json()
    await browser.close()
    assert (seen["unit"]["code"], [one["code"] for one in seen["unions"]]) == ("B1", ["U"])


async def test_nobody_lists_himself_and_confirms_it(app: FastAPI, database: Database, two: Two) -> None:
    grants = (Grant(Role.UNION_BUYER, "unit", str(two.ours.bank)),)
    lin = await employee(database, two.theirs.branch, "林外", "13900000022", *grants)
    me = actor_of(lin, *grants)
    await hand_in(app, two.ours, listed(*NAMES), who=me)
    (claim,) = await waiting(app, me)
    refused(await decide(app, me, claim["id"]), 409, "second_person_needed")
    assert (await decide(app, two.theirs.buyer, claim["id"])).status_code == 200


async def test_nobody_answers_for_thirty_days(app: FastAPI, database: Database, two: Two) -> None:
    lin = await employee(database, two.theirs.branch, "林外", "13900000022")
    await hand_in(app, two.ours, listed(*NAMES))
    (claim,) = await waiting(app, two.theirs.buyer)
    clock.set_ahead(CLAIM_LASTS + timedelta(minutes=1))
    assert await waiting(app, two.theirs.buyer) == []
    refused(await decide(app, two.theirs.buyer, claim["id"]), 409, "claim_decided")
    await expire_claims(database, now=clock.now())
    assert await claims(database) == [("A2", "expired")]
    assert await works_at(database, lin.person_id) == [("O1", SINCE, None)]


async def test_the_first_confirmed_wins_and_the_other_is_a_claim_against_the_new_unit(
    app: FastAPI, database: Database, two: Two
) -> None:
    third = await unit(database, "T")
    keeper = Grant(Role.UNION_BUYER, "unit", str(third))
    made = await union(database, "TU", third)
    who = actor_of(await somebody(database, "third@example.com", keeper), keeper)
    lin = await employee(database, two.theirs.branch, "林外", "13900000022")
    await hand_in(app, two.ours, listed(*NAMES))
    await hand_in(app, Desk(made, third, third, who, ""), listed("T1,林外,13900000022,T,营业部,在职"))
    first, second = await waiting(app, two.theirs.buyer)
    assert (await decide(app, two.theirs.buyer, first["id"])).status_code == 200
    refused(await decide(app, two.theirs.buyer, second["id"]), 404, "not_found")
    (left,) = await waiting(app, two.ours.buyer)
    assert (left["id"], left["from_unit"], left["to_unit"]) == (second["id"], "B1（虚构）", "T（虚构）")
    assert (await decide(app, two.ours.buyer, second["id"], "refuse")).status_code == 200
    assert await works_at(database, lin.person_id) == [("O1", SINCE, clock.today()), ("B1", clock.today(), None)]


async def test_a_list_speaks_for_the_units_of_who_keeps_it(app: FastAPI, database: Database, two: Two) -> None:
    """A union of both companies: who keeps the one's people neither moves nor misses the other's."""
    async with database.transaction() as session:
        await serve_unit(session, union_id=two.ours.union, unit_id=two.theirs.branch, day=SINCE)
    everywhere = Grant(Role.UNION_BUYER, "all", "*")
    whole = actor_of(await somebody(database, "whole@example.com", everywhere), everywhere)
    theirs = "X1,赵外,13900000055,O1,营业部,在职"
    assert (await hand_in(app, two.ours, listed(NAMES[0], theirs), who=whole)).json()["counts"]["joined"] == 2
    quiet = await somebody(database, "quiet@example.com", name="无工号")
    async with database.transaction() as session:
        who = {"person_id": quiet.person_id, "day": SINCE, "now": clock.now()}
        await join_unit(session, actor=None, unit_id=two.theirs.branch, **who)
        await join_union(session, actor=None, union_id=two.ours.union, **who)
    answer = await hand_in(app, two.ours, listed("A9,周九,,B1,信贷部,在职"), DAY_TWO)
    assert answer.json()["counts"] | {"moved": 0} == {
        "joined": 1, "left": 1, "moved": 0, "retired": 0, "on_leave": 0, "returned": 0
    }  # fmt: skip
    stands = {row[0]: row[2:] for row in await rows(database, STANDS)}
    assert stands["赵外"] == ("O1", DAY_ONE, None)
    assert stands["无工号"] == ("O1", SINCE, None)
    assert stands["张一"] == ("B1", DAY_ONE, DAY_TWO)
    newest = "SELECT staff_number FROM roster_entry e JOIN roster r ON r.id = e.roster_id WHERE as_of = :day ORDER BY 1"
    assert await rows(database, newest, day=DAY_TWO) == [("A9",), ("X1",)]
    # And named by who does not keep them, they are claimed.
    claimed = await hand_in(app, two.ours, listed("A9,周九,,B1,信贷部,在职", theirs.replace("O1", "B1")), DAY_TWO)
    assert claimed.json()["waiting"] == 1
    assert {row[0]: row[2:] for row in await rows(database, STANDS)}["赵外"] == ("O1", DAY_ONE, None)


async def test_an_account_holder_says_himself_what_he_is_called(app: FastAPI, database: Database, two: Two) -> None:
    first = listed("A1,张一,13900000001,B1,信贷部,在职", "A2,王二,13900000002,B1,信贷部,在职")
    await hand_in(app, two.ours, first)
    await somebody(database, "zhang@example.com", name="张一", phone="13900000001")
    renamed = listed("A1,张改名,13900000001,B1,信贷部,在职", "A2,王改名,13900000002,B1,信贷部,在职")
    assert (await hand_in(app, two.ours, renamed, DAY_TWO)).status_code == 200
    phones = listed("A1,张一,13900000091,B1,信贷部,在职", "A2,王改名,13900000092,B1,信贷部,在职")
    assert (await hand_in(app, two.ours, phones, DAY_TWO)).status_code == 200
    people = "SELECT p.name, p.phone FROM person p JOIN staff_number s ON s.person_id = p.id ORDER BY s.number"
    assert await rows(database, people) == [("张一", "13900000001"), ("王改名", "13900000092")]


async def test_the_same_name_and_phone_twice_in_a_list_is_a_mistake(app: FastAPI, database: Database, two: Two) -> None:
    twice = listed("A1,张一,13900000001,B1,信贷部,在职", "A2,张一,13900000001,B1,营业部,在职")
    problem = refused(await hand_in(app, two.ours, twice), 422, "roster_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/3/staff_number", "person_twice")]


async def test_who_is_retired_from_another_company_is_claimed_too(app: FastAPI, database: Database, two: Two) -> None:
    """He works nowhere and has no account: no other union takes, renames or numbers him, and his own list goes on as it
    was. Its keeper confirms; from then on he works at the other one.
    """
    at = "O1,离退休处"
    await hand_in(app, two.theirs, listed(f"T1,退休甲,13900000091,{at},在职"), DAY_ONE)
    await hand_in(app, two.theirs, listed(f"T1,退休甲,13900000091,{at},退休"), DAY_TWO)
    before = await rows(database, STANDS)
    for name, phone in (("退休甲", "13900000091"), ("改名乙", "13900000091"), ("改名乙", "13900000666")):
        answer = await hand_in(app, two.ours, listed(f"X1,{name},{phone},B1,返聘,在职"), DAY_TWO)
        assert answer.status_code == 200, answer.text
    assert [row for row in await rows(database, STANDS) if row[0] == "退休甲"] == [
        row for row in before if row[0] == "退休甲"
    ]
    again = await hand_in(app, two.theirs, listed(f"T1,退休甲,13900000091,{at}（新）,退休"), DAY_TWO)
    assert (again.json()["saved"], again.json()["waiting"], again.json()["counts"]["left"]) == (True, 0, 0)
    await hand_in(app, two.ours, listed("X2,退休甲,13900000091,B1,返聘,在职"), DAY_TWO)
    assert await waiting(app, two.ours.buyer) == []
    (claim,) = await waiting(app, two.theirs.buyer)
    assert (claim["from_unit"], claim["to_unit"]) == ("O1（虚构）", "B1（虚构）")
    refused(await decide(app, two.ours.buyer, claim["id"]), 404, "not_found")
    assert (await decide(app, two.theirs.buyer, claim["id"])).status_code == 200
    kept = await hand_in(app, two.ours, listed("X2,退休甲,13900000091,B1,返聘二,在职"), clock.today())
    assert (kept.json()["waiting"], kept.json()["counts"]["moved"]) == (0, 1)
