"""The shop as an operator runs it: a web process and a worker, which a test may kill."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shop.core.settings import Settings
from tests.make import started

PROJECT = Path(__file__).parents[2]


@dataclass
class Processes:
    """Development's shop on the settings' database, at `url`. Logs go to `folder`. more: of the environment. code: the
    tree that is run, another release's perhaps.
    """

    settings: Settings
    folder: Path
    port: int
    more: dict[str, str] = field(default_factory=dict)
    running: dict[str, "started.Started | subprocess.Popen[bytes]"] = field(default_factory=dict)
    code: Path = PROJECT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *names: str) -> None:
        """`web`, `worker`, `migrate`."""
        commands = {
            "web": [f"{self.top}.main", "--port", str(self.port)],
            "worker": [f"{self.top}.cli", "work"],
            "migrate": [f"{self.top}.cli", "migrate"],
        }
        for name in names:
            self.running[name] = self._started(commands[name], self.folder / f"{name}.log")

    def _started(self, command: list[str], log: Path) -> "started.Started | subprocess.Popen[bytes]":
        if self.code == PROJECT:  # in a folder where there is no `.env`
            return started.start(*command, folder=self.folder, environment=self.environment, out=log)
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", *command], cwd=self.folder, env=self.environment, stdout=out, stderr=out
            )

    def shop(self, *command: str) -> str:
        """What a command prints. Raises CalledProcessError."""
        if self.code == PROJECT:
            done = started.run(f"{self.top}.cli", *command, folder=self.folder, environment=self.environment)
            done.check_returncode()
            return done.stdout
        return subprocess.run(
            [sys.executable, "-m", f"{self.top}.cli", *command],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True, check=True,
        ).stdout  # fmt: skip

    def stop(self, *names: str) -> None:
        """As an operator does: what is under way may end."""
        for name in names:
            self.running[name].terminate()
        for name in names:
            assert self.running.pop(name).wait(60) in {0, -signal.SIGTERM}, name

    def kill(self, *names: str) -> None:
        """SIGKILL: no goodbye, and nothing of it is left."""
        for name in names:
            self.running[name].send_signal(signal.SIGKILL)
            self.running.pop(name).wait()

    @property
    def top(self) -> str:
        """Where what starts things lies: the first release had it in `shop` itself."""
        return "shop.app" if (self.code / "shop" / "app").is_dir() else "shop"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.code),
            "SHOP_ENV": self.settings.shop_env,
            "DATABASE_URL": self.settings.database_url or "",
            "DATABASE_OWNER_URL": self.settings.database_owner_url or "",
            "DATABASE_SCHEMA": self.settings.database_schema,
            "PUBLIC_URL": self.url,
            "MAIL_URL": self.settings.mail_url or "",
        } | self.more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def processes(settings: Settings, folder: Path, **more: str) -> Iterator[Processes]:
    """Nothing runs yet; whatever still runs at the end is killed."""
    made = Processes(settings, folder, free_port(), more)
    try:
        yield made
    finally:
        made.kill(*list(made.running))
