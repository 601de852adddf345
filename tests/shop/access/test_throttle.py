"""Failed attempts are counted where they are made: nobody guesses for long, and who knows the password is heard."""

from statistics import median
from time import perf_counter

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text

from shop.access.address import counted
from shop.access.permissions import Grant, Role
from shop.access.session.devices import ACCOUNTS_MOST, introduced, known_device
from shop.core.database import Database
from shop.core.keys import Keys
from tests.make.keys import keys_from
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody
from tests.make.production import SAFE
from tests.shop.access.conftest import door_app
from tests.shop.access.test_pages import sign_in, token_in

pytestmark = pytest.mark.anyio

BUYER = Grant(Role.EMPLOYEE, "all", "*")
ADA, BOB = "ada@example.com", "bob@example.com"
WRONG = "wrong horse battery"


async def guess(client: AsyncClient, times: int, email: str = ADA) -> list[int]:
    return [(await ask_token(client, email, WRONG)).status_code for _ in range(times)]


async def times_more(database: Database, times: int) -> None:
    """As if everything so far had been tried so many times more, from as many addresses."""
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO sign_in_attempt (id, key_sha256, at) SELECT gen_random_uuid(), key_sha256, at"
                " FROM (SELECT DISTINCT ON (key_sha256) key_sha256, at FROM sign_in_attempt) AS one,"
                " generate_series(1, :times)"
            ),
            {"times": times},
        )


@pytest.fixture
async def people(database: Database) -> None:
    await somebody(database, ADA, BUYER)
    await somebody(database, BOB, BUYER)


@pytest.mark.usefixtures("people")
async def test_ten_failures_at_an_address_close_an_account_there_in_every_process(
    app: FastAPI, database: Database, database_url: str, schema: str, keys: Keys
) -> None:
    other_database = await Database.open(database_url, schema=schema)
    other = door_app(other_database, keys)
    async with client_of(app) as here, client_of(other) as there, client_of(other, "192.0.2.2") as ada:
        for turn in range(10):
            assert await guess(here if turn % 2 else there, 1) == [401]
        for client in (here, there):
            closed = await ask_token(client, ADA)
            assert (closed.status_code, closed.json()["code"]) == (429, "too_many_attempts")
            assert 1 <= int(closed.headers["retry-after"]) <= 301
        assert (await ask_token(here, BOB)).status_code == 200, "others are not locked out"
        assert (await ask_token(ada, ADA)).status_code == 200, "nor is she, elsewhere"
        async with database.transaction() as session:
            await session.execute(text("UPDATE sign_in_attempt SET at = at - interval '5 minutes'"))
        assert (await ask_token(there, ADA)).status_code == 200
    await other_database.close()


@pytest.mark.usefixtures("people")
async def test_success_gives_the_account_its_attempts_back(app: FastAPI) -> None:
    async with client_of(app) as client:
        for _ in range(2):
            assert await guess(client, 6) == [401] * 6
            assert (await ask_token(client, ADA)).status_code == 200


@pytest.mark.usefixtures("people")
async def test_success_gives_back_nothing_of_what_others_tried(app: FastAPI, database: Database) -> None:
    async with client_of(app, "192.0.2.1") as ada, client_of(app, "192.0.2.9") as guesser:
        await guess(guesser, 9)
        await times_more(database, 9)
        assert (await ask_token(ada, ADA)).status_code == 200
        assert (await ask_token(guesser, ADA)).status_code == 429, "it tried ninety times"


@pytest.mark.usefixtures("people")
async def test_an_address_that_tries_many_accounts_is_closed(app: FastAPI, database: Database) -> None:
    async with client_of(app, "192.0.2.9") as guesser, client_of(app, "192.0.2.1") as ada:
        await guess(guesser, 5, "someone@example.com")
        await times_more(database, 45)  # of as many accounts
        assert (await ask_token(guesser, ADA)).status_code == 429
        assert (await ask_token(ada, ADA)).status_code == 200


