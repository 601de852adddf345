"""The most asked question of all, answered before the framework: the list without a search, asked well."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from catalog.listing import api
from catalog.listing.query import Statement, filters_of, read_page, statement_of
from shop.core import clock
from shop.core.errors import Problem
from shop.core.etag import knows, tag_of

_ROUTE: Final = next(route for route in api.routes.routes if getattr(route, "name", "") == "get_products")


class StraightToList:
    """Pure ASGI, in front of the application: finding the route takes longer there than finding twenty products.

    The route in `api.py` stays: it is what OpenAPI describes, it limits searches, and it answers what is asked wrongly.
    `observed` puts around the answer what the application puts around its own: request id, log line, span. `headers`
    are those that it adds to all of its answers.
    """

    def __init__(
        self, app: FastAPI, observed: Callable[[ASGIApp], ASGIApp], headers: Sequence[tuple[bytes, bytes]]
    ) -> None:
        self.app = app
        self.answer = observed(self._answer)
        self.headers = [(b"cache-control", b"no-cache"), *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == api.PRODUCTS and scope["method"] == "GET":
            statement = _statement(scope["query_string"])
            if statement is not None:
                scope["listing"] = statement
                await self.answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, _: Receive, send: Send) -> None:
        scope["route"] = _ROUTE  # counted and logged as what it is
        page = await read_page(self.app.state.database, scope["listing"])
        body = page.as_json()
        tag = tag_of(body)
        headers = [(b"etag", tag.encode()), *self.headers]
        known = next((value for name, value in scope["headers"] if name == b"if-none-match"), None)
        if known is not None and knows(known.decode("latin-1"), tag):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _statement(query_string: bytes) -> Statement | None:
    """None for a search, and for what is wrong."""
    try:
        filters = filters_of(dict(parse_qsl(query_string.decode("latin-1"))))
        return None if filters.q is not None else statement_of(filters, now=clock.now())
    except Problem:
        return None
