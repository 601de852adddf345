"""Around every answer: a request id, a counter, one log line, a span. Pure ASGI: it costs little."""

import re
import secrets
from collections.abc import Callable
from itertools import count
from time import perf_counter
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.core import logging, telemetry

# Only what looks like an id is taken over from a caller: anything else could carry a phone number into the logs.
_SANE: Final = re.compile(rb"[0-9a-f]{16,32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROCESS: Final = secrets.token_hex(6).encode()
_numbers: Final = count(1)
_log = structlog.get_logger("shop.http")


def request_id_for(asked: bytes | None) -> bytes:
    """The caller's id (the header X-Request-ID) where it is a sane one, else a new one."""
    if asked is not None and _SANE.fullmatch(asked):
        return asked
    return b"%b%012x" % (_PROCESS, next(_numbers))


class Observed:
    """Outermost of all. `crashed` answers for an error that nobody expected; its words go nowhere."""

    def __init__(self, app: ASGIApp, *, crashed: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self.crashed = crashed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = perf_counter(), 0
        asked = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        request_id = request_id_for(asked)
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        with telemetry.span(method, caller=scope["headers"]) as attributes:
            try:
                await self.app(scope, receive, marked)
            except Exception as error:
                request = Request(scope, receive)
                _log.exception("request_crashed", request_id=request_id.decode(), route=_route(scope), exc_info=error)
                if status:  # the answer had begun: all that is left is to cut it
                    raise
                await self.crashed(request, error)(scope, receive, marked)
            route = _route(scope)
            attributes |= {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        seconds = perf_counter() - started
        telemetry.REQUESTS.labels(method, route, status).inc()
        telemetry.SECONDS.labels(route).observe(seconds)
        logging.count_line(
            "request",
            request_id=request_id.decode(),
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
        )


def _route(scope: Scope) -> str:
    """The route's template. A path itself may hold an id or worse, and would make a counter of its own."""
    path = getattr(scope.get("route"), "path", None)
    if path is None:
        return "/static" if scope["path"].startswith("/static/") else "(none)"
    return str(path)
