"""A list and an account come in either order: one human being is one person, with unit and union."""

import anyio
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings
from shop.organisation.address_book import Destination, list_addresses, remember_address
from tests.make.browser import browser_of
from tests.make.caller import token_of
from tests.make.catalogue import rows
from tests.make.claims import Two, actor_of, hand_in, two_companies, works_at
from tests.make.payments import till
from tests.make.people import PASSWORD, bearer, somebody
from tests.make.phone import code_sent, proven
from tests.make.roster import DAY_ONE, Desk, listed, union
from tests.make.shop import small_shop
from tests.shop.app.test_cli import shop

pytestmark = pytest.mark.anyio

PHONE = "13900000001"
LIN = f"A1,林一,{PHONE},B1,信贷部,在职"
BUYER = Grant(Role.EMPLOYEE, "all", "*")
PEOPLE = "SELECT count(*)::int FROM person WHERE name = '林一'"


@pytest.fixture
async def two(app: FastAPI, database: Database) -> Two:
    return await two_companies(database)


async def at_the_shell(settings: Settings, *words: str) -> tuple[int, str]:
    done = await anyio.to_thread.run_sync(lambda: shop("user", *words, settings=settings, SHOP_PASSWORD=PASSWORD))
    return done.returncode, done.stderr


async def me(client: AsyncClient, email: str) -> tuple[str | None, list[str]]:
    """Unit and unions, as `/me` says."""
    said = (await client.get("/api/v1/me", headers=await bearer(client, email))).json()
    return said["unit"] and said["unit"]["code"], [one["code"] for one in said["unions"]]


@pytest.mark.parametrize("list_first", [True, False])
async def test_the_owners_shell_and_a_list_in_either_order(
    app: FastAPI, client: AsyncClient, database: Database, settings: Settings, two: Two, list_first: bool
) -> None:
    """And another company that has somebody of the same name, or of the same number, has its own people."""
    if list_first:
        assert (await hand_in(app, two.ours, listed(LIN))).json()["counts"]["joined"] == 1
    other = listed("X1,林一,13900000088,O1,营业部,在职", f"X2,同号,{PHONE},O1,营业部,在职")
    await hand_in(app, two.theirs, other)
    assert await at_the_shell(settings, "create", "lin@example.com", "林一", "--phone", PHONE) == (0, "")
    scope = ("--scope-kind", "unit", "--scope-id", str(two.ours.bank))
    assert await at_the_shell(settings, "grant", "lin@example.com", "employee", *scope) == (0, "")
    if not list_first:
        assert await me(client, "lin@example.com") == (None, [])
        answer = await hand_in(app, two.ours, listed(LIN))
        assert (answer.json()["waiting"], answer.json()["counts"]["joined"]) == (0, 1)
    assert await me(client, "lin@example.com") == ("B1", ["U"])
    assert await rows(database, PEOPLE) == [(2,)], "ours and theirs"
    code, said = await at_the_shell(settings, "create", "again@example.com", "林一", "--phone", PHONE)
    assert (code, said.startswith("这个手机号已经有账号")) == (1, True)


async def test_another_name_is_another_person_and_a_proven_phone_has_one(
    app: FastAPI, database: Database, two: Two
) -> None:
    await hand_in(app, two.ours, listed(f"A1,林二,{PHONE},B1,信贷部,在职"))
    await somebody(database, "lin@example.com", name="林一", phone=PHONE)
    assert await rows(database, "SELECT count(*)::int FROM person WHERE phone = :p", p=PHONE) == [(2,)]
    with pytest.raises(IntegrityError, match="uq_person_verified_phone"):
        async with database.transaction() as session:
            await session.execute(text("UPDATE person SET phone_verified_at = now() WHERE phone = :p"), {"p": PHONE})


