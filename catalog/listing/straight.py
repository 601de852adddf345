"""The most asked question of all, answered before the router: the list without a search, well asked."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from catalog.listing import api
from catalog.listing.query import Filters, filters_of, find
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.etag import tagged

_ROUTE: Final = next(route for route in api.routes.routes if getattr(route, "name", "") == "get_products")
_PATH: Final = api.PRODUCTS


class StraightToList:
    """ASGI middleware. Finding the route and its dependencies takes longer than finding twenty products.

    The route in `api.py` stays: it is what OpenAPI describes, it limits searches, and it answers what is asked wrongly.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        filters = _filters(scope)
        if filters is None:
            await self.app(scope, receive, send)
            return
        database: Database = scope["app"].state.database
        try:
            page = await find(database, filters, now=clock.now())
        except Problem:
            await self.app(scope, receive, send)
            return
        scope["route"] = _ROUTE  # counted and logged as what it is
        await tagged(Request(scope), page.as_json())(scope, receive, send)


def _filters(scope: Scope) -> Filters | None:
    """None for anything but the list, for a search, and for what is wrong."""
    if scope["type"] != "http" or scope["path"] != _PATH or scope["method"] != "GET":
        return None
    try:
        filters = filters_of(dict(parse_qsl(scope["query_string"].decode("latin-1"))))
    except Problem:
        return None
    return None if filters.q is not None else filters
