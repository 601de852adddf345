"""Erasing somebody whose phone is proven, who stands on a list, or whose account was of two persons."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings
from tests.make.catalogue import rows
from tests.make.claims import Two, actor_of, decide, employee, hand_in, two_companies, waiting
from tests.make.outbox import letters
from tests.make.payments import till
from tests.make.people import PASSWORD, bearer, somebody
from tests.make.phone import proven
from tests.make.roster import DAY_TWO, listed
from tests.make.shop import small_shop

pytestmark = pytest.mark.anyio

PHONE = "13900000001"
BUYER = Grant(Role.EMPLOYEE, "all", "*")
ERASE_ME = {"password": PASSWORD}
NAMED = "SELECT name, phone, phone_verified_at IS NOT NULL FROM person WHERE id = :id"


@pytest.fixture
async def two(app: FastAPI, database: Database) -> Two:
    return await two_companies(database)


async def test_who_stays_on_a_list_stays_without_an_account_and_may_make_another(
    app: FastAPI, client: AsyncClient, database: Database, two: Two
) -> None:
    row = f"A1,林一,{PHONE},B1,信贷部,在职"
    await hand_in(app, two.ours, listed(row))
    lin = await somebody(database, "lin@example.com", BUYER, name="林一", phone=PHONE)
    done = await client.post("/api/v1/me/erasure", json=ERASE_ME, headers=await bearer(client, lin.email))
    assert done.status_code == 200, done.text
    assert await rows(database, NAMED, id=lin.person_id) == [("林一", PHONE, False)]
    state = "SELECT state, person_id = :p FROM user_account WHERE id = :u"
    assert await rows(database, state, p=lin.person_id, u=lin.user_id) == [("closed", False)]
    assert (await hand_in(app, two.ours, listed(row), DAY_TWO)).json()["waiting"] == 0
    again = await somebody(database, "lin@example.com", BUYER, name="林一", phone=PHONE)
    assert again.person_id == lin.person_id
    said = (await client.get("/api/v1/me", headers=await bearer(client, again.email))).json()
    assert said["unit"]["code"] == "B1"


async def test_who_was_another_person_before_has_all_of_it_in_the_copy_and_loses_all_of_it(
    app: FastAPI, client: AsyncClient, database: Database, settings: Settings, two: Two, keys: Keys
) -> None:
    place = await small_shop(database)
    lin = await somebody(database, "lin@example.com", BUYER, name="林一")
    async with till(database) as money:
        order = await money.paid(actor_of(lin, BUYER), {place.skus[0]: 1})
    await hand_in(app, two.ours, listed(f"A1,林一,{PHONE},B1,信贷部,在职"))
    token = await bearer(client, lin.email)
    proof = await proven(client, PHONE, keys)
    await letters(database, settings, PHONE)
    await client.post("/api/v1/me/phone", json={"phone": PHONE, "proof": proof}, headers=token)
    token = await bearer(client, lin.email)
    copy = (await client.get("/api/v1/me/data", headers=token)).json()["rows"]
    assert [one["number"] for one in copy["订单"]] == [order.number]
    assert [one["template"] for one in copy["发给您的消息"]] == ["phone_code"]
    assert len(copy["合并前的身份"]) == 1
    async with database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET state = 'completed'"))
    await hand_in(app, two.ours, listed("A2,王二,,B1,信贷部,在职"), DAY_TWO)
    done = await client.post("/api/v1/me/erasure", json=ERASE_ME, headers=token)
    assert done.status_code == 200, done.text
    assert await rows(database, "SELECT count(*)::int FROM person WHERE name = '林一' OR phone = :p", p=PHONE) == [(0,)]
    assert await rows(database, "SELECT count(*)::int FROM message WHERE address = :p", p=PHONE) == [(0,)]


async def test_claims_are_in_the_copy(app: FastAPI, client: AsyncClient, database: Database, two: Two) -> None:
    roles = (Grant(Role.EMPLOYEE, "unit", str(two.theirs.bank)),)
    lin = await employee(database, two.theirs.branch, "林一", PHONE, *roles, email="lin@example.com")
    await hand_in(app, two.ours, listed(f"A1,林一,{PHONE},B1,信贷部,在职"))
    (claim,) = await waiting(app, two.theirs.buyer)
    await decide(app, two.theirs.buyer, claim["id"], "refuse")
    copy = (await client.get("/api/v1/me/data", headers=await bearer(client, lin.email))).json()["rows"]
    assert [(one["unit"], one["state"]) for one in copy["把您列入名册的申请"]] == [("B1（虚构）", "refused")]
