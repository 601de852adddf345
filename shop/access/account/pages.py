"""`/me/password` and `/me/email`: what somebody who is signed in changes of his own account."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from shop.access.account.change_email import AccountEmail, change_email, email_of
from shop.access.account.change_password import change_password
from shop.access.guard import requires
from shop.access.own_address import OwnAddress
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase, TheKeys
from shop.ui.again import render_again
from shop.ui.pages import lang_of, render

routes = APIRouter(include_in_schema=False)

Owner = Annotated[Actor, Depends(requires(Permission.ME_READ))]


@routes.get("/me/password")
async def get_password(request: Request, _: Owner, done: bool = False) -> Response:
    return render(request, "access/password.html", errors={}, problem=None, done=done)


@routes.post("/me/password")
async def post_password(
    request: Request,
    actor: Owner,
    database: TheDatabase,
    keys: TheKeys,
    address: OwnAddress,
    current_password: Annotated[str, Form()] = "",
    new_password: Annotated[str, Form()] = "",
) -> Response:
    """Signed in here still, and nowhere else."""
    try:
        await change_password(
            database,
            actor=actor,
            keys=keys,
            current=current_password,
            new=new_password,
            address=address,
            lang=lang_of(request),
            now=clock.now(),
        )
    except Problem as problem:
        return render_again(request, "access/password.html", problem, done=False)
    return RedirectResponse("/me/password?done=1", 303)


@routes.get("/me/email")
async def get_email(request: Request, actor: Owner, database: TheDatabase, done: str = "") -> Response:
    stands = await _stands(actor, database)
    return render(request, "access/email.html", stands=stands, typed="", done=done, errors={}, problem=None)


@routes.post("/me/email")
async def post_email(
    request: Request,
    actor: Owner,
    database: TheDatabase,
    keys: TheKeys,
    address: OwnAddress,
    email: Annotated[str, Form()] = "",
    current_password: Annotated[str, Form()] = "",
) -> Response:
    """The same answer whoever has the address already."""
    try:
        await change_email(
            database,
            actor=actor,
            keys=keys,
            email=email,
            current=current_password,
            address=address,
            lang=lang_of(request),
            now=clock.now(),
        )
    except Problem as problem:
        stands = await _stands(actor, database)
        return render_again(request, "access/email.html", problem, stands=stands, typed=email, done="")
    return RedirectResponse("/me/email?done=sent", 303)


async def _stands(actor: Actor, database: Database) -> AccountEmail:
    async with database.reading() as session:
        return await email_of(session, actor.user_id)