@pytest.mark.usefixtures("people")
async def test_many_addresses_guess_no_quicker_than_ten(app: FastAPI, database: Database) -> None:
    for number in range(10):
        async with client_of(app, f"198.51.100.{number}") as guesser:
            await guess(guesser, 1)
    await times_more(database, 90)
    async with client_of(app, "203.0.113.7") as another, client_of(app, "192.0.2.1") as bob:
        assert (await ask_token(another, ADA)).status_code == 429
        assert (await ask_token(bob, BOB)).status_code == 200


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("proxy", ["172.18.0.1", "127.0.0.1", "::ffff:10.0.0.1", "fd00::1", "100.64.3.4", "unix"])
async def test_behind_a_proxy_that_nobody_named_a_stranger_keeps_nobody_out(
    app: FastAPI, database: Database, proxy: str
) -> None:
    async with client_of(app, proxy) as stranger, client_of(app, proxy) as ada, client_of(app, proxy) as bob:
        assert await guess(stranger, 12) == [401] * 12
        await guess(stranger, 1, "someone@example.com")
        await times_more(database, 50)
        assert (await ask_token(ada, ADA)).status_code == 200
        assert (await sign_in(bob, BOB)).status_code == 303
        requested = {"current_password": PASSWORD, "new_password": "tangjun-rice-41-kettle"}
        assert (
            await bob.post("/api/v1/me/password", json=requested, headers=await bearer(bob, BOB))
        ).status_code == 204
        await times_more(database, 100)
        assert (await ask_token(stranger, ADA)).status_code == 429, "of one account a hundred are heard, from wherever"


@pytest.mark.usefixtures("people")
async def test_a_known_device_is_heard_whatever_strangers_try(app: FastAPI, database: Database) -> None:
    async with client_of(app) as ada, client_of(app) as neighbour, client_of(app, "198.51.100.1") as stranger:
        await sign_in(ada, ADA)
        await ada.post("/sign-out", data={"csrf_token": token_in(await ada.get("/"))})
        for guesser in (neighbour, stranger):
            assert (await guess(guesser, 12))[-1] == 429
        await times_more(database, 100)  # the account and the address are closed for everybody else
        assert (await sign_in(neighbour, BOB)).status_code == 429
        for _ in range(9):
            assert (await sign_in(ada, ADA, WRONG)).status_code == 401
        assert (await sign_in(ada, " Ada@Example.com")).status_code == 303, "her tenth attempt is right"


@pytest.mark.usefixtures("people")
async def test_a_known_device_has_a_budget_of_its_own(app: FastAPI, keys: Keys) -> None:
    async with client_of(app) as stolen, client_of(app) as other:
        await sign_in(stolen, ADA)
        cookie = stolen.cookies["bangfu_device"]
        stolen.cookies.delete("bangfu_session")
        seen = [(await sign_in(stolen, ADA, WRONG)).status_code for _ in range(12)]
        assert seen == [401] * 10 + [429] * 2
        for refused in (await sign_in(stolen, ADA), await sign_in(stolen, ADA)):
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) > 0
        assert (await sign_in(other, ADA)).status_code == 303, "elsewhere she is heard as any stranger is"
        assert (await sign_in(stolen, BOB)).status_code == 303, "it is Ada's device, and Bob's as anybody's"
        assert known_device(stolen.cookies["bangfu_device"], keys, BOB) == cookie.split(".")[0]


@pytest.mark.usefixtures("people")
async def test_anothers_device_or_a_forged_one_is_a_strangers(app: FastAPI, keys: Keys) -> None:
    async with client_of(app) as bob:
        await sign_in(bob, BOB)
        bobs = bob.cookies["bangfu_device"]
    name, signature = bobs.split(".")
    for cookie in (bobs, f"{name}.{signature[::-1]}", f"{'0' * 32}.{signature}", "x", "", name, f"{bobs}."):
        assert known_device(cookie, keys, ADA) is None
    assert known_device(bobs, keys, BOB)
    assert known_device(bobs, keys_from("another secret"), BOB) is None
    async with client_of(app) as thief:
        thief.cookies.set("bangfu_device", bobs)
        assert [(await sign_in(thief, ADA, WRONG)).status_code for _ in range(11)] == [401] * 10 + [429]


def test_a_device_knows_the_last_few_who_signed_in() -> None:
    cookie, mine = "", keys_from("a secret")
    for number in range(ACCOUNTS_MOST + 2):
        cookie = introduced(cookie, mine, f"{number}@example.com")
    knows = [known_device(cookie, mine, f"{n}@example.com") is not None for n in range(ACCOUNTS_MOST + 2)]
    assert knows == [False, False] + [True] * ACCOUNTS_MOST
    assert introduced(cookie, mine, f"{ACCOUNTS_MOST + 1}@example.com") == cookie
    assert "example" not in cookie, "it names nobody"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("public_url", "secure"), [("http://shop.test", False), ("https://shop.test", True)])
