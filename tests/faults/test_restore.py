"""Restored into a cluster that counts its transactions anew: every figure of before and after, to the byte."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from httpx import ASGITransport, AsyncClient
from obstore.store import MemoryStore
from sqlalchemy import make_url, text

from orders.evidence.keep import keep, name_of
from orders.report.tick import tick
from orders.seal.key import DEVELOPMENT_SEED, SealKey
from orders.seal.seal import seal_new
from orders.seal.verify import verify
from shop.access.permissions import Actor, Grant, Role
from shop.adapters.files.open import StoredFiles
from shop.app.commands.dump import NotOurs, RestoreUnfinished, StillConnected, dump, restore
from shop.app.commands.kept_files import bring_files, copy_files
from shop.app.commands.postgres_tools import DumpFailed
from shop.app.main import create_app
from shop.app.migrate import PREPARED, make_ready
from shop.core import clock
from shop.core.commit_number import AnotherCluster
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.keys import Keys, keys_of
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import Settings
from tests.make.credit import HUNYUAN, Sale, enter
from tests.make.evidence import PDF
from tests.make.flag import raised
from tests.make.people import bearer, somebody
from tests.make.units import unit

pytestmark = pytest.mark.anyio
YEAR = clock.today().year
DAY = date(YEAR, 3, 10)
SALES, BRIDGE = "/api/v1/reports/sales", "/api/v1/reports/bridge"
PERIOD = {"from": f"{YEAR}-01-01", "to": f"{YEAR + 1}-01-01"}
FEN = 32_512_220
MINE, THEIRS = "staff@shop.test", "others@shop.test"
Question = tuple[str, str, dict[str, str]]
"""Who asks, the path, what is asked."""
KEY = SealKey.of(DEVELOPMENT_SEED)


@pytest.fixture
def empty_server(schema: str) -> Iterator[Settings]:
    """Another cluster, with a database in which there is nothing."""
    with embedded.throwaway() as socket:
        embedded.prepare(socket, "restored")
        yield Settings(
            _env_file=None,
            shop_env="development",
            database_url=embedded.url(socket, "restored", embedded.APP_ROLE),
            database_owner_url=embedded.url(socket, "restored", embedded.OWNER_ROLE),
            database_schema=schema,
            files_url="memory:",
        )


@asynccontextmanager
async def served(settings: Settings, keys: Keys | None = None) -> AsyncIterator[tuple[Database, AsyncClient]]:
    """keys: of a process that runs since before."""
    database = await opened(settings)
    app = create_app(settings, database)
    app.state.keys = keys
    reached = AsyncClient(transport=ASGITransport(app), base_url="http://shop.test")
    async with app.router.lifespan_context(app), reached as client:
        yield database, client
    await database.close()


async def opened(settings: Settings) -> Database:
    return await Database.open(settings.database_url or "", schema=settings.database_schema)


async def figures(client: AsyncClient, questions: Sequence[Question]) -> list[bytes]:
    headers = {who: await bearer(client, who) for who in (MINE, THEIRS)}
    found = []
    for who, path, asked in questions:
        answer = await client.get(path, params=PERIOD | asked, headers=headers[who])
        assert answer.status_code == 200, answer.text
        found.append(answer.content)
    return found


async def sells(database: Database, bank: UUID, other: UUID) -> None:
    """Both companies sell; of the first one's a flag is open. A worker watches."""
    flagged = Sale(on=DAY, fen=FEN, path=[bank])
    await enter(database, flagged, Sale(on=DAY, fen=7, path=[other], place=HUNYUAN, kind="assisted_sale"))
    await tick(database)
    await raised(database, bank, lines=(flagged.order,))
    await tick(database)


async def last_number(database: Database) -> int:
    async with database.reading() as session:
        found = await session.scalar(text("SELECT max(xid::text::bigint) FROM credit_entry"))
    return int(found or 0)


