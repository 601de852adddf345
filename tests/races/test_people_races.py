"""Lists, confirmations, accounts and codes at the same moment: one person stays one, and moves once."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from shop.access.account.passwords import hash_password
from shop.access.permissions import Grant, Role
from shop.access.phone.proof import WrongCode, confirm_code, send_code
from shop.access.users import create_user
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.keys import Keys
from shop.core.settings import Settings
from shop.organisation.join_by_link import join_by_link
from tests.make.catalogue import rows
from tests.make.claims import actor_of, decide, employee, hand_in, two_companies, waiting, works_at
from tests.make.people import bearer, somebody
from tests.make.phone import code_sent, proven
from tests.make.roster import Desk, listed, union
from tests.make.units import SINCE, invitation, unit

pytestmark = pytest.mark.anyio

PHONE = "13900000001"
OURS, THEIRS = f"A1,林一,{PHONE},B1,信贷部,在职", f"X1,林一,{PHONE},O1,营业部,在职"
PEOPLE = "SELECT count(*)::int FROM person WHERE name = '林一'"


async def outcome(of: Awaitable[Any]) -> str:
    try:
        await of
    except Problem as problem:
        return problem.code
    return "done"


async def test_two_claims_of_one_person_confirmed_at_once(app: FastAPI, database: Database) -> None:
    two = await two_companies(database)
    third = await unit(database, "T")
    grant = Grant(Role.UNION_BUYER, "unit", str(third))
    keeper = actor_of(await somebody(database, "third@example.com", grant), grant)
    lin = await employee(database, two.theirs.branch, "林一", PHONE)
    await hand_in(app, two.ours, listed(OURS))
    await hand_in(app, Desk(await union(database, "TU", third), third, third, keeper, ""), listed(
        f"T1,林一,{PHONE},T,营业部,在职"
    ))  # fmt: skip
    claims = [one["id"] for one in await waiting(app, two.theirs.buyer)]
    answers = await asyncio.gather(*(decide(app, two.theirs.buyer, one) for one in claims * 3))
    assert sorted(one.status_code for one in answers) == [200, 404, 404, 404, 404, 404]
    first, last = await works_at(database, lin.person_id)
    assert first == ("O1", SINCE, clock.today())
    assert (last[0] in {"B1", "T"}, last[2]) == (True, None)
    assert await rows(database, "SELECT state, count(*)::int FROM membership_claim GROUP BY 1 ORDER BY 1") == [
        ("confirmed", 1), ("open", 1)
    ]  # fmt: skip


async def test_the_unit_refuses_while_the_person_confirms(app: FastAPI, database: Database) -> None:
    two = await two_companies(database)
    roles = (Grant(Role.EMPLOYEE, "unit", str(two.theirs.bank)),)
    lin = await employee(database, two.theirs.branch, "林一", PHONE, *roles)
    await hand_in(app, two.ours, listed(OURS))
    (claim,) = await waiting(app, two.theirs.buyer)
    both = await asyncio.gather(
        decide(app, two.theirs.buyer, claim["id"], "refuse"), decide(app, actor_of(lin, *roles), claim["id"])
    )
    states = await rows(database, "SELECT state FROM membership_claim")
    assert sorted(one.status_code for one in both) in ([200, 404], [200, 409])
    assert states == [("refused" if both[0].status_code == 200 else "confirmed",)]
    assert (await works_at(database, lin.person_id))[-1][0] == ("O1" if states == [("refused",)] else "B1")


async def test_two_companies_list_the_same_newcomer_at_once(app: FastAPI, database: Database) -> None:
    two = await two_companies(database)
    answers = await asyncio.gather(
        hand_in(app, two.ours, listed(OURS)), hand_in(app, two.theirs, listed(THEIRS)), return_exceptions=False
    )
    assert sorted(one.json()["waiting"] for one in answers) == [0, 1]
    assert await rows(database, PEOPLE) == [(1,)]
    assert await rows(database, "SELECT count(*)::int FROM membership") == [(1,)]


@pytest.mark.parametrize("attempt", range(3))
async def test_somebody_joins_while_a_list_names_him(
    app: FastAPI, client: AsyncClient, database: Database, settings: Settings, attempt: int, keys: Keys
) -> None:
    two = await two_companies(database)
    await invitation(database, "friends", two.theirs.bank)
    proof = await proven(client, PHONE, keys)
    hashed = await hash_password("correct horse battery")

    async def join() -> None:
        await asyncio.sleep(0.01 * attempt)
        async with database.transaction() as session:
            await join_by_link(
                session, code="friends", email="lin@example.com", password_hash=hashed, name="林一", phone=PHONE,
                proof=proof, keys=keys, now=clock.now(),
            )  # fmt: skip

    joined, brought = await asyncio.gather(outcome(join()), hand_in(app, two.ours, listed(OURS)))
    assert await rows(database, PEOPLE) == [(1,)]
    assert (joined, brought.json()["waiting"]) in {("done", 1), ("is_employee", 0)}


@pytest.mark.parametrize("attempt", range(3))
async def test_an_account_is_made_while_a_list_names_its_owner(app: FastAPI, database: Database, attempt: int) -> None:
    two = await two_companies(database)
    hashed = await hash_password("correct horse battery")

    async def create(email: str) -> None:
        await asyncio.sleep(0.01 * attempt)
        async with database.transaction() as session:
            await create_user(
                session, actor=None, email=email, name="林一", phone=PHONE, password_hash=hashed, now=clock.now()
            )

    made = await asyncio.gather(
        outcome(create("lin@example.com")), outcome(create("two@example.com")), hand_in(app, two.ours, listed(OURS))
    )
    assert sorted(made[:2]) == ["done", "phone_taken"]
    assert await rows(database, PEOPLE) == [(1,)]
    stands = "SELECT u.code FROM user_account a JOIN membership m USING (person_id) JOIN unit u ON u.id = m.unit_id"
    assert await rows(database, f"{stands} WHERE a.email IN ('lin@example.com', 'two@example.com')") == [("B1",)]


async def test_two_accounts_prove_the_same_phone_at_once(client: AsyncClient, database: Database, keys: Keys) -> None:
    grant = Grant(Role.EMPLOYEE, "all", "*")
    proofs = [await proven(client, PHONE, keys) for _ in range(2)]
    tokens = []
    for n in range(2):
        await somebody(database, f"p{n}@example.com", grant, name=f"人{n}")
        tokens.append(await bearer(client, f"p{n}@example.com"))
    answers = await asyncio.gather(
        *(
            client.post("/api/v1/me/phone", json={"phone": PHONE, "proof": proof}, headers=token)
            for proof, token in zip(proofs, tokens, strict=True)
        )
    )
    assert sorted(one.status_code for one in answers) == [204, 409]
    assert await rows(database, "SELECT count(*)::int FROM person WHERE phone = :p", p=PHONE) == [(1,)]


async def test_a_hundred_guesses_at_once_are_five(database: Database, settings: Settings, keys: Keys) -> None:
    sent = await send_code(database, keys=keys, phone=PHONE, address="192.0.2.1", lang="zh", now=clock.now())
    right = await code_sent(database, settings, PHONE)
    guesses = [f"{n:06}" for n in range(100) if f"{n:06}" != right]
    told = await asyncio.gather(
        *(outcome(confirm_code(database, keys=keys, proof_id=sent.id, code=one)) for one in guesses)
    )
    assert set(told) == {WrongCode.code}
    assert await rows(database, "SELECT tries FROM phone_proof") == [(5,)]
