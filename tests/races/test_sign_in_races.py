"""Fifty guesses at once, in two processes' worth of connections: no more than the budget is heard."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from shop.access.permissions import Grant, Role
from shop.access.session.attempts import ACCOUNT_MOST, ADDRESS_MOST, DEVICE_MOST, EVERYWHERE_MOST
from shop.core.database import Database
from shop.core.keys import Keys
from tests.make.people import ask_token, client_of, somebody
from tests.shop.access.conftest import door_app
from tests.shop.access.test_pages import sign_in, token_in

pytestmark = pytest.mark.anyio

ADA, WRONG = "ada@example.com", "wrong horse battery"
AT_ONCE = 50


@pytest.fixture
async def doors(
    database: Database, database_url: str, schema: str, keys: Keys
) -> AsyncIterator[tuple[FastAPI, FastAPI]]:
    """Two processes of one shop: nothing in common but the database."""
    await somebody(database, ADA, Grant(Role.EMPLOYEE, "all", "*"))
    await somebody(database, "bob@example.com", Grant(Role.EMPLOYEE, "all", "*"))
    other = await Database.open(database_url, schema=schema)
    yield door_app(database, keys), door_app(other, keys)
    await other.close()


async def all_at_once(clients: list[AsyncClient], emails: list[str]) -> Counter[int]:
    asked = (ask_token(clients[n % len(clients)], emails[n % len(emails)], WRONG) for n in range(AT_ONCE))
    return Counter(answer.status_code for answer in await asyncio.gather(*asked))


async def test_of_an_account_at_an_address(doors: tuple[FastAPI, FastAPI]) -> None:
    clients = [client_of(door) for door in doors]
    assert await all_at_once(clients, [ADA]) == {401: ACCOUNT_MOST, 429: AT_ONCE - ACCOUNT_MOST}
    assert (await ask_token(clients[0], "bob@example.com")).status_code == 200, "refusals used up no address"


async def test_of_an_address(doors: tuple[FastAPI, FastAPI]) -> None:
    """A hundred guesses, each at another account."""
    clients = [client_of(door) for door in doors]
    found: Counter[int] = Counter()
    for half in range(2):
        found += await all_at_once(clients, [f"{half}-{n}@example.com" for n in range(AT_ONCE)])
    assert found == {401: ADDRESS_MOST, 429: 2 * AT_ONCE - ADDRESS_MOST}


async def test_of_an_account_everywhere(doors: tuple[FastAPI, FastAPI]) -> None:
    """A hundred and fifty guesses, each from another address."""
    found: Counter[int] = Counter()
    for third in range(3):
        clients = [client_of(doors[n % 2], f"198.51.{third}.{n}") for n in range(AT_ONCE)]
        found += await all_at_once(clients, [ADA])
    assert found == {401: EVERYWHERE_MOST, 429: 3 * AT_ONCE - EVERYWHERE_MOST}


async def test_of_a_known_device_while_strangers_try(doors: tuple[FastAPI, FastAPI]) -> None:
    device, strangers = client_of(doors[0]), [client_of(door) for door in doors]
    assert (await sign_in(device, ADA)).status_code == 303
    await device.post("/sign-out", data={"csrf_token": token_in(await device.get("/"))})
    page = await device.get("/sign-in")

    async def try_here(password: str) -> int:
        fields = {"csrf_token": token_in(page), "email": ADA, "password": password}
        return (await device.post("/sign-in", data=fields)).status_code

    tried, theirs = await asyncio.gather(
        asyncio.gather(*(try_here(WRONG) for _ in range(AT_ONCE))), all_at_once(strangers, [ADA])
    )
    assert Counter(tried) == {401: DEVICE_MOST, 429: AT_ONCE - DEVICE_MOST}
    assert theirs == {401: ACCOUNT_MOST, 429: AT_ONCE - ACCOUNT_MOST}