async def test_every_report_answers_as_before(
    settings: Settings, database: Database, client: AsyncClient, empty_server: Settings, tmp_path: Path
) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await somebody(database, MINE, Grant(Role.STAFF, "unit", str(bank)))
    await somebody(database, THEIRS, Grant(Role.STAFF, "unit", str(other)))
    old = await bearer(client, MINE)
    moments = []
    for _ in range(4):
        await sells(database, bank, other)
        moments.append(clock.now().isoformat())
    await seal_new(database, KEY, now=clock.now())
    questions: list[Question] = [
        *((who, SALES, {"known_at": at}) for at in moments[:2] for who in (MINE, THEIRS)),
        *((MINE, SALES, {"known_at": at, "group_by": "county,kind"}) for at in moments[2:]),
        (THEIRS, SALES, {"known_at": moments[3], "format": "csv"}),
        *((MINE, BRIDGE, {"known_at": a, "known_at_2": b}) for a, b in pairwise(moments)),
    ]
    before = await figures(client, questions)
    assert len(set(before)) == 10, "ten reports, each its own"

    await dump(settings, tmp_path / "backup")
    await restore(empty_server, tmp_path / "backup")
    async with served(empty_server) as (there, again):
        assert await figures(again, questions) == before
        assert (await again.get("/api/v1/me", headers=old)).status_code == 401, "a copy's tokens are strangers'"
        mine = await bearer(again, MINE)
        now = await report(again, mine)
        assert (now["totals"]["credited_fen"], now["totals"]["flagged_fen"]) == (4 * FEN, 4 * FEN), "flags stay open"

        had = await last_number(there)
        await sells(there, bank, other)
        assert await last_number(there) > had, "the order of commits goes on"
        assert (await report(again, mine))["totals"]["credited_fen"] == 5 * FEN
        assert await report(again, mine, known_at=now["known_at"]) == now, "asked again with its own moment"
        assert await figures(again, questions) == before
        assert (await seal_new(there, KEY, now=clock.now())).entries == 2, "what came since is sealed"
        verified = await verify(there, public_keys=[KEY.public_hex])
        assert (verified.differences, verified.entries, verified.unsealed) == ((), 10, 0)


async def report(client: AsyncClient, headers: Mapping[str, str], **asked: str) -> dict[str, Any]:
    answer = await client.get(SALES, params=PERIOD | asked, headers=headers)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_back_to_where_it_came_from(
    settings: Settings, database: Database, empty_server: Settings, tmp_path: Path
) -> None:
    """Two moves are two epochs; the second one goes on above the first one's numbers, too."""
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await sells(database, bank, other)
    await dump(settings, tmp_path / "first")
    await database.close()
    await restore(empty_server, tmp_path / "first")
    there = await opened(empty_server)
    for _ in range(40):
        await sells(there, bank, other)
    had = await last_number(there)
    await there.close()
    await dump(empty_server, tmp_path / "second")
    await restore(settings, tmp_path / "second")
    home = await opened(settings)
    await sells(home, bank, other)
    assert await last_number(home) > had
    async with home.reading() as session:
        epochs = (await session.execute(text("SELECT number FROM commit_epoch ORDER BY number"))).scalars().all()
    assert epochs == [1, 2, 3]
    await home.close()