async def test_an_account_becomes_the_person_of_the_list_when_its_phone_is_proven(
    app: FastAPI, client: AsyncClient, database: Database, keys: Keys
) -> None:
    """What was bought before keeps whose it was; the buyer still sees it; addresses come along."""
    place = await small_shop(database)
    keeper = Grant(Role.UNION_BUYER, "unit", str(place.bank))
    clerk = await somebody(database, "clerk@example.com", keeper)
    desk = Desk(await union(database, "U", place.branch), place.bank, place.branch, actor_of(clerk, keeper), "")
    lin = await somebody(database, "lin@example.com", BUYER, name="林一")
    mine = actor_of(lin, BUYER)
    async with till(database) as money:
        await money.paid(mine, {place.skus[0]: 1})
    home = Destination("林一", PHONE, "310101", "示例路 1 号")
    async with database.transaction() as session:
        await remember_address(session, person_id=lin.person_id, destination=home, now=clock.now())
    before = await rows(database, "SELECT id, person_id, unit_id FROM credit_entry ORDER BY id")
    await hand_in(app, desk, listed(LIN.replace(",B1,", ",BRANCH,")))
    assert await rows(database, PEOPLE) == [(2,)], "nobody knows yet"
    token = await bearer(client, lin.email)
    proof = await proven(client, PHONE, keys)
    answer = await client.post("/api/v1/me/phone", json={"phone": PHONE, "proof": proof}, headers=token)
    assert answer.status_code == 204, answer.text
    await anyio.sleep(1)
    assert (await client.get("/api/v1/me", headers=token)).status_code == 401, "the token said who he was"
    assert await me(client, lin.email) == ("BRANCH", ["U"])
    (alias,) = await rows(database, "SELECT person_id, same_as_id FROM person_alias")
    assert alias[0] == lin.person_id
    assert await rows(database, "SELECT id, person_id, unit_id FROM credit_entry ORDER BY id") == before
    now_his = Actor(lin.user_id, alias[1], mine.session_id, (BUYER,))
    assert len((await client.get("/api/v1/orders", headers=token_of(app, now_his))).json()["items"]) == 1
    assert (await client.get("/api/v1/me/year", headers=token_of(app, now_his))).json()["counties"] != []
    async with database.reading() as session:
        assert [one.street for one in await list_addresses(session, person_id=alias[1])] == ["示例路 1 号"]
    again = await hand_in(app, desk, listed(LIN.replace(",B1,", ",BRANCH,"), "A2,王二,,BRANCH,,在职"), clock.today())
    assert (again.json()["waiting"], again.json()["counts"]["joined"], again.json()["counts"]["left"]) == (0, 1, 0)


async def test_who_works_elsewhere_stays_who_he_is(
    app: FastAPI, client: AsyncClient, database: Database, two: Two, keys: Keys
) -> None:
    await hand_in(app, two.theirs, listed("X1,林一,13900000088,O1,营业部,在职"))
    lin = await somebody(database, "lin@example.com", BUYER, name="林一", phone="13900000088")
    await hand_in(app, two.ours, listed(LIN))
    proof = await proven(client, PHONE, keys)
    token = await bearer(client, lin.email)
    body = {"phone": PHONE, "proof": proof}
    assert (await client.post("/api/v1/me/phone", json=body, headers=token)).status_code == 204
    assert await works_at(database, lin.person_id) == [("O1", DAY_ONE, None)]
    assert await rows(database, "SELECT count(*) FROM person_alias") == [(0,)]


async def test_the_page_of_ones_phone(app: FastAPI, database: Database, settings: Settings, two: Two) -> None:
    await hand_in(app, two.ours, listed(LIN))
    lin = await somebody(database, "lin@example.com", BUYER, name="林一")
    browser = await browser_of(app, database, actor_of(lin, BUYER))
    await browser.open("/me/phone")
    page = await browser.send("/me/phone", phone=PHONE, do="prove")
    assert (page.status, page.forms["/me/phone"]["phone"]) == (422, PHONE)
    assert "请先获取验证码" in page.words
    page = await browser.send("/me/phone", phone="12345", do="code")
    assert (page.status, page.forms["/me/phone"]["phone"]) == (422, "12345")
    page = await browser.send("/me/phone", phone=PHONE, do="code")
    assert "验证码已发往这个号码" in page.words
    page = await browser.send("/me/phone", sms_code="000000x", do="prove")
    assert "请核对短信里的六位数字" in page.words
    page = await browser.send("/me/phone", sms_code=await code_sent(database, settings, PHONE), do="prove")
    assert "手机号已验证" in page.words
    assert (await browser.client.get("/api/v1/me")).json()["unit"]["code"] == "B1"
    await browser.close()
