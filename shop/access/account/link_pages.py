"""What a mail's link opens, and how a new one is asked for: `/sign-in/forgot`, `/sign-in/reset`, `/sign-in/verify`.

Opening a link only shows a page: machines that look into mail open links too. The button does it.
"""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from shop.access.account.ask_reset import ask_reset
from shop.access.account.links import LinkDead, Purpose, opened
from shop.access.account.reset_by_link import reset_by_link
from shop.access.account.verify_email import confirm_email
from shop.access.address import address_of
from shop.access.guard import maybe_actor
from shop.access.own_address import OwnAddress
from shop.access.session.cookies import know_device
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, Problem
from shop.core.keys import Keys
from shop.core.requests import TheDatabase, TheKeys, TheSettings
from shop.ui.again import render_again
from shop.ui.pages import lang_of, render

routes = APIRouter(include_in_schema=False)

RESET: Purpose = "reset_password"
VERIFY: Purpose = "verify_email"


@routes.get("/sign-in/forgot")
async def get_forgot(request: Request) -> Response:
    return render(request, "access/forgot.html", email="", errors={}, problem=None, asked=False)


@routes.post("/sign-in/forgot")
async def post_forgot(
    request: Request, database: TheDatabase, keys: TheKeys, email: Annotated[str, Form()] = ""
) -> Response:
    """The same page whether or not there is such an account."""
    try:
        await ask_reset(
            database,
            keys=keys,
            email=email,
            address=address_of(request),
            lang=lang_of(request),
            wall=clock.wall(),
        )
    except Problem as problem:
        return render_again(request, "access/forgot.html", problem, email=email, asked=False)
    return render(request, "access/forgot.html", 202, email=email, errors={}, problem=None, asked=True)


@routes.get("/sign-in/reset")
async def get_code(request: Request) -> Response:
    """For a code that an administrator handed over."""
    return render(request, "access/reset_code.html", code="", errors={})


@routes.post("/sign-in/reset")
async def post_code(
    request: Request, database: TheDatabase, keys: TheKeys, code: Annotated[str, Form()] = ""
) -> Response:
    """A code that opens nothing stays in the field."""
    code = code.strip()[:80]
    try:
        async with database.reading() as session:
            await opened(session, RESET, code, keys=keys, wall=clock.wall())
    except LinkDead as problem:
        said = "重设码不对、已经用过，或者过了二十四小时。请逐位核对；不行的话，请管理员再给一个。"
        problem.errors = [Detail("/code", LinkDead.code, said)]
        return render_again(request, "access/reset_code.html", problem, code=code)
    return RedirectResponse(f"/sign-in/reset/{quote(code, safe='')}", 303)


@routes.get("/sign-in/reset/{told}")
async def get_reset(request: Request, told: str, database: TheDatabase, keys: TheKeys) -> Response:
    """A dead one asks for the address that gets a new one."""
    try:
        async with database.reading() as session:
            await opened(session, RESET, told, keys=keys, wall=clock.wall())
    except LinkDead as problem:
        return render_again(request, "access/forgot.html", problem, email="", asked=False)
    return render(request, "access/reset.html", errors={})


@routes.post("/sign-in/reset/{told}")
async def post_reset(
    request: Request,
    told: str,
    database: TheDatabase,
    keys: TheKeys,
    settings: TheSettings,
    password: Annotated[str, Form()] = "",
) -> Response:
    """On to the sign-in with the new password: the browser is its owner's, however often he had guessed before."""
    try:
        email = await reset_by_link(
            database,
            keys=keys,
            told=told,
            password=password,
            lang=lang_of(request),
            now=clock.now(),
        )
    except LinkDead as problem:
        return render_again(request, "access/forgot.html", problem, email="", asked=False)
    except Problem as problem:
        if not problem.errors:
            raise
        return render_again(request, "access/reset.html", problem)
    answer = RedirectResponse("/sign-in?done=reset", 303)
    know_device(request, answer, keys, settings, email)
    return answer


@routes.get("/sign-in/verify/{token}")
async def get_verify(request: Request, token: str, database: TheDatabase, keys: TheKeys) -> Response:
    """Raises LinkDead."""
    shown = await _to_verify(request, token, database, keys)
    return render(request, "access/verify.html", errors={}, **shown)


@routes.post("/sign-in/verify/{token}")
async def post_verify(
    request: Request,
    token: str,
    database: TheDatabase,
    keys: TheKeys,
    address: OwnAddress,
    current_password: Annotated[str, Form()] = "",
) -> Response:
    """Whoever is signed in goes on in the shop, others to the sign-in."""
    actor = await maybe_actor(request)
    try:
        await confirm_email(
            database,
            keys=keys,
            token=token,
            actor=actor,
            password=current_password,
            address=address,
            now=clock.now(),
        )
    except Problem as problem:
        if not problem.errors:
            raise
        shown = await _to_verify(request, token, database, keys)
        return render_again(request, "access/verify.html", problem, **shown)
    return RedirectResponse("/me/email?done=verified" if actor else "/sign-in?done=verified", 303)


async def _to_verify(request: Request, token: str, database: Database, keys: Keys) -> dict[str, Any]:
    """The address, and whether its own account is signed in here: others are asked for its password."""
    async with database.reading() as session:
        link = await opened(session, VERIFY, token, keys=keys, wall=clock.wall())
    actor = await maybe_actor(request)
    return {"email": link.email, "own": actor is not None and actor.user_id == link.user_id}