async def test_what_was_known_after_the_backup_is_not_told_otherwise(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    """Into the same cluster too: what the lost hours had is answered by nobody."""
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await sells(database, bank, other)
    at_backup = clock.now().isoformat()
    await dump(settings, tmp_path / "backup")
    await asyncio.sleep(1.1)  # looked at less often than this, nobody says what was known in between
    await sells(database, bank, other)
    lost = clock.now().isoformat()
    await database.close()
    await restore(settings, tmp_path / "backup")
    async with served(settings) as (there, client):
        await somebody(there, MINE, Grant(Role.STAFF, "all", "*"))
        mine = await bearer(client, MINE)
        for _ in range(2):
            answer = await client.get(SALES, params=PERIOD | {"known_at": lost}, headers=mine)
            assert (answer.status_code, answer.json()["code"]) == (422, "nothing_known_then"), answer.text
        now = await report(client, mine)
        assert now["totals"]["credited_fen"] == FEN + 7
        before = await client.get(SALES, params=PERIOD | {"known_at": at_backup}, headers=mine)
        assert before.status_code in {200, 422}, "its last second was seen by nobody who is left"


async def test_a_backup_of_something_else_replaces_nothing(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    """pg_restore brings nothing of another schema, and is content."""
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await sells(database, bank, other)
    had = await last_number(database)
    await database.close()
    owner = await asyncpg.connect(driver_urls(settings.database_owner_url or "")[0])
    await owner.execute("CREATE SCHEMA elsewhere")
    await owner.execute("CREATE TABLE elsewhere.anything (id int)")
    await owner.close()
    await dump(settings.model_copy(update={"database_schema": "elsewhere"}), tmp_path / "other")
    with pytest.raises(NotOurs):
        await restore(settings, tmp_path / "other")
    again = await opened(settings)
    assert await last_number(again) == had
    await again.close()


async def test_a_dump_brought_in_by_hand_answers_nothing_until_it_was_migrated(
    settings: Settings, database: Database, empty_server: Settings, tmp_path: Path, keys: Keys
) -> None:
    """Its transactions would stand in no order with the old ones."""
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await sells(database, bank, other)
    await dump(settings, tmp_path / "backup")
    by_hand = empty_server.model_copy(update={"database_url": empty_server.database_owner_url})
    await restored_by_hand(by_hand, tmp_path / "backup")
    foreign = await opened(by_hand)
    with pytest.raises(AnotherCluster):
        await last_number(foreign)
    with pytest.raises(AnotherCluster):
        await foreign.hot.fetchval("SELECT 1")
    with pytest.raises(AnotherCluster):
        await keys_of(foreign, by_hand)
    await foreign.close()
    async with served(by_hand, keys) as (_, client):
        answer = await client.get("/api/v1/products")
        assert (answer.status_code, answer.json()["code"]) == (503, "another_cluster")
        assert (await client.get("/readyz")).status_code == 503
    await make_ready(empty_server, empty_server.database_owner_url or "")
    mended = await opened(empty_server)
    had = await last_number(mended)
    await sells(mended, bank, other)
    assert await last_number(mended) > had
    await mended.close()


async def restored_by_hand(settings: Settings, file: Path) -> None:
    address = make_url(settings.database_url or "")
    owner = await asyncpg.connect(driver_urls(settings.database_url or "")[0])
    for statement in PREPARED:
        await owner.execute(statement.format(schema=settings.database_schema))
    await owner.close()
    to = ["-h", str(address.query["host"]), "-U", str(address.username), "-d", str(address.database)]
    command = [embedded.binary("pg_restore"), *to, f"--schema={settings.database_schema}", "--no-privileges", file]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)


async def test_who_is_connected_is_not_pushed_aside(settings: Settings, database: Database, tmp_path: Path) -> None:
    async with database.reading() as session:
        assert await session.scalar(text("SELECT 1")) == 1
        await dump(settings, tmp_path / "backup")
        with pytest.raises(StillConnected):
            await restore(settings, tmp_path / "backup")


async def test_what_is_said_is_the_reason(settings: Settings, database: Database, tmp_path: Path) -> None:
    await database.close()
    (tmp_path / "backup").write_text("x")
    with pytest.raises(DumpFailed) as refused:
        await restore(settings, tmp_path / "backup")
    assert "input file" in (refused.value.detail or "")
    assert "TLS" not in (refused.value.detail or "")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_a_restore_that_is_cut_off_keeps_what_was_there(
    settings: Settings, database: Database, tmp_path: Path, how: signal.Signals
) -> None:
    """Asked to stop, it puts it back; killed, the next one touches nothing and says where it is."""
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await sells(database, bank, other)
    had = await last_number(database)
    await database.close()
    await dump(settings, tmp_path / "backup")
    running = await asyncio.to_thread(restoring_slowly, settings, tmp_path)
    running.send_signal(how)
    await asyncio.to_thread(running.wait, 30)
    if how == signal.SIGKILL:
        (tmp_path / "bad").write_text("x")
        with pytest.raises(RestoreUnfinished) as refused:
            await restore(settings, tmp_path / "bad")
        said = refused.value.detail or ""
        owner = await asyncpg.connect(driver_urls(settings.database_owner_url or "")[0])
        await owner.execute(said[said.index("DROP") : said.index("确认")])
        await owner.close()
    again = await opened(settings)
    assert await last_number(again) == had
    await again.close()


SLOW = """#!/bin/sh
if [ "$1" = --version ]; then exec {own} --version; fi
touch {begun}
exec sleep 60
"""
RESTORING = """
import asyncio, sys
from pathlib import Path
from shop.app.commands import dump, postgres_tools
from shop.core.settings import Settings
postgres_tools._DEBIANS = Path("/nowhere")
asyncio.run(dump.restore(Settings(_env_file=None), Path(sys.argv[1])))
"""


def restoring_slowly(settings: Settings, folder: Path) -> "subprocess.Popen[bytes]":
    """A process that has put aside what was there, and in which pg_restore is at work."""
    slow, begun = folder / "bin" / "pg_restore", folder / "begun"
    slow.parent.mkdir()
    slow.write_text(SLOW.format(begun=begun, own=embedded.binary("pg_restore")))
    slow.chmod(0o755)
    told = {
        "SHOP_ENV": "development",
        "DATABASE_URL": settings.database_url or "",
        "DATABASE_OWNER_URL": settings.database_owner_url or "",
        "DATABASE_SCHEMA": settings.database_schema,
        "PATH": f"{slow.parent}:{os.environ['PATH']}",
    }
    command = [sys.executable, "-c", RESTORING, str(folder / "backup")]
    with (folder / "said").open("w") as said:
        running = subprocess.Popen(command, env=os.environ | told, stderr=said)
    for _ in range(600):
        if begun.exists():
            return running
        time.sleep(0.05)
    raise AssertionError((folder / "said").read_text()[-800:])


async def test_kept_files_come_along_and_are_checked(database: Database, tmp_path: Path) -> None:
    store, other, folder = StoredFiles(MemoryStore()), StoredFiles(MemoryStore()), tmp_path / "files"
    folder.mkdir()
    who = await somebody(database, "staff@shop.test", Grant(Role.STAFF, "all", "*"))
    actor = Actor(who.user_id, who.person_id, new_id(), (Grant(Role.STAFF, "all", "*"),))
    kept = [
        (
            await keep(
                store, database, data=PDF + bytes([n]), file_name="a.pdf", actor=actor, unit_id=None, now=clock.now()
            )
        ).sha256
        for n in range(3)
    ]
    counted: list[int] = []
    assert (await copy_files(database, store, folder, seen=counted.append)).files == 3
    assert counted == [1, 2, 3]
    assert sorted(one.name for one in folder.iterdir()) == sorted(kept)
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in folder.iterdir())
    await other.put(name_of(kept[0]), b"other bytes")
    brought = await bring_files(database, other, folder, seen=counted.append)
    assert (brought.files, brought.missing, brought.changed) == (3, (), ())
    assert [hashlib.sha256(await other.get(name_of(one))).hexdigest() for one in kept] == kept

    (folder / kept[0]).write_bytes(b"rotten")
    again = await copy_files(database, store, folder, seen=counted.append)
    assert (again.missing, again.changed) == ((), ())
    assert hashlib.sha256((folder / kept[0]).read_bytes()).hexdigest() == kept[0], "a copy that rotted is made anew"

    (folder / kept[0]).write_bytes(b"changed")
    (folder / kept[1]).unlink()
    checked = await bring_files(database, StoredFiles(MemoryStore()), folder, seen=counted.append)
    assert (checked.missing, checked.changed) == ((kept[1],), (kept[0],))
