"""`/me/year`: what my purchases did."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from orders.report.people_api import Year
from orders.report.people_year import my_year
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

YEARS_BACK = 5


@routes.get("/me/year")
async def get_year(
    request: Request,
    actor: Annotated[Actor, Depends(requires(Permission.ME_READ))],
    database: TheDatabase,
    year: Year = None,
) -> HTMLResponse:
    today = clock.today().year
    async with database.reading() as session:
        found = await my_year(session, actor, year or today)
    return render(request, "report/my_year.html", found=found, years=range(today, today - YEARS_BACK, -1))
