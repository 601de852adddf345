"""`/privacy`, the notice for everybody; `/me/privacy`: a copy of one's data, and the end of one's account."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse
from starlette.responses import JSONResponse, Response

from orders.privacy.copy_data import copy_data
from orders.privacy.erase_account import Kept, erase_account
from orders.privacy.personal import PERSONAL
from orders.privacy.retention import rules_in_force
from shop.access.guard import requires
from shop.access.notice import VERSION
from shop.access.own_address import OwnAddress
from shop.access.permissions import Actor, Permission
from shop.access.session.cookies import session_cookie
from shop.access.session.door import Door
from shop.core import clock
from shop.core.errors import Problem
from shop.core.requests import TheDatabase, TheKeys, TheSettings
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)
Me = Annotated[Actor, Depends(requires(Permission.ME_READ))]


@routes.get("/privacy")
async def get_notice(request: Request, database: TheDatabase) -> HTMLResponse:
    """What is kept, why, and for how long: the periods are those of the rules in force."""
    async with database.reading() as session:
        rules = await rules_in_force(session, clock.today())
    kept = [(one.title, rules[one.kind]) for one in PERSONAL if one.kind]
    return render(request, "privacy/notice.html", version=VERSION, kept=kept)


@routes.get("/me/privacy")
async def get_my_privacy(request: Request, _: Me) -> HTMLResponse:
    return _page(request)


@routes.get("/me/privacy/data.json")
async def get_copy(actor: Me, database: TheDatabase) -> Response:
    """The copy as a file."""
    async with database.transaction() as session:
        rows = await copy_data(session, actor=actor, now=clock.now())
    return JSONResponse(
        {"notice": VERSION, "rows": rows}, headers={"content-disposition": 'attachment; filename="my-data.json"'}
    )


@routes.post("/me/privacy/erasure")
async def post_erasure(
    request: Request,
    actor: Me,
    database: TheDatabase,
    keys: TheKeys,
    settings: TheSettings,
    address: OwnAddress,
    password: Annotated[str, Form(max_length=200)] = "",
    sure: Annotated[str, Form(max_length=3)] = "",
) -> HTMLResponse:
    """sure: the box that says that it cannot be undone."""
    if not sure:
        return _page(request, said=["请先勾选确认。"], status=422)
    try:
        kept = await erase_account(
            database,
            keys=keys,
            actor=actor,
            password=password,
            address=address,
            now=clock.now(),
        )
    except Problem as problem:
        said = [problem.title, *([one.detail for one in problem.errors] or [problem.detail])]
        return _page(request, said=said, status=problem.status)
    Door.of(request.app).pages.forget(request.cookies.get(session_cookie(settings), ""))
    request.state.viewer = None  # his name is erased
    return _page(request, kept=kept)


def _page(
    request: Request, *, said: Sequence[str] = (), kept: list[Kept] | None = None, status: int = 200
) -> HTMLResponse:
    """said: why it was not done. kept: what stays after the account was closed."""
    return render(request, "privacy/mine.html", status=status, said=said, kept=kept, version=VERSION)
