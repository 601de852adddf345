"""`/me/phone`: one's own phone, and how to prove another."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.access.phone.form import PhoneForm, ask_code, phone_form, take_code
from shop.access.phone.proof import PhoneNotProven
from shop.access.session.cookies import session_cookie
from shop.access.session.door import Door
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase, TheKeys, TheSettings
from shop.organisation.phone.prove_my_phone import MyPhone, my_phone, prove_my_phone
from shop.ui.again import render_again
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

ADDRESS, TEMPLATE = "/me/phone", "organisation/phone.html"
Owner = Annotated[Actor, Depends(requires(Permission.ME_READ))]


@routes.get(ADDRESS)
async def get_phone(request: Request, actor: Owner, database: TheDatabase, done: bool = False) -> Response:
    stands = await _stands(actor, database)
    return render(request, TEMPLATE, stands=stands, form=PhoneForm(), errors={}, problem=None, done=done)


@routes.post(ADDRESS)
async def post_phone(
    request: Request,
    actor: Owner,
    database: TheDatabase,
    keys: TheKeys,
    settings: TheSettings,
    form: Annotated[PhoneForm, Depends(phone_form)],
    do: Annotated[str, Form()] = "prove",
) -> Response:
    """`do=code` sends a code; `do=prove` takes it back. What was typed stays."""
    try:
        if do == "code":
            form = await ask_code(request, database, keys, form)
            stands = await _stands(actor, database)
            return render(request, TEMPLATE, stands=stands, form=form, errors={}, problem=None, done=False)
        form = await take_code(database, keys, form)
        async with database.transaction() as session:
            await prove_my_phone(session, actor=actor, phone=form.phone, proof=form.proof, keys=keys, now=clock.now())
    except Problem as problem:
        if isinstance(problem, PhoneNotProven):
            form = form.over()
        stands = await _stands(actor, database)
        return render_again(request, TEMPLATE, problem, stands=stands, form=form, done=False)
    Door.of(request.app).pages.forget(request.cookies.get(session_cookie(settings), ""))  # he may be another person now
    return RedirectResponse(f"{ADDRESS}?done=1", 303)


async def _stands(actor: Actor, database: Database) -> MyPhone:
    async with database.reading() as session:
        return await my_phone(session, actor.person_id)
