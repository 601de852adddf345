"""People who can sign in, made by the shop's own verbs."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette

from shop.access.account.passwords import hash_password
from shop.access.permissions import Grant
from shop.access.users import create_user, grant_role
from shop.core import clock
from shop.core.database import Database

PASSWORD = "correct horse battery"
SINCE = date(2021, 1, 1)
_hashes: dict[str, str] = {}


@dataclass(frozen=True)
class Somebody:
    email: str
    user_id: UUID
    person_id: UUID


async def somebody(
    database: Database,
    email: str = "ada@example.com",
    *grants: Grant,
    name: str = "张三丰",
    phone: str | None = None,
    password: str = PASSWORD,
) -> Somebody:
    """An account with these roles; the slow hash of a password is made once a run. phone: proven."""
    if password not in _hashes:
        _hashes[password] = await hash_password(password)
    now = clock.now()
    async with database.transaction() as session:
        made = await create_user(
            session, actor=None, email=email, name=name, phone=phone, password_hash=_hashes[password], now=now
        )
        for grant in grants:
            await grant_role(session, actor_id=None, user_id=made.user_id, grant=grant, valid_from=SINCE, now=now)
    return Somebody(email, made.user_id, made.person_id)


def client_of(app: Starlette, address: str = "192.0.2.1") -> AsyncClient:
    """A caller from a network address."""
    return AsyncClient(transport=ASGITransport(app, client=(address, 12345)), base_url="http://shop.test")


async def ask_token(client: AsyncClient, email: str, password: str = PASSWORD) -> Response:
    return await client.post("/api/v1/auth/token", data={"username": email, "password": password})


async def bearer(client: AsyncClient, email: str, password: str = PASSWORD) -> dict[str, str]:
    """The header of a caller with a fresh token."""
    answer = await ask_token(client, email, password)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}
