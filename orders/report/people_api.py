"""`GET /api/v1/me/year`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from orders.report.people_schemas import MyYear
from orders.report.people_year import my_year
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["me"])

Year = Annotated[int | None, Query(ge=2000, le=2098)]


@routes.get("/me/year")
async def get_year(
    actor: Annotated[Actor, Depends(requires(Permission.ME_READ))], database: TheDatabase, year: Year = None
) -> MyYear:
    """What the caller's own purchases did, by county; this year when none is named. Nobody else can ask for it."""
    async with database.reading() as session:
        return await my_year(session, actor, year or clock.today().year)
