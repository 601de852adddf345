"""`/join/{code}` asks for a proven phone: an employee is no outside buyer, which only who has the phone is told."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.browser import Page
from tests.make.catalogue import rows
from tests.make.claims import Two, hand_in, two_companies, works_at
from tests.make.people import client_of, somebody
from tests.make.phone import code_sent
from tests.make.roster import listed
from tests.make.units import invitation

pytestmark = pytest.mark.anyio

EMPLOYEES, ACCOUNTS, NOBODYS = "13900000001", "13900000002", "13900000003"
TYPED = {"email": "new@example.com", "password": "correct horse battery", "name": "林一"}


@pytest.fixture
async def two(app: FastAPI, database: Database) -> Two:
    """EMPLOYEES stands on our list; ACCOUNTS is an outside buyer's of the other company."""
    made = await two_companies(database)
    await hand_in(app, made.ours, listed(f"A1,林一,{EMPLOYEES},B1,信贷部,在职"))
    friend = Grant(Role.OUTSIDE_BUYER, "unit", str(made.theirs.bank))
    await somebody(database, "bob@example.com", friend, name="亲友乙", phone=ACCOUNTS)
    await invitation(database, "friends", made.theirs.bank)
    return made


class Joining:
    """Somebody's browser at the page: it sends back what the form holds."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.page = Page(Response(200, text=""))

    async def open(self) -> Page:
        self.page = Page(await self.client.get("/join/friends"))
        return self.page

    async def send(self, **changed: str) -> Response:
        answer = await self.client.post("/join/friends", data=self.page.forms[""] | changed)
        if answer.status_code != 303:
            self.page = Page(answer)
        return answer


async def test_before_the_phone_is_proven_every_number_gets_the_same_answer(app: FastAPI, two: Two) -> None:
    seen = set()
    for n, phone in enumerate((EMPLOYEES, ACCOUNTS, NOBODYS)):
        async with client_of(app, f"192.0.2.{n}") as client:
            joining = Joining(client)
            await joining.open()
            sent = await joining.send(phone=phone, do="code", **TYPED)
            told = joining.page.words
            guessed = await joining.send(sms_code="12345x", **TYPED)
            seen.add((sent.status_code, told, guessed.status_code, joining.page.words))
            without = await joining.send(asked="", sms_code="", **TYPED)
            seen.add((without.status_code, joining.page.words, 0, ""))
    assert len(seen) == 2


async def test_an_employee_is_refused_with_the_right_code_and_nothing_is_made(
    app: FastAPI, client: AsyncClient, database: Database, settings: Settings, two: Two
) -> None:
    before = await rows(database, "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM user_account)")
    joining = Joining(client)
    await joining.open()
    for phone, said in ((EMPLOYEES, "属于一家单位的职工"), (ACCOUNTS, "请用原来的账号登录")):
        typed = TYPED | {"email": f"{phone}@example.com"}
        await joining.send(phone=phone, do="code", **typed)
        answer = await joining.send(sms_code=await code_sent(database, settings, phone), **typed)
        assert (answer.status_code, said in answer.text, 'value="林一"' in answer.text) == (409, True, True)
        again = await joining.send(**typed | {"name": "别名"})
        assert (again.status_code, said in again.text) == (409, True), "the same code still holds, whatever the name"
        assert "B（虚构）" not in again.text
    after = await rows(database, "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM user_account)")
    assert after == before


async def test_who_is_nobodys_employee_joins_and_is_asked_for_the_code_once(
    app: FastAPI, client: AsyncClient, database: Database, settings: Settings, two: Two
) -> None:
    joining = Joining(client)
    await joining.open()
    await joining.send(phone=NOBODYS, do="code", **TYPED)
    code = await code_sent(database, settings, NOBODYS)
    weak = await joining.send(sms_code=code, **TYPED | {"password": "short"})
    assert (weak.status_code, f'value="{code}"' in weak.text) == (422, True), "what was typed stays"
    other = await joining.send(sms_code=code, phone="13900000004", **TYPED)
    assert (other.status_code, "请重新获取验证码" in other.text) == (422, True), "the code was another number's"
    await joining.send(phone=NOBODYS, do="code", **TYPED)
    joined = await joining.send(sms_code=await code_sent(database, settings, NOBODYS), **TYPED)
    assert (joined.status_code, joined.headers["location"]) == (303, "/")
    made = "SELECT p.phone, p.phone_verified_at IS NOT NULL FROM person p JOIN user_account u ON u.person_id = p.id"
    assert (NOBODYS, True) in await rows(database, made)


async def test_who_left_the_unit_is_the_same_person_as_an_outside_buyer(
    app: FastAPI, client: AsyncClient, database: Database, settings: Settings, two: Two
) -> None:
    today = clock.today()
    await hand_in(app, two.ours, listed("A2,王二,,B1,信贷部,在职"), today)
    joining = Joining(client)
    await joining.open()
    await joining.send(phone=EMPLOYEES, do="code", **TYPED)
    joined = await joining.send(sms_code=await code_sent(database, settings, EMPLOYEES), **TYPED)
    assert joined.status_code == 303
    async with database.reading() as session:
        person = await session.scalar(text("SELECT person_id FROM user_account WHERE email = 'new@example.com'"))
    assert await rows(database, "SELECT person_id FROM staff_number WHERE number = 'A1'") == [(person,)]
    assert (await works_at(database, person))[-1][2] == today
    # Listed again by the company, he says himself whether he is back: he has an account, and somebody introduced him.
    back = await hand_in(app, two.ours, listed(f"A1,林一,{EMPLOYEES},B1,信贷部,在职", "A2,王二,,B1,,在职"), today)
    assert back.json()["waiting"] == 1
