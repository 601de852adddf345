"""What production refuses, asked of the commands themselves: web, worker, and whatever makes demo accounts."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shop.core import embedded
from shop.core.database import Database
from shop.core.settings import DEVELOPMENT_SEAL_KEY, DEVELOPMENT_SECRET
from tests.make.people import somebody
from tests.make.processes import PROJECT
from tests.make.production import environment

WEB = ("-m", "shop.main", "--port", "0")
WORKER = ("-m", "shop.cli", "work")
SERVE = ("-m", "shop.cli", "serve", "--port", "0")
STARTED_S = 60


def run(folder: Path, command: tuple[str, ...], told: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command with nothing but this environment, in a folder without `.env`, until it ends by itself."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "COLUMNS": "200"} | told,
        capture_output=True,
        text=True,
        timeout=STARTED_S,
        check=False,
    )


def refused(folder: Path, command: tuple[str, ...], told: dict[str, str]) -> str:
    """The one line that it says no with."""
    done = run(folder, command, told)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


@pytest.fixture
def production(database_url: str, schema: str) -> dict[str, str]:
    """All that an operator sets, on this test's database, as the application's role."""
    return environment(DATABASE_URL=database_url, DATABASE_SCHEMA=schema)


@pytest.mark.parametrize("command", [WEB, WORKER, SERVE, ("-m", "shop.cli", "migrate"), ("-m", "shop.cli", "seed")])
def test_a_server_without_shop_env_is_nobodys(tmp_path: Path, database_url: str, command: tuple[str, ...]) -> None:
    said = refused(tmp_path, command, {"DATABASE_URL": database_url})
    assert "SHOP_ENV is not set" in said
    assert "set SHOP_ENV=production" in said
    assert database_url not in said


@pytest.mark.parametrize("command", [WEB, WORKER])
@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("SEAL_KEY", DEVELOPMENT_SEAL_KEY),
        ("SECRET_KEY", DEVELOPMENT_SECRET),
        ("SECRET_KEY", "x" * 64),
        ("SECRET_KEY", "changeme-changeme-changeme-changeme"),
        ("SECRET_KEY", "Kq8RtYw3NcXv7BpDs2HjGa9"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_1"),
        ("STRIPE_API_BASE", "https://stripe.example"),
    ],
)
def test_weak_secrets_and_another_stripe(
    tmp_path: Path, production: dict[str, str], command: tuple[str, ...], name: str, bad: str
) -> None:
    said = refused(tmp_path, command, production | {name: bad})
    assert name in said
    assert bad not in said
    found = json.loads(run(tmp_path, ("-m", "shop.cli", "doctor", "--json"), production | {name: bad}).stdout)
    assert (found[0]["name"], found[0]["ok"]) == ("settings", False)
    assert found[0]["said"] in said, "the doctor says the same"


@pytest.mark.parametrize("command", [WEB, WORKER])
@pytest.mark.parametrize(
    ("role", "why"),
    [(embedded.OWNER_ROLE, "拥有数据表"), ("postgres", "超级用户"), ("heir_of_owner", "拥有数据表")],
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
    found: list[dict[str, object]] = json.loads(run(folder, ("-m", "shop.cli", "doctor", "--json"), told).stdout)
    return found


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "shop.cli", "seed", "--demo"),
        ("-m", "shop.cli", "demo"),
        ("-m", "shop.cli", "user", "create", "Admin@Demo.test", "管理丑（虚构）"),
        ("-m", "shop.cli", "user", "create", "staff@other.test", "帮扶办（虚构）"),
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
    assert "TRUSTED_PROXIES" in str(before["proxies"]["said"])
    for email in ("admin@demo.test", "employee@other.test", "ada@example.com"):
        await somebody(database, email)
    after = {one["name"]: one for one in doctor(tmp_path, production)}
    assert after["demo accounts"] == {
        "name": "demo accounts", "ok": False, "said": "2: admin@demo.test, employee@other.test"
    }  # fmt: skip
    development = production | {"SHOP_ENV": "development"}
    assert {one["name"]: one for one in doctor(tmp_path, development)}["demo accounts"]["ok"]
