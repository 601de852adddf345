"""The layout of every measurement: one web process on one core; the database and the load on the other."""

import asyncio
import contextlib
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shop.app.migrate import migrate
from shop.core.postgres import embedded

WEB_CORE, LOAD_CORE = 0, 1
SECRET = secrets.token_hex(32)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL on disk, with fsync, on the load's core."""

    socket: Path
    name: str = "bench"

    def url(self, role: str = embedded.APP_ROLE) -> str:
        return embedded.url(self.socket, self.name, role)

    def pgbench(self, script: Path, *, clients: int, seconds: int, **variables: object) -> float:
        """Transactions per second of a pinned script."""
        command = [
            str(embedded.binary("pgbench")), "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1",
            f"--time={seconds}", f"--file={script}", f"--host={self.socket}", f"--username={embedded.APP_ROLE}",
            *(f"--define={key}={value}" for key, value in variables.items()), self.name,
        ]  # fmt: skip
        done = subprocess.run(
            ["taskset", "-c", str(LOAD_CORE), *command],
            stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=True, cwd="/",
        )  # fmt: skip
        found = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
        if found is None:
            raise RuntimeError(done.stdout)
        return float(found[1])


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A migrated, empty database; its processes stay on the load's core."""
    with tempfile.TemporaryDirectory(prefix="bangfu-bench-") as folder:
        root = Path(folder)
        os.sched_setaffinity(0, {LOAD_CORE})
        try:
            running = Server(embedded.ensure_persistent(root))
        finally:
            os.sched_setaffinity(0, {WEB_CORE, LOAD_CORE})
        try:
            embedded.prepare(running.socket, running.name)
            yield running
        finally:
            embedded.stop_persistent(root)


async def migrated(running: Server) -> None:
    await migrate(running.url(embedded.OWNER_ROLE), schema="public", app_role=embedded.APP_ROLE, secrets=[SECRET])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def web(running: Server) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The web process with production settings, on a core of its own. Yields the process and its port."""
    port = free_port()
    environment = os.environ | {
        "SHOP_ENV": "production",
        "DATABASE_URL": running.url(),
        "DATABASE_POOL": "16",  # one web process, as where there are few
        "SECRET_KEY": SECRET,
        "SEAL_KEY": secrets.token_hex(32),
        "PUBLIC_URL": "https://bench.invalid",
        "STRIPE_SECRET_KEY": "sk_test_bench",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
    }
    process = subprocess.Popen(
        ["taskset", "-c", str(WEB_CORE), sys.executable, "-m", "shop.app.main", "--port", str(port)],
        env=environment,
        stdout=sys.stderr,
        stderr=sys.stderr,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the web process did not start")
            time.sleep(0.05)
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


def rss_mib(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


class Client:
    """A keep-alive HTTP connection that does as little as possible, so that the server is what is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 : head.index(b"\r\n", at)]) if at >= 0 else 0
        return int(head[9:12]), await self.reader.readexactly(length) if length else b""

    def close(self) -> None:
        self.writer.close()


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: bench", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def crowd(
    port: int, buyers: int, seconds: float, asked: Sequence[Iterator[bytes]]
) -> tuple[float, dict[int, int]]:
    """So many buyers at once for so long: answers per second, and how many of each status."""
    statuses: dict[int, int] = {}
    clients = await asyncio.gather(*(Client.open(port) for _ in range(buyers)))
    until = time.perf_counter() + seconds
    done = 0

    async def buy(client: Client, requests: Iterator[bytes]) -> None:
        nonlocal done
        while time.perf_counter() < until:
            status, _ = await client.send(next(requests))
            statuses[status] = statuses.get(status, 0) + 1
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*(buy(c, r) for c, r in zip(clients, asked, strict=True)))
    took = time.perf_counter() - began
    for client in clients:
        client.close()
    return done / took, statuses
