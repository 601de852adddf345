"""A PostgreSQL with TLS of its own: migrated, backed up and restored with `sslmode=verify-full` over TCP alone."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic, sleep

import asyncpg
import pytest
from sqlalchemy import text

from shop.core.database import Database
from shop.core.postgres.database_url import driver_urls
from shop.core.postgres.postmaster import account_for, claim
from shop.core.settings import Settings
from tests.make.processes import free_port
from tests.make.smtp import certificate
from tests.shop.core.test_encrypted import shop

pytestmark = [pytest.mark.anyio, pytest.mark.drill]
STARTED_S = 30
_ROLES = "CREATE ROLE bangfu_owner LOGIN CREATEDB PASSWORD 'o'; CREATE ROLE bangfu_app LOGIN PASSWORD 'a'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The machine's own PostgreSQL (the wheel's has no TLS), which lets in over TLS with a password and nobody else."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    _, trusted = certificate(tmp_path)
    with _folder() as home, (tmp_path / "log").open("ab") as log:
        account = account_for(home)
        claim(home, account)
        uid = -1 if account.uid is None else account.uid
        shutil.copy(tmp_path / "server.pem", home / "server.pem")
        (home / "server.pem").chmod(0o600)
        os.chown(home / "server.pem", uid, -1)

        def run(name: str, *arguments: str) -> "subprocess.Popen[bytes]":
            command = [*account.prefix, str(programs / name), *arguments]
            return subprocess.Popen(command, cwd=home, user=account.uid, stdout=log, stderr=log)

        assert not run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "--locale=C.UTF-8", "-E", "UTF8").wait()
        (home / "data" / "pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\n")
        port = free_port()
        told = {
            "port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(home), "ssl": "on",
            "ssl_cert_file": str(home / "server.pem"), "ssl_key_file": str(home / "server.pem"), "fsync": "off",
        }  # fmt: skip
        running = run("postgres", "-D", "data", *(word for one in told.items() for word in ("-c", "=".join(one))))
        try:
            _wait_for(port, tmp_path / "log")
            for statement in (_ROLES, "CREATE DATABASE bangfu OWNER bangfu_owner TEMPLATE template0"):
                command = [programs / "psql", "-h", home, "-p", str(port), "-U", "postgres", "-qc", statement]
                subprocess.run(command, check=True)
            yield port, trusted
        finally:
            running.terminate()
            running.wait()


@contextmanager
def _folder() -> Iterator[Path]:
    made = Path(mkdtemp(prefix="bangfu-tls-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def _wait_for(port: int, log: Path) -> None:
    deadline = monotonic() + STARTED_S
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert monotonic() < deadline, log.read_text()
        sleep(0.05)


async def test_migrated_backed_up_and_restored_by_name(server: tuple[int, Path], tmp_path: Path) -> None:
    port, trusted = server

    def url(who: str, host: str = "localhost", how: str = f"sslmode=verify-full&sslrootcert={trusted}") -> str:
        return f"postgresql://bangfu_{who}:{who[0]}@{host}:{port}/bangfu?{how}"

    settings = Settings(
        _env_file=None, shop_env="development", database_url=url("app"), database_owner_url=url("owner"),
    )  # fmt: skip
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(driver_urls(url("app", how="sslmode=disable"))[0])
    assert (await shop(settings, "migrate"))[0] == 0
    there = await Database.open(url("app"))
    add = text("INSERT INTO county (code, name, province, source) VALUES ('999991', '示例县', '示例省', 'test')")
    async with there.transaction() as session:
        await session.execute(add)
        assert await session.scalar(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    await there.close()
    file = tmp_path / "backup"
    code, _, said = await shop(settings, "backup", str(file), "--no-files")
    assert code == 0, said
    again = await Database.open(url("app"))
    async with again.transaction() as session:
        await session.execute(text("DELETE FROM county"))
    await again.close()
    wrong = settings.model_copy(update={"database_owner_url": url("owner", "127.0.0.2")})
    for command in (("migrate",), ("backup", str(tmp_path / "another"), "--no-files"), ("restore", str(file), "--yes")):
        code, _, said = await shop(wrong, *command)
        assert (code, said.count("\n"), "127.0.0.2" in said) == (1, 1, True), said
    code, _, said = await shop(settings, "restore", str(file), "--yes")
    assert code == 0, said
    last = await Database.open(url("app"))
    async with last.reading() as session:
        assert await session.scalar(text("SELECT name FROM county")) == "示例县"
    await last.close()
