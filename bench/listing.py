"""The shop window: warm against a bare ASGI application sending the same bytes, cold against FastAPI's "hello"."""

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import text

from bench.layout import LOAD_CORE, WEB_CORE, Server, free_port, migrated, server, web
from catalog.listing.jobs import refresh_touched
from shop.app.demo.catalogue import seed_catalogue
from shop.app.demo.people import seed_people
from shop.core.database import Database

CONNECTIONS = 16
HERE = Path(__file__).parent
LIST = "/api/v1/products?limit=20"
COLD = LIST + "&unread={n}"
"""A parameter that nothing reads, never the same twice: every answer is made anew, and kept in vain."""

Target = tuple[int, int]
"""Process and port."""


class Load(NamedTuple):
    per_s: float
    busy_us: float


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    seconds, rounds = (1.0, 3) if quick else (1.5, 9)
    with server() as running:
        asyncio.run(_stocked(running))
        with web(running) as (process, port):
            shop = (process.pid, port)
            item = json.loads(_answer(port, LIST)["text"])["items"][0]["id"]
            detail = f"/api/v1/products/{item}"
            known = f"if-none-match: {dict(_answer(port, detail)['headers'])['etag']}"
            full, unchanged = _answer(port, LIST), _answer(port, detail, known)
            with _peer("bare", full) as bare, _peer("bare", unchanged) as bare_304, _peer("hello", full) as hello:
                warm = _alternate(rounds, seconds, (shop, LIST), (bare, "/"))
                cold = _alternate(rounds, seconds, (shop, COLD), (hello, "/"))
                not_modified = _alternate(rounds, seconds, (shop, detail, known), (bare_304, "/", known))
    return [
        _row("product_list", 0.80, warm, "bare_asgi", answer_bytes=len(full["text"].encode())),
        _row("product_list_cold", 0.40, cold, "fastapi_hello"),
        _row("product_detail_304", 0.80, not_modified, "bare_asgi"),
    ]


async def _stocked(running: Server) -> None:
    """Migrated, with the demo's people and goods and their listings; statistics as autovacuum would leave them."""
    await migrated(running)
    database = await Database.open(running.url(), size=2)
    await seed_people(database)
    await seed_catalogue(database)
    await refresh_touched(database)
    await database.close()
    owner = await Database.open(running.url("bangfu_owner"), size=1)
    async with owner.transaction() as session:
        await session.execute(text("ANALYZE"))
    await owner.close()


def _answer(port: int, target: str, *headers: str) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", target, headers=dict(line.split(": ", 1) for line in headers))
    got = connection.getresponse()
    body = got.read()
    sent = [(name.lower(), value) for name, value in got.getheaders() if name.lower() != "date"]
    connection.close()
    return {
        "status": got.status,
        "headers": sent,
        "body": base64.b64encode(body).decode(),
        "text": body.decode(),
    }


@contextlib.contextmanager
def _peer(kind: str, answer: dict[str, Any]) -> Iterator[Target]:
    """Served like the shop, on the same core, idle while the other is measured."""
    port = free_port()
    process = subprocess.Popen(
        ["taskset", "-c", str(WEB_CORE), sys.executable, str(HERE / "peers.py"), kind, str(port)],
        env=os.environ | {"BENCH_ANSWER": json.dumps(answer)},
        stdout=sys.stderr,
        stderr=sys.stderr,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                _answer(port, "/")
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"{kind} does not answer")
            time.sleep(0.05)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(10)


def _alternate(rounds: int, seconds: float, ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> list[tuple[Load, Load]]:
    """Ours and theirs, measured in turns: whatever else the machine does meets both."""
    _load(0.5, *ours)
    _load(0.5, *theirs)
    return [(_load(seconds, *ours), _load(seconds, *theirs)) for _ in range(rounds)]


def _load(seconds: float, asked: Target, target: str, *headers: str) -> Load:
    pid, port = asked
    command = [sys.executable, str(HERE / "load.py"), str(port), str(CONNECTIONS), str(seconds), target, *headers]
    before = _busy_s(pid)
    done = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *command], stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=True
    )
    found = json.loads(done.stdout)
    requested = "304" if headers else "200"
    if set(found["statuses"]) != {requested}:
        raise RuntimeError(f"{target}: {found['statuses']}")
    return Load(found["per_s"], (_busy_s(pid) - before) / found["statuses"][requested] * 1e6)


def _busy_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _row(name: str, goal: float, pairs: list[tuple[Load, Load]], peer: str, **detail: Any) -> dict[str, Any]:
    """`busy_us`: processor time of the web process for one answer, which a busy machine blurs less than the ratio."""
    return {
        "name": name,
        "ratio": round(median(ours.per_s / theirs.per_s for ours, theirs in pairs), 3),
        "goal": goal,
        "better": "higher",
        "detail": {
            "per_s": round(median(ours.per_s for ours, _ in pairs)),
            f"{peer}_per_s": round(median(theirs.per_s for _, theirs in pairs)),
            "busy_us": round(median(ours.busy_us for ours, _ in pairs), 1),
            f"{peer}_busy_us": round(median(theirs.busy_us for _, theirs in pairs), 1),
            "connections": CONNECTIONS,
            **detail,
        },
    }
