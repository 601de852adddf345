"""The one door out of the house: every HTTP client of ours is made here."""

import asyncio
import logging
import random
import re
import time
from http import HTTPStatus

import httpx
import structlog

# httpx writes whole addresses, query included, at INFO; what left the house is told below, without them.
logging.getLogger("httpx").setLevel(logging.WARNING)
_log = structlog.get_logger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0)  # seconds
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSING_TROUBLE = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_PLAIN_SEGMENT = re.compile(r"v\d+|[a-z_-]{1,40}")  # a word of the partner's API, not somebody's number


def outgoing_client(
    partner: str,
    *,
    base_url: str = "",
    timeout: httpx.Timeout = TIMEOUT,
    retries: int = 2,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """An httpx client for one partner, named `partner` in the log. The caller closes it.

    retries: further attempts after a lost connection, 429, 502, 503 or 504, and only where asking twice is safe:
    methods that read, or a request that carries an Idempotency-Key. Give 0 where the partner's own library retries.
    transport: what carries the requests; tests and the sandbox hand in `httpx.ASGITransport`.
    Redirects are not followed, and proxy settings of the environment are not read.
    """
    carrier = transport or httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=10)
    )
    return httpx.AsyncClient(base_url=base_url, timeout=timeout, transport=_Watched(partner, carrier, retries))


class _Watched(httpx.AsyncBaseTransport):
    """Carries a request, again where that is safe, and logs each attempt without names, numbers or bodies."""

    def __init__(self, partner: str, carrier: httpx.AsyncBaseTransport, retries: int) -> None:
        self._partner, self._carrier, self._retries = partner, carrier, retries

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for attempt in range(self._attempts(request)):
            if attempt:
                await asyncio.sleep(random.uniform(0.5, 1.0) * 0.2 * 2**attempt)  # noqa: S311  # only spreads the load
            last = attempt + 1 == self._attempts(request)
            started = time.perf_counter()
            try:
                response = await self._carrier.handle_async_request(request)
            except httpx.TransportError as error:
                self._tell(request, attempt, started, trouble=type(error).__name__)
                if last:
                    raise
                continue
            self._tell(request, attempt, started, status=response.status_code)
            if last or response.status_code not in _PASSING_TROUBLE:
                return response
            await response.aclose()
        raise AssertionError("the last attempt answers or raises")

    async def aclose(self) -> None:
        await self._carrier.aclose()

    def _attempts(self, request: httpx.Request) -> int:
        repeatable = request.method in _REPEATABLE_METHODS or "Idempotency-Key" in request.headers
        return 1 + (self._retries if repeatable else 0)

    def _tell(self, request: httpx.Request, attempt: int, started: float, **outcome: object) -> None:
        _log.info(
            "outgoing_request",
            partner=self._partner,
            method=request.method,
            path=_shape_of(request.url.path),
            attempt=attempt + 1,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
            **outcome,
        )


def _shape_of(path: str) -> str:
    """/v1/refunds/re_123 → /v1/refunds/*: an address may hold a waybill, a phone number or a name."""
    return "/".join(part if not part or _PLAIN_SEGMENT.fullmatch(part) else "*" for part in path.split("/"))
