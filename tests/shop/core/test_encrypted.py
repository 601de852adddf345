"""TLS to PostgreSQL as libpq's users write it, for every way in."""

import asyncio
import json
import os
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url, text

from shop.app.main import create_app
from shop.app.migrate import make_ready
from shop.core.database import Database
from shop.core.postgres.replica import look_at
from shop.core.settings import Settings
from tests.make.encrypted import door
from tests.make.processes import PROJECT
from tests.make.smtp import certificate
from tests.make.started import run

pytestmark = pytest.mark.anyio


def behind(url: str | None, port: int, host: str = "localhost", **query: str) -> str:
    """The same database through the door."""
    address = make_url(url or "").set(host=host, port=port, password="any", query=query)
    return address.render_as_string(hide_password=False)


@pytest.fixture
def trusted(tmp_path: Path) -> Iterator[tuple[ssl.SSLContext, str]]:
    tls, file = certificate(tmp_path)
    return tls, str(file)


async def test_every_way_in_is_encrypted_and_the_name_is_checked(
    settings: Settings, database: Database, postgres: Path, trusted: tuple[ssl.SSLContext, str]
) -> None:
    tls, file = trusted
    async with door(postgres, tls) as (kept, port):
        how = {"sslmode": "verify-full", "sslrootcert": file}
        urls = {name: behind(getattr(settings, name), port, **how) for name in ("database_url", "database_owner_url")}
        secret = settings.model_copy(update=urls)
        await make_ready(secret, secret.database_owner_url or "")
        assert (kept.secret, kept.open) == (3, 0), "two roles are compared, and one migrates"
        there = await Database.open(
            secret.database_url or "", replica_url=secret.database_url, schema=secret.database_schema
        )
        await look_at(there)
        async with there.transaction() as writing, there.reading() as reading, there.hot.acquire() as hot:
            assert await writing.scalar(text("SELECT 1")) == await reading.scalar(text("SELECT 1")) == 1
            assert await hot.fetchval("SELECT 1") == 1
        assert (kept.secret, kept.open) == (6, 0), "the primary, the replica, and the hot ones"
        app = create_app(secret, there)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client,
        ):
            assert (await client.get("/readyz")).json()["ready"]
            assert (await client.get("/api/v1/products")).status_code == 200
        await there.close()


@pytest.mark.parametrize(
    ("host", "sslmode", "root", "passes"),
    [
        ("localhost", "verify-full", "own", True),
        ("127.0.0.2", "verify-full", "own", False),
        ("127.0.0.2", "verify-ca", "own", True),
        ("127.0.0.1", "verify-ca", "another", False),
        ("127.0.0.1", "require", "another", False),
        ("127.0.0.2", "require", None, True),
    ],
)
async def test_who_is_trusted(
    settings: Settings, database: Database, postgres: Path, tmp_path: Path, host: str, sslmode: str, root: str | None,
    *, passes: bool,
) -> None:  # fmt: skip
    """As libpq: `require` alone takes anybody, with a root certificate it checks; only verify-full looks at names."""
    (tmp_path / "another").mkdir()
    (tls, own), (_, another) = certificate(tmp_path), certificate(tmp_path / "another")
    how = {"sslmode": sslmode} | ({"sslrootcert": str(own if root == "own" else another)} if root else {})
    async with door(postgres, tls, plain=True) as (kept, port):
        there = await Database.open(behind(settings.database_url, port, host, **how), schema=settings.database_schema)
        try:
            assert await there.hot.fetchval("SELECT 1") == 1
        except ssl.SSLError:
            assert not passes
        else:
            assert passes
        assert kept.secret == passes
        assert not kept.open, "nobody falls back to plain"
        await there.close()


async def test_commands_say_no_in_one_line_and_the_doctor_names_the_line(
    settings: Settings, database: Database, postgres: Path, trusted: tuple[ssl.SSLContext, str]
) -> None:
    tls, file = trusted
    how = {"sslmode": "verify-full", "sslrootcert": file}
    async with door(postgres, tls) as (_, port), door(postgres, None) as (_, plain):
        wrong, none, right = (
            settings.model_copy(
                update={
                    name: behind(getattr(settings, name), at, host, **how)
                    for name in ("database_url", "database_owner_url")
                }
            )
            for host, at in (("127.0.0.2", port), ("localhost", plain), ("localhost", port))
        )
        for there, said in ((wrong, "certificate is not valid for '127.0.0.2'"), (none, "rejected SSL upgrade")):
            code, lines, error = await shop(there, "migrate")
            assert (code, lines) == (1, "")
            assert said in error
            assert error.count("\n") == 1, error
        _, lines, _ = await shop(right, "doctor", "--json")
        found = {one["name"]: one["said"] for one in json.loads(lines)}
        assert found["connection"] == "encrypted, direct"
    _, lines, _ = await shop(settings, "doctor", "--json")
    assert "not encrypted, direct" in lines


async def shop(settings: Settings, *words: str) -> tuple[int, str, str]:
    """As an operator runs it."""
    more = {
        "SHOP_ENV": "development", "DATABASE_URL": settings.database_url or "", "PYTHONPATH": str(PROJECT),
        "DATABASE_OWNER_URL": settings.database_owner_url or "", "DATABASE_SCHEMA": settings.database_schema,
    }  # fmt: skip
    command = partial(run, "shop.app.cli", *words, folder=Path("/"), environment=os.environ | more)
    done = await asyncio.to_thread(command)
    return done.returncode, done.stdout, done.stderr
