"""`/api/v1/producers`: who grew and made it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from catalog.listing.producer_queries import list_producers, read_producer
from catalog.listing.producer_schemas import ProducerDetail, ProducerPage
from shop.core.etag import tagged
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["producers"])


@routes.get("/producers", response_model=ProducerPage, responses={304: {"description": "没有变化"}})
async def get_producers(
    request: Request,
    database: TheDatabase,
    county: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    q: Annotated[str | None, Query(max_length=50, pattern=NO_NUL)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Producers by name."""
    async with database.reading() as session:
        page = await list_producers(session, limit=limit, cursor=cursor, county=county, q=q)
    return tagged(request, page.model_dump_json().encode())


@routes.get(
    "/producers/{producer_id}",
    response_model=ProducerDetail,
    responses={304: {"description": "没有变化"}, 404: {"description": "没有这个生产者"}},
)
async def get_producer(request: Request, database: TheDatabase, producer_id: UUID) -> Response:
    """One producer with papers and benefit statements."""
    async with database.reading() as session:
        producer = await read_producer(session, producer_id)
    return tagged(request, producer.model_dump_json().encode())
