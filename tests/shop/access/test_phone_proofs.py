"""A code to a phone: six digits, ten minutes, five tries, once; and nobody learns from asking whose phone it is."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from shop.access.jobs import forget_old
from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings
from tests.make.caller import refused
from tests.make.catalogue import rows
from tests.make.outbox import letters
from tests.make.people import bearer, client_of, somebody
from tests.make.phone import code_sent, proven

pytestmark = pytest.mark.anyio

_SEVEN_EARLIER = text("""
INSERT INTO phone_proof (id, phone_digest, tries, asked_at, expires_at)
SELECT gen_random_uuid(), p.phone_digest, 0, p.asked_at - interval '2 hours', p.expires_at
FROM (SELECT * FROM phone_proof ORDER BY asked_at LIMIT 1) p CROSS JOIN generate_series(1, 7)
""")
KNOWN, UNKNOWN = "13900000001", "13900000002"
BUYER = Grant(Role.EMPLOYEE, "all", "*")


@pytest.fixture
async def ada(app: FastAPI, database: Database) -> dict[str, str]:
    """Her token; the phone KNOWN is hers."""
    await somebody(database, "ada@example.com", BUYER, phone=KNOWN)
    async with client_of(app) as client:
        return await bearer(client, "ada@example.com")


async def ask(client: AsyncClient, phone: str) -> str:
    answer = await client.post("/api/v1/phone-proofs", json={"phone": phone})
    assert answer.status_code == 202, answer.text
    asked: str = answer.json()["id"]
    return asked


async def test_every_number_gets_the_same_answer(
    client: AsyncClient, database: Database, settings: Settings, ada: dict[str, str]
) -> None:
    answers = [await client.post("/api/v1/phone-proofs", json={"phone": one}) for one in (KNOWN, UNKNOWN)]
    assert {one.status_code for one in answers} == {202}
    assert {frozenset(one.json()) for one in answers} == {frozenset({"id", "expires_at"})}
    said = [(await letters(database, settings, one))[0]["body"] for one in (KNOWN, UNKNOWN)]
    assert len({one.translate(str.maketrans("0123456789", "9999999999")) for one in said}) == 1
    wrong = [
        refused(await client.post(f"/api/v1/phone-proofs/{one.json()['id']}/confirm", json={"code": "x"}), 422, code)
        for one, code in zip(answers, ("code_wrong", "code_wrong"), strict=True)
    ]
    assert wrong[0] == wrong[1]
    refused(await client.post("/api/v1/phone-proofs", json={"phone": "12345"}), 422, "contact_invalid")
    kept = str(await rows(database, "SELECT * FROM phone_proof"))
    assert KNOWN not in kept


async def test_five_tries_and_then_not_even_the_right_one(
    client: AsyncClient, database: Database, settings: Settings
) -> None:
    asked = await ask(client, UNKNOWN)
    right = await code_sent(database, settings, UNKNOWN)
    confirm = f"/api/v1/phone-proofs/{asked}/confirm"
    for _ in range(5):
        refused(await client.post(confirm, json={"code": f"{(int(right) + 1) % 10**6:06}"}), 422, "code_wrong")
    refused(await client.post(confirm, json={"code": right}), 422, "code_wrong")
    assert await rows(database, "SELECT tries, confirmed_at FROM phone_proof") == [(5, None)]


async def test_a_code_is_too_old_after_ten_minutes(client: AsyncClient, database: Database, settings: Settings) -> None:
    asked = await ask(client, UNKNOWN)
    right = await code_sent(database, settings, UNKNOWN)
    lasts = await rows(database, "SELECT extract(epoch FROM expires_at - asked_at)::int FROM phone_proof")
    assert lasts == [(600,)]
    async with database.transaction() as session:
        await session.execute(text("UPDATE phone_proof SET expires_at = now()"))
    refused(await client.post(f"/api/v1/phone-proofs/{asked}/confirm", json={"code": right}), 422, "code_wrong")


async def test_a_proof_is_good_once_and_for_its_phone(
    client: AsyncClient, database: Database, settings: Settings, ada: dict[str, str], keys: Keys
) -> None:
    await somebody(database, "bob@example.com", BUYER, name="另一人")
    bob = await bearer(client, "bob@example.com")
    proof = await proven(client, UNKNOWN, keys)

    async def use(who: dict[str, str], phone: str, proof: str) -> tuple[int, str]:
        answer = await client.post("/api/v1/me/phone", json={"phone": phone, "proof": proof}, headers=who)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    assert await use(ada, "13900000009", proof) == (422, "phone_not_proven")
    assert await use(ada, UNKNOWN, "x" * 64) == (422, "phone_not_proven")
    assert await use(ada, UNKNOWN, proof) == (204, "")
    assert await use(bob, UNKNOWN, proof) == (422, "phone_not_proven")
    mine = (await client.get("/api/v1/me/phone", headers=ada)).json()
    assert mine == {"phone": "139****0002", "verified": True}
    assert (await client.get("/api/v1/me/phone", headers=bob)).json() == {"phone": None, "verified": False}
    # What she left is free; what she has is hers alone, and that is told to whom the phone is proven.
    assert await use(bob, KNOWN, await proven(client, KNOWN, keys)) == (204, "")
    assert await use(bob, UNKNOWN, await proven(client, UNKNOWN, keys)) == (409, "phone_taken")
    assert await use(ada, UNKNOWN, await proven(client, UNKNOWN, keys)) == (204, "")


async def test_nobody_is_sent_codes_without_end(client: AsyncClient, app: FastAPI, database: Database) -> None:
    for _ in range(3):
        await ask(client, UNKNOWN)
    refused(await client.post("/api/v1/phone-proofs", json={"phone": f"+86 {UNKNOWN}"}), 429, "too_many_attempts")
    async with client_of(app, "192.0.2.77") as elsewhere:
        limited = await elsewhere.post("/api/v1/phone-proofs", json={"phone": UNKNOWN})
        assert limited.status_code == 429, "of one phone, whoever asks"
        for n in range(20):
            await ask(elsewhere, f"1390001{n:04}")
        limited = await elsewhere.post("/api/v1/phone-proofs", json={"phone": "13900020000"})
        assert limited.status_code == 429, "of one address, for whichever phones"
        assert int(limited.headers["retry-after"]) > 0
    async with database.transaction() as session:  # ten a day, however slowly
        await session.execute(text("DELETE FROM sign_in_attempt"))
        await session.execute(_SEVEN_EARLIER)
    refused(await client.post("/api/v1/phone-proofs", json={"phone": UNKNOWN}), 429, "too_many_attempts")


async def test_old_codes_are_forgotten(client: AsyncClient, database: Database) -> None:
    await ask(client, UNKNOWN)
    await forget_old(database)
    assert await rows(database, "SELECT count(*) FROM phone_proof") == [(1,)]
    async with database.transaction() as session:
        await session.execute(text("UPDATE phone_proof SET expires_at = now() - interval '25 hours'"))
    await forget_old(database)
    assert await rows(database, "SELECT count(*) FROM phone_proof") == [(0,)]
