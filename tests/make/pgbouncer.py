"""PgBouncer as `docs/pgbouncer.ini` sets it up, in front of the throwaway server."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from sqlalchemy import make_url

from shop.core.postgres import embedded
from shop.core.postgres.postmaster import account_for
from tests.make.processes import PROJECT, free_port

STARTED_S = 10


@contextmanager
def pgbouncer(server: Path, *, size: int) -> Iterator[int]:
    """Its port. size: connections to the server: so few that every one of them has served everybody."""
    account, port = account_for(server), free_port()  # neither it nor PostgreSQL wants to be root
    with TemporaryDirectory(prefix="bangfu-pgbouncer-") as folder, (Path(folder) / "log").open("w+b") as log:
        home = Path(folder)
        (home / "users").write_text(f'"{embedded.APP_ROLE}" ""\n"{embedded.OWNER_ROLE}" ""\n')
        (home / "ini").write_text(_set_up(server, port, home, size))
        for file in (home, *home.iterdir()):
            os.chown(file, -1 if account.uid is None else account.uid, -1)
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        command = [*account.prefix, program, str(home / "ini")]
        running = subprocess.Popen(command, stdout=log, stderr=log, user=account.uid, cwd="/")
        try:
            deadline = monotonic() + STARTED_S
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                if running.poll() is not None or monotonic() > deadline:
                    raise AssertionError((home / "log").read_text())
                sleep(0.05)
            yield port
        finally:
            running.kill()
            running.wait()


def _set_up(server: Path, port: int, home: Path, size: int) -> str:
    """What an operator is given, at this address. The throwaway server has no passwords: nobody is asked for one."""
    said = (PROJECT / "docs" / "pgbouncer.ini").read_text()
    for name, value in {
        "bangfu": f"host={server} port=5432\n* = host={server} port=5432",
        "listen_port": f"{port}\nunix_socket_dir =",
        "auth_type": "trust",
        "auth_file": str(home / "users"),
        "default_pool_size": str(size),
    }.items():
        said, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", said, flags=re.MULTILINE)
        assert found == 1, name
    return said


def through(url: str | None, port: int) -> str:
    """The same database, by way of PgBouncer."""
    return make_url(url or "").set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
