"""Whoever starts the embedded PostgreSQL may be killed at any moment: the lasting server lasts, the other one dies."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from shop.core.postgres.embedded import binary, ensure_persistent, stop_persistent, throwaway

PROJECT = Path(__file__).parents[2]
MEMORY = Path("/dev/shm")  # noqa: S108  # quick, and every test makes a private folder in it
IMPORTS = (
    "import sys, time; from pathlib import Path; from shop.core.postgres import embedded\nroot = Path(sys.argv[1])\n"
)
STAYING = IMPORTS + "print(embedded.ensure_persistent(root), flush=True); time.sleep(60)"
VANISHING = IMPORTS + "with embedded.throwaway(root) as socket: print(socket, flush=True); time.sleep(60)"


def answers(socket: Path) -> bool:
    return subprocess.run([str(binary("pg_isready")), "-q", "-h", str(socket)], check=False).returncode == 0


def start(code: str, root: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_with_all_of_its_group(process: "subprocess.Popen[str]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def kill_all_that_work_in(root: Path) -> None:
    """Until the last is gone: a killed process takes a moment to die."""
    found = True
    while found:
        found = False
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(root):
                    os.kill(int(process.name), signal.SIGKILL)
                    found = True


def socket_of(process: "subprocess.Popen[str]") -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


@pytest.fixture
def place() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bangfu-place-", dir=MEMORY if MEMORY.exists() else None))
    yield folder
    stop_persistent(folder / "postgres")
    shutil.rmtree(folder)


def test_server_outlives_its_killed_starter_and_is_found_again(place: Path) -> None:
    starter = start(STAYING, place / "postgres")
    socket = socket_of(starter)
    server = (place / "postgres" / "data" / "postmaster.pid").read_text()
    kill_with_all_of_its_group(starter)
    assert answers(socket)
    assert ensure_persistent(place / "postgres") == socket
    assert (place / "postgres" / "data" / "postmaster.pid").read_text() == server


@pytest.mark.parametrize("started_programs", ["go on", "die too"])
def test_starter_killed_half_way_leaves_nothing_that_the_next_cannot_use(place: Path, started_programs: str) -> None:
    root = place / "postgres"
    for seconds in (0.08, 0.15, 0.25, 0.35, 0.5):
        starter = start(STAYING, root)
        with suppress(subprocess.TimeoutExpired):
            starter.wait(seconds)
        kill_with_all_of_its_group(starter)
        if started_programs == "die too":
            kill_all_that_work_in(root)
    assert answers(ensure_persistent(root))


def test_starter_killed_between_fork_and_ready(place: Path) -> None:
    root = place / "postgres"
    ensure_persistent(root)
    for seconds in (0.07, 0.1, 0.13):
        stop_persistent(root)
        starter = start(STAYING, root)
        with suppress(subprocess.TimeoutExpired):
            starter.wait(seconds)
        kill_with_all_of_its_group(starter)
        assert answers(ensure_persistent(root))


def test_throwaway_dies_with_its_killed_caller_and_is_swept_away(place: Path) -> None:
    caller = start(VANISHING, place)
    socket = socket_of(caller)
    assert answers(socket)
    kill_with_all_of_its_group(caller)
    deadline = time.monotonic() + 10
    while (socket / "data" / "postmaster.pid").exists():
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.02)
    assert not answers(socket)

    with throwaway(place) as another:
        assert not socket.exists()
        with throwaway(place):
            assert answers(another), "a sweep must not take a server in use"
    assert list(place.iterdir()) == []
