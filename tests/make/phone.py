"""A code that comes by SMS, and what it proves."""

import re
from uuid import UUID

from httpx import AsyncClient

from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings
from shop.messages.secret import code_of
from tests.make.outbox import letters


async def code_sent(database: Database, settings: Settings, phone: str) -> str:
    """In the newest SMS."""
    body = (await letters(database, settings, phone))[0]["body"]
    found = re.search(r"[0-9]{6}", body)
    assert found, body
    return found[0]


async def proven(client: AsyncClient, phone: str, keys: Keys) -> str:
    """The proof of a phone, for whoever reads what comes to it."""
    asked = await client.post("/api/v1/phone-proofs", json={"phone": phone})
    assert asked.status_code == 202, asked.text
    code = code_of(keys, UUID(asked.json()["id"]))
    answer = await client.post(f"/api/v1/phone-proofs/{asked.json()['id']}/confirm", json={"code": code})
    assert answer.status_code == 200, answer.text
    proof: str = answer.json()["proof"]
    return proof
