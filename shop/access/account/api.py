"""The same for programs: one's own password and address, and a forgotten password."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.access.account.ask_reset import ask_reset
from shop.access.account.change_email import change_email
from shop.access.account.change_password import change_password
from shop.access.address import address_of
from shop.access.guard import requires
from shop.access.own_address import OwnAddress
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import NO_NUL
from shop.core.requests import TheDatabase, TheKeys
from shop.ui.pages import lang_of

routes = APIRouter(prefix="/api/v1", tags=["auth"])

Owner = Annotated[Actor, Depends(requires(Permission.ME_READ))]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=NO_NUL)]
Secret = Annotated[str, StringConstraints(max_length=1_000)]


class PasswordIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    current_password: Secret
    new_password: Secret


class EmailIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    current_password: Secret


class ForgottenIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email


class Asked(BaseModel):
    """A mail follows, where there is somebody whom it concerns."""

    state: Literal["asked"] = "asked"


@routes.post("/me/password", status_code=204)
async def post_password(
    request: Request,
    body: PasswordIn,
    actor: Owner,
    database: TheDatabase,
    keys: TheKeys,
    address: OwnAddress,
) -> None:
    """Every other session ends within a second. 422 `weak_password`, `wrong_password`; 429 as at the sign-in."""
    await change_password(
        database,
        actor=actor,
        keys=keys,
        current=body.current_password,
        new=body.new_password,
        address=address,
        lang=lang_of(request),
        now=clock.now(),
    )


@routes.post("/me/email", status_code=202)
async def post_email(
    request: Request, body: EmailIn, actor: Owner, database: TheDatabase, keys: TheKeys, address: OwnAddress
) -> Asked:
    """The new address gets a link, the old one is told and stays until the link was opened."""
    await change_email(
        database,
        actor=actor,
        keys=keys,
        email=body.email,
        current=body.current_password,
        address=address,
        lang=lang_of(request),
        now=clock.now(),
    )
    return Asked()


@routes.post("/auth/password-resets", status_code=202)
async def post_reset(request: Request, body: ForgottenIn, database: TheDatabase, keys: TheKeys) -> Asked:
    """The same answer, as quickly, whether or not there is such an account."""
    await ask_reset(
        database,
        keys=keys,
        email=body.email,
        address=address_of(request),
        lang=lang_of(request),
        wall=clock.wall(),
    )
    return Asked()
