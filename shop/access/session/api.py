"""Tokens for programs: `POST /auth/token`, and `POST /auth/revoke` to end one early."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel

from shop.access.guard import requires
from shop.access.own_address import OwnAddress
from shop.access.permissions import Actor, Permission
from shop.access.session.door import Door
from shop.access.session.sign_in import sign_in
from shop.access.session.sign_out import sign_out
from shop.access.session.tokens import LIFETIME
from shop.core import clock
from shop.core.requests import TheDatabase, TheKeys, TheSettings

routes = APIRouter(prefix="/api/v1", tags=["auth"])


class Token(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # a kind, not a secret
    expires_in: int = int(LIFETIME.total_seconds())


@routes.post("/auth/token")
async def post_token(
    request: Request,
    response: Response,
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
    database: TheDatabase,
    keys: TheKeys,
    settings: TheSettings,
    address: OwnAddress,
) -> Token:
    """Email and password (OAuth2 password form) for a bearer token of ten minutes.

    In five minutes ten wrong passwords of an account from one address are heard, fifty from an address, and a hundred
    of an account from everywhere; then 429 with Retry-After. An IPv6 address counts as its /64.
    """
    now = clock.wall()
    signed_in = await sign_in(
        database,
        keys=keys,
        settings=settings,
        kind="api",
        email=form.username,
        password=form.password,
        address=address,
        now=now,
    )
    response.headers["cache-control"] = "no-store"
    return Token(access_token=Door.of(request.app).tokens.issue(signed_in.actor, now=now))


@routes.post("/auth/revoke", status_code=204)
async def post_revoke(
    request: Request, actor: Annotated[Actor, Depends(requires(Permission.ME_READ))], database: TheDatabase
) -> None:
    """End the session this call was made with; its token is refused everywhere within a second."""
    async with database.transaction() as session:
        await sign_out(session, session_id=actor.session_id, now=clock.wall())
    Door.of(request.app).revocations.note(actor.session_id)
