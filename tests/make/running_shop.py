"""The furnished shop in processes of its own, and whose job each of its calls is."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Final
from uuid import uuid4

import requests

from shop.access.permissions import ROLE_PERMISSIONS, Actor, Permission, Role
from shop.access.session.tokens import Tokens
from shop.core import clock
from shop.core.database import open_database
from shop.core.keys import keys_of
from shop.core.postgres import embedded
from shop.core.settings import Settings
from tests.make.processes import Processes, processes
from tests.make.whole_shop import PURCHASES, WholeShop, furnish

PASSWORD: Final = "demo-password-2026"
PEOPLE: Final = {
    "staff": Role.STAFF,
    "union.buyer": Role.UNION_BUYER,
    "union.approver": Role.UNION_APPROVER,
    "union.receiver": Role.UNION_RECEIVER,
    "canteen": Role.CANTEEN_BUYER,
    "admin": Role.ADMINISTRATOR,
    "supplier": Role.SUPPLIER,
    "auditor": Role.AUDITOR,
    "employee": Role.EMPLOYEE,
}
MORE: Final = ("staff.second", "canteen.receiver", "admin.second", "platform")
"""They only help to furnish the shop."""
DECIDES: Final = ("/approve", "/reject", "/answer", "/{decision}")
"""Whoever may read a purchase may call these; what counts is the approver's role."""


def whose_job(asked: Mapping[tuple[str, str], set[str]], method: str, path: str) -> str:
    """The first of PEOPLE whose role carries what the route asks for; what anybody may call, staff calls. asked: by
    call, the permissions that its route names.
    """
    if path.startswith(PURCHASES) and path.endswith(DECIDES):
        return "union.approver"
    if path.endswith("/freight"):
        return "supplier"
    needed = {Permission(one) for one in asked[method, path]}
    if path.startswith(PURCHASES) and needed <= ROLE_PERMISSIONS[Role.UNION_BUYER]:
        return "union.buyer"
    return next(who for who, role in PEOPLE.items() if needed <= ROLE_PERMISSIONS[role])


@dataclass(frozen=True)
class Running:
    shop: WholeShop
    settings: Settings
    processes: Processes


@contextmanager
def running_shop(
    postgres: Path, template: str, schema: str, folder: Path, way: Callable[[str], str] = str
) -> Iterator[Running]:
    """On a database of its own; gone at the end. way: how web and worker reach it instead."""
    name = f"test_{uuid4().hex}"
    embedded.clone_database(postgres, template, name)
    database = Settings(
        _env_file=None,
        shop_env="development",
        database_url=way(embedded.url(postgres, name, embedded.APP_ROLE)),
        database_owner_url=embedded.url(postgres, name, embedded.OWNER_ROLE),
        database_schema=schema,
    )
    with processes(database, folder) as running, requests.Session() as http:
        http.trust_env = False
        running.start("web", "worker")
        while not _ready(http, running.url):
            sleep(0.1)
        with ThreadPoolExecutor(1) as thread:  # who asks may have a loop of his own
            tokens = thread.submit(lambda: asyncio.run(_tokens_of(database))).result()
        actors = {who: signed_in(http, running.url, tokens, who) for who in (*PEOPLE, *MORE)}
        made = WholeShop(running.url, http, tokens, actors)
        furnish(made)
        yield Running(made, database, running)
    embedded.drop_database(postgres, name)


def signed_in(http: requests.Session, url: str, tokens: Tokens, who: str, *, at: str = "demo.test") -> Actor:
    answer = http.post(f"{url}/api/v1/auth/token", data={"username": f"{who}@{at}", "password": PASSWORD})
    actor = tokens.read(answer.json()["access_token"], now=clock.wall())
    assert actor is not None
    return actor


async def _tokens_of(settings: Settings) -> Tokens:
    database = await open_database(settings)
    try:
        return Tokens.of(await keys_of(database, settings))
    finally:
        await database.close()


def _ready(http: requests.Session, url: str) -> bool:
    try:
        return http.get(f"{url}/readyz").status_code == 200
    except requests.ConnectionError:
        return False
