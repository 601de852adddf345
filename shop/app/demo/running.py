"""The real processes of the played day: a PostgreSQL of its own, the web process and the worker."""

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from shop.core.postgres import embedded
from shop.core.settings import Settings

DATABASE: Final = "bangfu_demo"
STOPPING_SECONDS: Final = 30
_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG


class ProcessEnded(Exception):
    """A process of the demo ended although nobody told it to."""


@contextmanager
def clean_database(settings: Settings) -> Iterator[Settings]:
    """Settings of a development shop on an empty database in `.data/demo`, whatever the environment says.

    The server is stopped at the end: it is the demo's own, so nobody else's shop stops with it.
    """
    root = settings.data_folder / "demo"
    server = embedded.ensure_persistent(root)
    try:
        embedded.drop_database(server, DATABASE)
        embedded.prepare(server, DATABASE)
        yield Settings(
            _env_file=None,
            shop_env="development",
            database_url=embedded.url(server, DATABASE, embedded.APP_ROLE),
            database_owner_url=embedded.url(server, DATABASE, embedded.OWNER_ROLE),
            database_replica_url=None,
            database_schema="public",
            public_url=f"http://127.0.0.1:{_free_port()}",
            stripe_secret_key=None,
            stripe_webhook_secret=None,
            data_folder=settings.data_folder,
        )
    finally:
        embedded.stop_persistent(root)


@dataclass
class Processes:
    """running: by name. Their logs are `{name}.log` in `folder`."""

    folder: Path
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def check(self) -> None:
        """Raises ProcessEnded."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessEnded(f"{name} 进程意外结束（{process.returncode}），原因见 {self.folder / name}.log")


@asynccontextmanager
async def web_and_worker(settings: Settings) -> AsyncIterator[Processes]:
    """Both started; they end with the block, and with this process, however it dies."""
    folder = settings.data_folder / "demo"
    port = str(httpx.URL(settings.public_url).port)
    processes = Processes(folder)
    try:
        for name, command in {
            "web": ["-m", "shop.app.main", "--port", port],
            "worker": ["-m", "shop.app.cli", "work"],
        }.items():
            processes.running[name] = _start(command, folder / f"{name}.log", _environment(settings))
        yield processes
    finally:
        await _stop(processes)


def _start(command: list[str], log: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    system, parent = ctypes.CDLL(None), os.getpid()

    def end_with_the_parent() -> None:
        os.setpgrp()  # Ctrl-C comes to us alone: we tell them when
        system.prctl(_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    with log.open("wb") as written:
        # Before the command only the system is called: no thread holds a lock that this could wait for.
        return subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            stdout=written,
            stderr=written,
            preexec_fn=end_with_the_parent,  # noqa: PLW1509
        )


async def _stop(processes: Processes) -> None:
    for process in processes.running.values():
        with suppress(ProcessLookupError):
            process.terminate()
    for process in processes.running.values():
        try:
            await asyncio.to_thread(process.wait, STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    """The environment goes before `.env`, so blanks keep real keys of the machine out of a demo."""
    return os.environ | {
        "SHOP_ENV": settings.shop_env,
        "DATABASE_URL": settings.database_url or "",
        "DATABASE_OWNER_URL": settings.database_owner_url or "",
        "DATABASE_REPLICA_URL": "",
        "DATABASE_SCHEMA": settings.database_schema,
        "PUBLIC_URL": settings.public_url,
        "SECRET_KEY": settings.secret_key,
        "STRIPE_SECRET_KEY": "",
        "STRIPE_WEBHOOK_SECRET": "",
        "OPERATOR_PORT": "",  # the machine's own shop may have them
        "WORKER_OPERATOR_PORT": "",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
