"""`/admin/counties`: which code followed which, and the form that asks for another; the desk decides."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from catalog.county.queries import successions
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.app.admin.change import ask
from shop.app.admin.kinds import SuccessionIn
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

ADDRESS: Final = "/admin/counties"
FIELDS: Final = ("code", "successor_code", "valid_from", "source")
Writer = Annotated[Actor, Depends(requires(Permission.RULE_WRITE, everywhere=True))]


@routes.get(ADDRESS)
async def get_counties(request: Request, _: Writer, database: TheDatabase) -> Response:
    return await _page(request, database)


@routes.post(ADDRESS)
async def post_succession(request: Request, actor: Writer, database: TheDatabase) -> Response:
    """Ask for it; refused, the form comes back as it was typed."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).replace("\0", "").strip()[:300] for name in FIELDS}
    try:
        requested = SuccessionIn.model_validate(typed)
        async with database.transaction() as session:
            await ask(session, actor=actor, kind="county.succeed", requested=requested, now=clock.now())
    except ValidationError as wrong:
        errors = {str(one["loc"][-1]): "填写有误" for one in wrong.errors()}
        return await _page(request, database, typed=typed, errors=errors)
    except Problem as problem:
        errors = {one.pointer.removeprefix("/"): one.detail for one in problem.errors}
        return await _page(request, database, typed=typed, errors=errors, problem=problem)
    return RedirectResponse("/admin?done=asked", 303)


async def _page(
    request: Request,
    database: Database,
    *,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    async with database.reading() as session:
        known = await successions(session)
    status = problem.status if problem else 422 if errors else 200
    return render(
        request, "admin/counties.html", status, known=known, problem=problem, errors=errors or {},
        typed=typed or dict.fromkeys(FIELDS, "") | {"valid_from": str(clock.today())},
    )  # fmt: skip
