"""What production refuses, asked of the commands themselves: web, worker, and whatever makes demo accounts."""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from time import monotonic

import httpx
import pytest
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.settings import DEVELOPMENT_SEAL_KEY, DEVELOPMENT_SECRET
from tests.make import started as processes
from tests.make.people import ask_token, somebody
from tests.make.processes import PROJECT, free_port
from tests.make.production import environment, taken_over

WEB = ("shop.app.main", "--port", "0")
WORKER = ("shop.app.cli", "work")
SERVE = ("shop.app.cli", "serve", "--port", "0")
STARTED_S = 120


def run(folder: Path, command: tuple[str, ...], told: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command with nothing but this environment, in a folder without `.env`, until it ends by itself."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "COLUMNS": "200"} | told
    return processes.run(*command, folder=folder, environment=environment, timeout=STARTED_S)


def refused(folder: Path, command: tuple[str, ...], told: dict[str, str]) -> str:
    """The one line that it says no with."""
    done = run(folder, command, told)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


@pytest.fixture
def production(postgres: Path, database_name: str, database_url: str, schema: str) -> dict[str, str]:
    """All that an operator sets, on this test's database, as the application's role."""
    asyncio.run(taken_over(embedded.url(postgres, database_name, embedded.OWNER_ROLE), schema))
    return environment(DATABASE_URL=database_url, DATABASE_SCHEMA=schema)


@pytest.mark.parametrize("command", [WEB, WORKER, SERVE, ("shop.app.cli", "migrate"), ("shop.app.cli", "seed")])
def test_a_server_without_shop_env_is_nobodys(tmp_path: Path, database_url: str, command: tuple[str, ...]) -> None:
    said = refused(tmp_path, command, {"DATABASE_URL": database_url})
    assert "SHOP_ENV is not set" in said
    assert "set SHOP_ENV=production" in said
    assert database_url not in said


@pytest.mark.parametrize("command", [WEB, WORKER])
def test_a_secret_that_opens_nothing_is_said_in_a_line(
    tmp_path: Path, production: dict[str, str], command: tuple[str, ...]
) -> None:
    said = refused(tmp_path, command, production | {"SECRET_KEY": (secret := token_hex(32))})
    assert "SECRET_KEY_FALLBACKS" in said
    assert secret not in said


@pytest.mark.parametrize(
    ("command", "name", "bad"),
    [
        (WEB, "SEAL_KEY", DEVELOPMENT_SEAL_KEY),
        (WORKER, "SECRET_KEY", DEVELOPMENT_SECRET),
        (SERVE, "SECRET_KEY", "Kq8RtYw3NcXv7BpDs2HjGa9"),
        (WORKER, "STRIPE_API_BASE", "https://stripe.example"),
    ],
)
def test_weak_secrets_and_another_stripe(
    tmp_path: Path, production: dict[str, str], command: tuple[str, ...], name: str, bad: str
) -> None:
    said = refused(tmp_path, command, production | {name: bad})
    assert name in said
    assert bad not in said
    if command == WEB:
        assert doctor(tmp_path, production | {name: bad}) == [
            {"name": "settings", "ok": False, "said": said.strip()}
        ], "the doctor says the same"


@pytest.mark.parametrize(
    ("command", "role", "why"),
    [
        (WEB, embedded.OWNER_ROLE, "拥有数据表"),
        (WORKER, embedded.OWNER_ROLE, "拥有数据表"),
        (WEB, "postgres", "超级用户"),
        (WORKER, "heir_of_owner", "拥有数据表"),
    ],
)
def test_the_owners_role(
    tmp_path: Path,
    production: dict[str, str],
    postgres: Path,
    database_name: str,
    command: tuple[str, ...],
    role: str,
    why: str,
) -> None:
    embedded._psql(
        postgres,
        """
        SELECT 'CREATE ROLE heir_of_owner LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'heir_of_owner')
        \\gexec
        SELECT format('GRANT %I TO heir_of_owner', :'owner') \\gexec
        """,
        owner=embedded.OWNER_ROLE,
    )
    strong = production | {"DATABASE_URL": embedded.url(postgres, database_name, role)}
    said = refused(tmp_path, command, strong)
    assert why in said
    assert role in said
    assert "bangfu_app" in said, "it says what to take instead"
    found = {one["name"]: one for one in doctor(tmp_path, strong)}
    assert (found["role"]["ok"], why in found["role"]["said"]) == (False, True)


@pytest.mark.parametrize("command", [WEB, WORKER])
def test_a_role_that_cannot_be_asked_about(
    tmp_path: Path, production: dict[str, str], command: tuple[str, ...]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"postgresql+asyncpg://app@127.0.0.1:{nobody.getsockname()[1]}/bangfu"
        assert "数据库没有应答" in refused(tmp_path, command, production | {"DATABASE_URL": away})


def doctor(folder: Path, told: dict[str, str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run(folder, ("shop.app.cli", "doctor", "--json"), told).stdout)
    return found


@contextmanager
def started(folder: Path, command: tuple[str, ...], told: dict[str, str]) -> Iterator[Path]:
    """A command that goes on until the block ends; yields its log."""
    log = folder / "log"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)} | told
    running = processes.start(*command, folder=folder, environment=environment, out=log)
    try:
        yield log
    finally:
        running.terminate()
        running.wait(STARTED_S)


async def until(check: Callable[[], Awaitable[bool]], log: Path) -> None:
    deadline = monotonic() + STARTED_S
    while not await check():
        assert monotonic() < deadline, log.read_text()  # noqa: ASYNC240
        await asyncio.sleep(0.2)


@pytest.mark.anyio
async def test_web_starts_and_knows_no_demo_account(
    tmp_path: Path, production: dict[str, str], database: Database
) -> None:
    for email in ("admin@demo.test", "ada@example.com"):
        await somebody(database, email, Grant(Role.ADMINISTRATOR, "all", "*"))
    here, operators = free_port(), free_port()
    told = production | {"OPERATOR_PORT": str(operators)}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{here}", trust_env=False, timeout=30) as http:

        async def alive() -> bool:
            with suppress(httpx.TransportError):
                return (await http.get("/healthz")).status_code == 200
            return False

        with started(tmp_path, ("shop.app.main", "--port", str(here)), told) as log:
            await until(alive, log)
            assert (await http.get("/metrics")).status_code == 404
            assert "shop_http_requests" in (await http.get(f"http://127.0.0.1:{operators}/metrics")).text
            demo, unknown = [await ask_token(http, email) for email in ("admin@demo.test", "nobody@example.com")]
            assert (demo.status_code, demo.json()) == (401, unknown.json())
            assert (await ask_token(http, "ada@example.com")).status_code == 200
            await told_of_the_proxy(tmp_path, told)
            assert (
                "shop_unknown_proxy_sign_ins_total 3.0"
                in (await http.get(f"http://127.0.0.1:{operators}/metrics")).text
            )
            assert (await http.post("/sandbox/payments/x/succeed")).status_code == 404


async def told_of_the_proxy(folder: Path, told: dict[str, str]) -> None:
    """Callers come from loopback: whoever stands there is no stranger by himself."""
    for proxies, strange in (("10.0.0.1", True), ("127.0.0.1", False)):
        more = {"TRUSTED_PROXIES": proxies}
        found = {one["name"]: one for one in await asyncio.to_thread(doctor, folder, told | more)}
        assert found["proxies"]["ok"]
        assert found["strange proxies"]["ok"] is not strange
        assert ("127.0.0.1" in str(found["strange proxies"]["said"])) is strange


@pytest.mark.anyio
async def test_the_worker_starts(tmp_path: Path, production: dict[str, str], database: Database) -> None:
    async def beats() -> bool:
        async with database.reading() as session:
            return bool(await session.scalar(text("SELECT count(*) FROM heartbeat")))

    with started(tmp_path, WORKER, production) as log:
        await until(beats, log)


def test_a_worker_whose_port_is_taken_says_so(tmp_path: Path, production: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(tmp_path, WORKER, production | {"WORKER_OPERATOR_PORT": port})
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"127.0.0.1:{port}" in done.stderr.splitlines()[-1]


def test_a_port_is_the_operators_or_the_shops(tmp_path: Path, production: dict[str, str]) -> None:
    here = str(free_port())
    said = refused(tmp_path, ("shop.app.main", "--port", here), production | {"OPERATOR_PORT": here})
    assert "OPERATOR_PORT" in said


@pytest.mark.parametrize(
    "command",
    [
        ("shop.app.cli", "seed", "--demo"),
        ("shop.app.cli", "demo"),
        ("shop.app.cli", "user", "create", "Admin@Demo.test", "管理丑（虚构）"),
        ("shop.app.cli", "user", "create", "staff@other.test", "帮扶办（虚构）"),
    ],
)
def test_nobody_makes_demo_accounts(tmp_path: Path, production: dict[str, str], command: tuple[str, ...]) -> None:
    said = refused(tmp_path, command, production | {"SHOP_PASSWORD": "demo-password-2026"})
    assert "生产环境不要演示账号" in said
    assert "SHOP_ENV=development" in said


@pytest.mark.anyio
async def test_the_doctor_names_demo_accounts(tmp_path: Path, production: dict[str, str], database: Database) -> None:
    before = {one["name"]: one for one in doctor(tmp_path, production)}
    assert before["demo accounts"]["ok"]
    assert before["role"]["ok"]
    assert (before["proxies"]["ok"], "TRUSTED_PROXIES" in str(before["proxies"]["said"])) == (False, True)
    for email in ("admin@demo.test", "employee@other.test", "ada@example.com"):
        await somebody(database, email)
    after = {one["name"]: one for one in doctor(tmp_path, production)}
    assert after["demo accounts"] == {
        "name": "demo accounts", "ok": False, "said": "2: admin@demo.test, employee@other.test"
    }  # fmt: skip
    development = production | {"SHOP_ENV": "development"}
    assert {one["name"]: one for one in doctor(tmp_path, development)}["demo accounts"]["ok"]
