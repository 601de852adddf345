"""Which passwords are taken, wherever one is set."""

import gzip
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from fastapi import FastAPI

from shop.access.account.passwords import WeakPassword, check_new_password
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.people import PASSWORD, ask_token, bearer, client_of, somebody
from tests.make.units import invitation, unit
from tests.shop.access.test_pages import BUYER, token_in
from tests.shop.app.test_cli import shop

# The 3,000 most frequent ones of public leaks, and all of ten characters and more among the first 30,000; in this order
# they stand in zxcvbn 4.5.0 (MIT).
COMMON = (
    gzip.decompress((Path(__file__).parents[2] / "cases" / "common_passwords.txt.gz").read_bytes()).decode().split()
)
MADE_OF_THEM = (
    "P@ssw0rd123", "Password123!", "Qwerty123456", "1Q2W3E4R5T6Y", "321drowssap", "iloveyou1314", "welcome1234",
    "letmein1234", "woaini1314", "woaini520520", "5201314520", "1314520520", "zhongguo2026", "nihao123456",
    "zhang123456", "li123456789", "qq123456789", "1990010119900101", "abcdefghijk", "asdfghjkl;'",
)  # fmt: skip


@pytest.mark.parametrize("password", MADE_OF_THEM)
def test_common_ones_and_what_is_easily_made_of_them_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_new_password(password)


@pytest.mark.parametrize(
    "made_long", [lambda w: w + "1234567"[: max(0, 10 - len(w))], lambda w: (w * 3)[: max(10, 2 * len(w))]]
)
def test_the_most_common_ones_are_refused_each_of_them(made_long: Callable[[str], str]) -> None:
    """Most are too short to be taken as they are: made long enough as people do, by digits or by saying them again."""
    assert len(COMMON) >= 3_000
    taken = []
    for word in COMMON:
        with suppress(WeakPassword):
            check_new_password(made_long(word))
            taken.append(word)
    assert taken == []


@pytest.mark.parametrize(
    "password",
    ["short", "aaaaaaaaaaaaaa", "我爱你我爱你我爱你我爱你", "x" * 201, "ab\ud800cdefghijk", "ada.lovelace-1815",
     "ADA.LOVELACE likes rice", "my-bangfu-password-91", "帮扶买大米不要忘记密码呀"],
)  # fmt: skip
def test_short_ones_and_those_with_a_name_in_them_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_new_password(password, email="ada.lovelace@example.com", name="Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "tangjun-rice-41-kettle", "春江花月夜里三只小猫钓鱼", "Xk92 mfPq0v", "é" * 3 + "ñandú-teléfono-2"],
)
def test_any_letters_do_and_none_are_demanded(password: str) -> None:
    check_new_password(password, email="ada.lovelace@example.com", name="张三丰")


def test_long_ones_are_judged_quickly() -> None:
    check_new_password("tangjun rice kettle 41 " * 4 + "fin")
    for part in ("p@ssw0rd", "1qaz2wsx", "aB3$"):
        with pytest.raises(WeakPassword):
            check_new_password((part * 30)[:200])


@pytest.mark.anyio
async def test_each_door_at_which_a_password_is_set_asks(app: FastAPI, settings: Settings, database: Database) -> None:
    """Joining, changing one's own, and the owner's shell; links have their own tests."""
    await invitation(database, "friends", await unit(database, "BANK"))
    await somebody(database, "ada@example.com", BUYER)
    async with client_of(app) as client:
        page = await client.get("/join/friends")
        typed = {"email": "bob@example.com", "name": "李四", "phone": "13800138000", "password": "password1234"}
        joined = await client.post("/join/friends", data=typed | {"csrf_token": token_in(page)})
        assert (joined.status_code, "很常见" in joined.text) == (422, True)
        body = {"current_password": PASSWORD, "new_password": "password1234"}
        who = await bearer(client, "ada@example.com")
        changed = await client.post("/api/v1/me/password", json=body, headers=who)
        assert (changed.status_code, changed.json()["code"]) == (422, "weak_password")
        assert changed.json()["errors"][0]["pointer"] == "/new_password"
        for words in (["create", "bob@example.com", "李四"], ["reset", "ada@example.com"]):
            done = await anyio.to_thread.run_sync(
                lambda words=words: shop("user", *words, "--password", "password1234", settings=settings)
            )
            assert (done.returncode, "密码不符合要求" in done.stderr) == (1, True), done.stderr
        assert (await ask_token(client, "ada@example.com")).status_code == 200
