"""The proxy that compose.yaml runs (Caddy, by our Caddyfile) in front of a web process of production."""

import asyncio
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.people import PASSWORD, somebody
from tests.make.processes import PROJECT, free_port
from tests.make.production import environment, taken_over
from tests.make.smtp import certificate
from tests.shop.app.test_production import started, until

pytestmark = [pytest.mark.anyio, pytest.mark.drill]

ADA, BOB = "ada@example.com", "bob@example.com"
STRANGER, ADAS, BOBS = "127.0.0.3", "127.0.0.4", "127.0.0.5"
"""Addresses from which the proxy is called."""


@dataclass(frozen=True)
class Way:
    secure: str
    clear: str
    trusted: ssl.SSLContext

    def caller(self, address: str) -> httpx.AsyncClient:
        door = httpx.AsyncHTTPTransport(verify=self.trusted, local_address=address)
        return httpx.AsyncClient(base_url=self.secure, transport=door, timeout=30)


@pytest.fixture
async def way(
    tmp_path: Path, settings: Settings, database_url: str, schema: str, database: Database
) -> AsyncIterator[Way]:
    await taken_over(settings.database_owner_url or "", schema)
    for email in (ADA, BOB):
        await somebody(database, email, Grant(Role.EMPLOYEE, "all", "*"))
    web, secure, clear = (free_port() for _ in range(3))
    url = f"https://localhost:{secure}"
    told = environment(DATABASE_URL=database_url, DATABASE_SCHEMA=schema, PUBLIC_URL=url, TRUSTED_PROXIES="127.0.0.1")
    trusted = certificate(tmp_path)[1]
    both = tmp_path / "server.pem"
    asked = {"PUBLIC_URL": url, "TLS": f"{both} {both}", "UPSTREAM": f"127.0.0.1:{web}", "HTTP_PORT": str(clear)}
    with started(tmp_path, ("shop.app.main", "--port", str(web)), told) as log, caddy(tmp_path, asked):
        made = Way(url, f"http://localhost:{clear}", ssl.create_default_context(cafile=trusted))

        async def alive() -> bool:
            async with made.caller(ADAS) as http:
                with suppress(httpx.TransportError):
                    return (await http.get("/healthz")).status_code == 200
            return False

        await until(alive, log)
        yield made


@contextmanager
def caddy(folder: Path, told: dict[str, str]) -> Iterator[None]:
    """Debian's, as long as the block runs."""
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(PROJECT / "Caddyfile")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | told
    with (folder / "caddy.log").open("wb") as log:
        running = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        running.terminate()
        running.wait(30)


async def test_callers_are_told_apart_whatever_they_write(way: Way) -> None:
    wrong = {"username": ADA, "password": "wrong horse battery"}
    async with way.caller(STRANGER) as stranger, way.caller(ADAS) as ada, way.caller(BOBS) as bob:
        seen = [
            (await stranger.post("/api/v1/auth/token", data=wrong, headers={name: f"203.0.113.{n}"})).status_code
            for n, name in enumerate(["x-forwarded-for"] * 6 + ["x-real-ip", "forwarded"] * 3)
        ]
        assert seen == [401] * 10 + [429] * 2, "he is where he is"
        for http, who in ((ada, ADA), (bob, BOB)):
            right = await http.post("/api/v1/auth/token", data={"username": who, "password": PASSWORD})
            assert right.status_code == 200, "others stand elsewhere"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_only_tls_of_today_is_spoken(way: Way) -> None:
    spoken, refused = {}, []
    for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        way.trusted.set_ciphers("DEFAULT:@SECLEVEL=0")  # the caller would take anything
        way.trusted.minimum_version, way.trusted.maximum_version = ssl.TLSVersion.TLSv1, version
        port = int(way.secure.rpartition(":")[2])
        try:
            _, writer = await asyncio.open_connection("localhost", port, ssl=way.trusted)
        except ssl.SSLError as refusal:
            refused.append(refusal.reason)
            continue
        spoken[writer.get_extra_info("ssl_object").version()] = writer.get_extra_info("cipher")[0]
        writer.close()
    assert refused == ["TLSV1_ALERT_PROTOCOL_VERSION"], "the proxy said no"
    assert spoken.keys() == {"TLSv1.2", "TLSv1.3"}
    assert "GCM" in spoken["TLSv1.2"] or "CHACHA20" in spoken["TLSv1.2"], "forward secret, and authenticated"
    assert spoken["TLSv1.2"].startswith("ECDHE")


async def test_what_is_asked_in_the_clear(way: Way) -> None:
    """A page is sent on, a program is refused: its secrets have been told already."""
    async with httpx.AsyncClient(base_url=way.clear, trust_env=False) as http:
        page = await http.get("/products?q=rice")
        assert (page.status_code, page.headers["location"]) == (308, f"{way.secure}/products?q=rice")
        for method, path in (("GET", "/api/v1/products"), ("POST", "/hooks/stripe"), ("POST", "/sign-in")):
            answer = await http.request(method, path)
            assert (answer.status_code, "location" in answer.headers) == (403, False)
    async with way.caller(ADAS) as http:
        front = await http.get("/")
        assert front.headers["strict-transport-security"].startswith("max-age=")
        assert (await http.get("/metrics")).status_code == 404
