"""Processes of the shop that begin where their imports are done: two seconds of each start, and there are hundreds.

Each is a process of its own with its own environment, folder and streams, and is forked from one that has only
imported. What the start itself does is asked of `python -m` (tests/shop/app/test_cli.py, the drills).
"""

import importlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import context, get_context
from pathlib import Path
from typing import Final

_FORKS: Final = get_context("forkserver")
_FORKS.set_forkserver_preload(["shop.app.cli", "shop.app.main", "shop.app.worker", "shop.core.server"])


class Started:
    """What subprocess.Popen offers, of such a process."""

    def __init__(self, process: context.ForkServerProcess) -> None:
        self.process = process

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired([self.process.name], timeout or 0)
        return self.process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    module: str, *arguments: str, folder: Path, environment: Mapping[str, str], out: Path, error: Path | None = None
) -> Started:
    """`python -m module arguments` with nothing but this environment; what it says is added to the files."""
    told = (module, arguments, str(folder), dict(environment), str(out), str(error or out))
    process = _FORKS.Process(target=_become, args=told, name=f"{module} {' '.join(arguments)}", daemon=True)
    process.start()
    return Started(process)


def run(
    module: str, *arguments: str, folder: Path, environment: Mapping[str, str], timeout: float | None = None
) -> "subprocess.CompletedProcess[str]":
    """The same, until it ends by itself. Raises TimeoutExpired."""
    with tempfile.TemporaryDirectory() as said:
        out, error = Path(said, "out"), Path(said, "error")
        started = start(module, *arguments, folder=folder, environment=environment, out=out, error=error)
        try:
            code = started.wait(timeout)
        finally:
            started.kill()
        return subprocess.CompletedProcess([module, *arguments], code, out.read_text(), error.read_text())


def _become(
    module: str, arguments: tuple[str, ...], folder: str, environment: dict[str, str], out: str, error: str
) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for stream, file in ((1, out), (2, error)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    started = importlib.import_module(module)
    sys.argv = [str(started.__file__), *arguments]
    started.main()
