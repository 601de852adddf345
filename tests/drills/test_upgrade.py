"""The last release goes on selling while `shop migrate` of this one runs, and beside this one's processes after it."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest
from sqlalchemy import text

from shop.app.demo.people import LINK_CODE, PASSWORD
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.settings import Settings
from tests.make.audit import audited
from tests.make.processes import PROJECT, Processes, free_port
from tests.make.release import releases, unpack
from tests.make.upgrade_crowd import Crowd

pytestmark = [pytest.mark.anyio, pytest.mark.drill]

BEFORE_S, ALONE_S, TOGETHER_S, AFTER_S = 3, 10, 6, 3
PATIENCE_S = 60
NEWCOMER = "newcomer@demo.test"
A_SECOND_AT_LEAST = 3
"""Purchases: fewer would prove little of locks. The machine that this was written on carries twelve."""
_OPEN = text("SELECT count(*) FROM shop_order WHERE state <> 'confirmed' AND id = ANY(CAST(:paid AS uuid[]))")
_NOT_CREDITED = text("""
SELECT count(*) FROM jsonb_each_text(CAST(:paid AS jsonb)) AS paid(id, fen) WHERE fen::bigint IS DISTINCT FROM (
    SELECT sum(e.amount_fen) FROM credit_entry e WHERE e.order_id = paid.id::uuid)
""")


@pytest.fixture
def server() -> Iterator[Path]:
    with embedded.throwaway() as socket:
        embedded.prepare(socket, "bangfu")
        yield socket


@pytest.fixture
def settings(server: Path) -> Settings:
    return Settings(
        _env_file=None,
        shop_env="development",
        database_url=embedded.url(server, "bangfu", embedded.APP_ROLE),
        database_owner_url=embedded.url(server, "bangfu", embedded.OWNER_ROLE),
    )


@pytest.fixture
def old(settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    """The last release, with its demo shop open."""
    code = unpack(releases()[0], tmp_path / "old")
    yield from _released(settings, tmp_path / "old_runs", code)


@pytest.fixture
def new(settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    yield from _released(settings, tmp_path / "new_runs", PROJECT)


def _released(settings: Settings, folder: Path, code: Path) -> Iterator[Processes]:
    folder.mkdir()
    made = Processes(settings, folder, free_port(), {"FILES_URL": str(folder.parent / "files")}, code=code)
    yield made
    made.kill(*list(made.running))


@pytest.fixture
async def crowd(old: Processes) -> AsyncIterator[Crowd]:
    old.shop("migrate")
    old.shop("seed", "--demo")
    old.start("web", "worker")
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=limits) as http:
        await until(lambda: answers(http, f"{old.url}/readyz"))
        yield Crowd(http, [old.url])


async def test_nobody_notices_an_upgrade(
    crowd: Crowd, old: Processes, new: Processes, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    began = monotonic()
    await crowd.begin()
    await asyncio.sleep(BEFORE_S)

    crowd.phase = "while it migrates"
    steps = await asyncio.to_thread(new.shop, "migrate")
    crowd.phase = "old on the new schema"
    await joined(old.url)
    await asyncio.sleep(ALONE_S)

    new.start("web", "worker")
    await until(lambda: answers(crowd.http, f"{new.url}/readyz"))
    crowd.phase = "both"
    crowd.urls.append(new.url)
    await asyncio.sleep(TOGETHER_S)

    await crowd.leave(old.url)
    await asyncio.to_thread(old.stop, "web", "worker")
    crowd.phase = "new alone"
    await crowd.sign_in(NEWCOMER, new.url)
    assert await crowd.buy(NEWCOMER)
    await asyncio.sleep(AFTER_S)
    again = await asyncio.to_thread(new.shop, "migrate")
    await crowd.end()
    seconds = monotonic() - began

    slowest = "".join(f"\n{one:5.2f} s, {phase}" for phase, one in crowd.slowest.items())
    told = [steps, f"{len(crowd.paid)} purchases in {seconds:.0f} s, the slowest answer:{slowest}", f"again:\n{again}"]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *told]))
    assert crowd.failed == []
    database = await Database.open(settings.database_url or "")
    try:
        await until(lambda: nothing_open(database, crowd.paid))
        async with database.reading() as session:
            not_credited = await session.scalar(_NOT_CREDITED, {"paid": json.dumps(crowd.paid)})
        await audited(database)
    finally:
        await database.close()
    books = json.loads(await asyncio.to_thread(new.shop, "reconcile", "--json"))
    await asyncio.to_thread(new.shop, "doctor")

    assert not_credited == 0
    assert len(crowd.paid) > A_SECOND_AT_LEAST * seconds
    assert (books["holds"], books["differences"]) == (True, [])
    assert jobs_failed(old) | jobs_failed(new) == set()


async def joined(url: str) -> None:
    """Somebody comes by his colleagues' link, as the first release knows it: one form, no code and no mail."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        page = await http.get(f"/join/{LINK_CODE}")
        token = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page.text)
        assert token
        typed = {"email": NEWCOMER, "name": "亲友卯（虚构）", "phone": "13800138099", "password": PASSWORD}
        answer = await http.post(f"/join/{LINK_CODE}", data={"csrf_token": token[1], **typed})
        assert answer.status_code == 303, answer.text


async def until(done: object) -> None:
    deadline = monotonic() + PATIENCE_S
    while not await done():  # type: ignore[operator]
        assert monotonic() < deadline, "it has not come to that"
        await asyncio.sleep(0.1)


async def answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


async def nothing_open(database: Database, paid: Iterable[str]) -> bool:
    async with database.reading() as session:
        return not await session.scalar(_OPEN, {"paid": sorted(paid)})


def jobs_failed(processes: Processes) -> set[str]:
    """By name, from the worker's log."""
    log = (processes.folder / "worker.log").read_text()
    return {line for line in log.splitlines() if "job_failed" in line}