async def test_the_devices_cookie_is_out_of_reach(
    database: Database, public_url: str, secure: bool, keys: Keys
) -> None:
    async with client_of(door_app(database, keys, public_url=public_url)) as client:
        page = await client.get("/sign-in")
        client.cookies.set(*page.headers["set-cookie"].split(";")[0].split("=", 1))
        fields = {"csrf_token": token_in(page), "email": ADA, "password": WRONG}
        refused = await client.post("/sign-in", data=fields)
        assert "bangfu_device" not in str(refused.headers.get_list("set-cookie")), "a failure introduces nobody"
        done = await client.post("/sign-in", data=fields | {"password": PASSWORD})
    written = next(one for one in done.headers.get_list("set-cookie") if "bangfu_device" in one)
    parts = {part.strip().lower() for part in written.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=15552000"} <= parts
    assert ("secure" in parts) is secure
    assert written.startswith("__Host-") is secure


@pytest.mark.usefixtures("people")
async def test_no_answer_says_whether_there_is_such_an_account(app: FastAPI) -> None:
    told: dict[str, list[tuple[int, object, set[str]]]] = {}
    spent: dict[str, list[float]] = {ADA: [], "nobody@example.com": []}
    for number, email in enumerate(spent):
        async with client_of(app, f"192.0.2.{number}") as guesser:
            for _ in range(12):
                started = perf_counter()
                answer = await ask_token(guesser, email, WRONG)
                spent[email].append(perf_counter() - started)
                told.setdefault(email, []).append(seen(answer))
            page = await sign_in(guesser, email, WRONG)
            told[email].append((page.status_code, page.text.count("尝试次数太多"), set(page.headers)))
    assert told[ADA] == told["nobody@example.com"]
    assert [status for status, *_ in told[ADA]] == [401] * 10 + [429] * 3
    known, unknown = (median(spent[email][:10]) for email in (ADA, "nobody@example.com"))
    assert known / 3 < unknown < known * 3, "the slow hash is paid for both"


def seen(answer: Response) -> tuple[int, object, set[str]]:
    """All that a caller could tell accounts by; seconds of waiting pass."""
    return answer.status_code, answer.json() | {"retry_after_s": 0}, set(answer.headers)


@pytest.mark.parametrize(
    ("host", "as_"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unix"),
    ],
)
async def test_how_addresses_are_counted(host: str, as_: str) -> None:
    assert counted(host) == as_


@pytest.mark.usefixtures("people")
async def test_a_house_with_many_addresses_is_one(app: FastAPI) -> None:
    for number in range(10):
        async with client_of(app, f"2001:db8:1:2::{number:x}") as guesser:
            assert await guess(guesser, 1) == [401]
    async with client_of(app, "2001:db8:1:2:ffff::1") as same, client_of(app, "2001:db8:1:3::1") as next_door:
        assert (await ask_token(same, ADA)).status_code == 429
        assert (await ask_token(next_door, ADA)).status_code == 200


async def test_production_signs_no_demo_account_in(app: FastAPI, database: Database, keys: Keys) -> None:
    emails = ("admin@demo.test", "employee@other.test")
    for email in emails:
        await somebody(database, email, BUYER)
    ada = await somebody(database, ADA, BUYER)
    production = door_app(database, keys, **SAFE)
    async with client_of(app) as before:
        assert (await sign_in(before, emails[0])).status_code == 303
        session = before.cookies["bangfu_session"]
    async with client_of(production) as client:
        strangers = await ask_token(client, "nobody@example.com")
        for email in emails:
            for written in (email, f" {email.upper()} "):
                refused = await ask_token(client, written)
                assert refused.status_code == 401
                assert refused.json() == strangers.json()
        assert (await client.get("/api/v1/me", headers=await bearer(client, ADA))).json()["user_id"] == str(ada.user_id)
        left_over = {"cookie": f"__Host-bangfu_session={session}"}
        assert (await client.get("/api/v1/maybe", headers=left_over)).json() == {"known": False}


async def test_the_table_of_attempts_names_nobody(app: FastAPI, database: Database) -> None:
    async with client_of(app) as client:
        await ask_token(client, ADA, WRONG)
    async with database.reading() as session:
        rows = (await session.execute(text("SELECT sign_in_attempt::text FROM sign_in_attempt"))).scalars().all()
    assert len(rows) == 3
    assert not any("ada@" in row or "example.com" in row or "192.0.2" in row for row in rows)
