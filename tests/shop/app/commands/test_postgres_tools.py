"""The program that fits the server is asked first: a newer one says what an older server does not know."""

import shutil
from pathlib import Path

import pytest

from shop.app.commands import postgres_tools
from shop.app.commands.postgres_tools import DumpFailed, run_tool

pytestmark = pytest.mark.anyio
PROGRAM = """#!/bin/sh
if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) {major}.4 (Debian {major}.4-1)"; exit; fi
echo "{major} $*" >> {asked}
echo "pg_dump: error: unsupported version (1.16) in file header" >&2
exit {code}
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As Debian keeps them, and nothing else of the machine's; returns where each notes that it was asked."""
    for major, code in ((14, 0), (15, 0), (17, 1), (19, 1)):
        program = tmp_path / str(major) / "bin" / "pg_dump"
        program.parent.mkdir(parents=True)
        program.write_text(PROGRAM.format(major=major, asked=tmp_path / "asked", code=code))
        program.chmod(0o755)
    monkeypatch.setattr(postgres_tools, "_DEBIANS", tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    return tmp_path / "asked"


def asked(file: Path) -> list[str]:
    return file.read_text().splitlines()


@pytest.mark.parametrize(
    ("server", "order"), [(15, ["15"]), (16, ["17", "19", "15"]), (17, ["17", "19", "15"]), (20, ["19", "17", "15"])]
)
async def test_the_servers_own_version_then_newer_ones_then_older_ones(
    installed: Path, server: int, order: list[str], postgres: Path
) -> None:
    """Until one succeeds. 18 is the wheel's, which finds no such server."""
    await run_tool("postgresql+asyncpg://owner@/nothing?host=/nowhere", "pg_dump", "--schema=public", server=server)
    assert [line.split()[0] for line in asked(installed)] == order


async def test_what_each_of_them_said(installed: Path) -> None:
    for program in installed.parent.glob("1[45]"):
        shutil.rmtree(program)
    with pytest.raises(DumpFailed) as failed:
        await run_tool("postgresql+asyncpg://owner@/nothing?host=/nowhere", "pg_dump", server=15)
    assert "unsupported version (1.16) in file header" in (failed.value.detail or "")
    assert "postgresql-client-15" in (failed.value.detail or "")


async def test_several_hosts_are_one_list(installed: Path) -> None:
    address = "postgresql+asyncpg://owner:hidden@/bangfu?host=db1:5432&host=db2:5433&target_session_attrs=read-write"
    await run_tool(address, "pg_dump", "--schema=public", server=15)
    assert asked(installed) == ["15 --dbname=bangfu --username=owner --host=db1,db2 --port=5432,5433 --schema=public"]
