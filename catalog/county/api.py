"""`/api/v1/counties`: public facts, with their source."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from catalog.county.browse import list_counties, read_county
from catalog.county.schemas import CountyDetail, CountyPage, DesignationKind
from shop.core import clock
from shop.core.etag import tagged
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["counties"])


@routes.get("/counties", response_model=CountyPage, responses={304: {"description": "没有变化"}})
async def get_counties(
    request: Request,
    database: TheDatabase,
    designation: DesignationKind | None = None,
    province: Annotated[str | None, Query(max_length=30, pattern=NO_NUL)] = None,
    q: Annotated[str | None, Query(max_length=50, pattern=NO_NUL)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Counties valid today, by code, with what they are designated as today."""
    async with database.reading() as session:
        page = await list_counties(
            session,
            day=clock.today(),
            limit=limit,
            cursor=cursor,
            designation=designation,
            province=province,
            q=q,
        )
    return tagged(request, page.model_dump_json().encode())


@routes.get(
    "/counties/{code}",
    response_model=CountyDetail,
    responses={304: {"description": "没有变化"}, 404: {"description": "没有这个代码"}},
)
async def get_county(
    request: Request, database: TheDatabase, code: Annotated[str, Path(pattern="^[0-9]{6}$")]
) -> Response:
    """One county with its history: every designation with its days and source, former and later codes."""
    async with database.reading() as session:
        county = await read_county(session, code)
    return tagged(request, county.model_dump_json().encode())
