"""`/api/v1/products`: the list, the search and the detail of what is for sale. Public."""

from typing import Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from catalog.listing.detail import detail
from catalog.listing.query import Filters, filters_of, find
from catalog.listing.schemas import ProductDetail, ProductPage
from shop.access.limits import limit_search
from shop.core import clock
from shop.core.etag import tagged
from shop.core.requests import TheDatabase, database_of

routes = APIRouter(prefix="/api/v1", tags=["products"])
PRODUCTS: Final = f"{routes.prefix}/products"


def _parameters() -> list[dict[str, Any]]:
    """How OpenAPI is told of `Filters`: the route parses them itself, which takes a tenth of the framework's time."""
    described = msgspec.json.schema(Filters)["$defs"]["Filters"]["properties"]
    found = []
    for name, schema in described.items():
        shape = next((one for one in schema.get("anyOf", [schema]) if one != {"type": "null"}), schema)
        facts = {"name": name, "in": "query", "required": False, "schema": shape}
        found.append(facts | ({"description": shape["description"]} if "description" in shape else {}))
    return found


@routes.get(
    "/products",
    response_model=ProductPage,
    openapi_extra={"parameters": _parameters()},
    responses={304: {"description": "没有变化"}},
)
async def get_products(request: Request) -> Response:
    """A page of what is for sale: filtered, searched and sorted."""
    await limit_search(request)
    page = await find(database_of(request), filters_of(request.query_params), now=clock.now())
    return tagged(request, page.as_json())


@routes.get(
    "/products/{product_id}",
    response_model=ProductDetail,
    responses={304: {"description": "没有变化"}},
)
async def get_product(request: Request, database: TheDatabase, product_id: UUID) -> Response:
    """Everything the page of one product shows. The ETag is made of the content."""
    return tagged(request, await detail(database, product_id, now=clock.now()))
