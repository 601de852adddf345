"""Signing in and out with a browser."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from shop.access.guard import local_path, maybe_actor
from shop.access.own_address import OwnAddress
from shop.access.session.attempts import TooManyAttempts
from shop.access.session.cookies import device_cookie, drop, know_device, remember
from shop.access.session.devices import known_device
from shop.access.session.sign_in import WrongCredentials, sign_in
from shop.access.session.sign_out_here import sign_out_here
from shop.core import clock
from shop.core.requests import TheDatabase, TheKeys, TheSettings
from shop.ui.again import render_again
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)


@routes.get("/sign-in")
async def get_sign_in(request: Request, next: str = "/", done: str = "") -> Response:  # noqa: A002  # in the address
    """done: what brought the visitor here, `reset` or `verified`."""
    there = local_path(next)
    if await maybe_actor(request):
        return RedirectResponse(there, 303)
    return render(request, "access/sign_in.html", next=there, email="", problem=None, done=done)


@routes.post("/sign-in")
async def post_sign_in(
    request: Request,
    database: TheDatabase,
    keys: TheKeys,
    settings: TheSettings,
    address: OwnAddress,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002  # the name in the form
) -> Response:
    """Wrong: the same page again, with what was typed but the password. Right: on to where the visitor was going."""
    there = local_path(next)
    try:
        signed_in = await sign_in(
            database,
            keys=keys,
            settings=settings,
            kind="page",
            email=email,
            password=password,
            address=address,
            device=known_device(request.cookies.get(device_cookie(settings), ""), keys, email),
            now=clock.wall(),
        )
    except (WrongCredentials, TooManyAttempts) as problem:
        return render_again(request, "access/sign_in.html", problem, next=there, email=email, done="")
    await sign_out_here(request, database, settings)
    answer = RedirectResponse(there, 303)
    remember(answer, signed_in.secret or "", settings)
    know_device(request, answer, keys, settings, email)
    return answer


@routes.post("/sign-out")
async def post_sign_out(request: Request, database: TheDatabase, settings: TheSettings) -> Response:
    """Signed out already is success. What the browser kept of pages goes; the known device's cookie stays."""
    await sign_out_here(request, database, settings)
    answer = RedirectResponse("/", 303, {"clear-site-data": '"cache", "storage"'})
    drop(answer, settings)
    return answer
