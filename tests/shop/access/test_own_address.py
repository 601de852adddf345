"""Whose address it is that a wrong password counts against; where nobody knows, the operator is told by which proxy."""

import pytest
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shop.access import own_address
from shop.access.security_event import Refusals
from shop.app.commands.doctor import examined
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings
from tests.make.people import ask_token, client_of, somebody
from tests.make.production import SAFE
from tests.shop.access.conftest import door_app

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has just started."""
    monkeypatch.setattr(own_address, "_TOLD", Refusals(once_in_s=3600))


async def noted(database: Database) -> list[tuple[str, str]]:
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT action, subject FROM audit_event WHERE action LIKE 'security.proxy%' ORDER BY subject")
        )
        return [(row.action, row.subject) for row in rows]


async def found(database: Database, **told: str) -> tuple[bool, str]:
    settings = Settings(_env_file=None, **(SAFE | told))
    (one,) = [finding async for finding in examined(database, settings) if finding.name == "strange proxies"]
    return one.ok, one.said


async def test_a_proxy_that_is_not_named_and_one_that_does_not_say_who_calls(database: Database, keys: Keys) -> None:
    await somebody(database, ADA)
    app = door_app(database, keys, **SAFE, trusted_proxies="10.0.0.0/24")
    for address in ("192.0.2.1", "172.18.0.1", "172.18.0.1", "10.0.0.7", "::ffff:10.0.0.8", "2001:db8::1"):
        async with client_of(app, address) as client:
            assert (await ask_token(client, ADA)).status_code == 200
    assert await noted(database) == [
        ("security.proxy_silent", "proxy:10.0.0.7"),
        ("security.proxy_silent", "proxy:10.0.0.8"),
        ("security.proxy_unknown", "proxy:172.18.0.1"),
    ], "once each, and nobody's who called by himself"
    ok, said = await found(database, trusted_proxies="10.0.0.0/24")
    assert not ok
    assert "10.0.0.7 does not say who calls" in said
    assert "TRUSTED_PROXIES does not name 172.18.0.1" in said
    ok, said = await found(database, trusted_proxies="10.0.0.0/24,172.18.0.1")
    assert (ok, "172.18.0.1" in said) == (False, False), "named now; the silent ones are silent still"


async def test_a_proxy_behind_a_named_one_that_nobody_named(database: Database, keys: Keys) -> None:
    """Each in front writes down who came to it: the private address that it names speaks for strangers."""
    await somebody(database, ADA)
    app = door_app(database, keys, **SAFE, trusted_proxies="10.0.0.1")
    served = ProxyHeadersMiddleware(app, trusted_hosts="10.0.0.1")
    chains = ("1.1.1.1, 10.0.0.9", "1.1.1.1:443, 10.0.0.9:80", "10.0.0.9", "1.1.1.1, 203.0.113.9", "203.0.113.9")
    for chain in chains:
        async with client_of(Peered(served), "10.0.0.1") as client:  # type: ignore[arg-type]
            client.headers["x-forwarded-for"] = chain
            assert (await ask_token(client, ADA)).status_code == 200
    assert await noted(database) == [("security.proxy_unknown", "proxy:10.0.0.9")]
    ok, said = await found(database, trusted_proxies="10.0.0.1")
    assert not ok
    assert "TRUSTED_PROXIES does not name 10.0.0.9" in said


class Peered:
    """Remembers who is connected, as the server does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(dict(scope) | {"peer": scope.get("client")}, receive, send)


async def test_development_is_used_from_loopback(database: Database, keys: Keys) -> None:
    await somebody(database, ADA)
    async with client_of(door_app(database, keys), "127.0.0.1") as client:
        assert (await ask_token(client, ADA)).status_code == 200
    assert await noted(database) == []
