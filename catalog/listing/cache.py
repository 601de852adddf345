"""What strangers read of the shop window, kept for half a second as finished bytes, in front of the application.

No invalidation to get wrong: nothing here is older than `LIFETIME_S` and the time it took to make. Checkout always
asks the database. Whoever sends a cookie or a token passes by.
"""

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.core.etag import knows, tag_of
from shop.core.observed import request_id_for

LIFETIME_S: Final = 0.5
ENTRIES_MAX: Final = 1_000
BYTES_MAX: Final = 2 * 1024 * 1024
"""Half a second's answers. More would push what is asked often out of the processor's own memory."""

_PATHS: Final = ("/api/v1/products", "/counties/", "/media/")
_OF_THE_BODY: Final = frozenset({b"content-type", b"content-length"})
_REQUEST_ID: Final = b"x-request-id"
_HEARD: Final = frozenset({b"cookie", b"authorization", b"if-none-match", b"accept-language", _REQUEST_ID})
Headers = list[tuple[bytes, bytes]]
Key = tuple[str, bytes, bytes]
"""Path, query, and the language asked for where the answer speaks one."""

_NOTHING: Final[Message] = {"type": "http.response.body", "body": b""}


class _Answers(Collector):
    """Answers to strangers about what is for sale, counted without the lock that a counter of the library takes."""

    def __init__(self) -> None:
        self.kept = self.made = 0

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily("listing_cache_answers", self.__doc__ or "", labels=["source"])
        family.add_metric(["cache"], self.kept)
        family.add_metric(["application"], self.made)
        yield family


_answers: Final = _Answers()
REGISTRY.register(_answers)


class _Kept:
    """An answer that can be given again: whole, or as 304 to whoever has it."""

    __slots__ = ("body", "headers", "headers_304", "size_bytes", "tag", "until")

    def __init__(self, headers: Headers, body: bytes) -> None:
        tag = next((value for name, value in headers if name == b"etag"), None)
        self.tag = tag or tag_of(body).encode()
        self.headers = headers if tag else [*headers, (b"etag", self.tag)]
        self.headers_304 = [header for header in self.headers if header[0] not in _OF_THE_BODY]
        self.body: Message = {"type": "http.response.body", "body": body}
        self.size_bytes = len(body)
        self.until = monotonic() + LIFETIME_S

    def given(self, if_none_match: bytes | None, request_id: bytes) -> tuple[Message, Message]:
        """The two messages of one answer."""
        if if_none_match is not None and (
            if_none_match == self.tag or knows(if_none_match.decode("latin-1"), self.tag.decode())
        ):
            headers = [*self.headers_304, (_REQUEST_ID, request_id)]
            return {"type": "http.response.start", "status": 304, "headers": headers}, _NOTHING
        headers = [*self.headers, (_REQUEST_ID, request_id)]
        return {"type": "http.response.start", "status": 200, "headers": headers}, self.body


class _Flight:
    """A question that is being answered; `answer` stays None when the answer is not for everybody."""

    __slots__ = ("answer", "landed")

    def __init__(self) -> None:
        self.answer: _Kept | None = None
        self.landed = asyncio.Event()


class _Answer:
    """What the application says, held back until it is complete."""

    __slots__ = ("body", "messages", "start")

    def __init__(self) -> None:
        self.start: Message = {}
        self.body = b""
        self.messages: list[Message] = []

    async def hear(self, message: Message) -> None:
        self.messages.append(message)
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def kept(self) -> _Kept | None:
        """The same for everybody: 200, no cookie, not private."""
        headers = [(name.lower(), value) for name, value in self.start.get("headers", ())]
        mine = any(
            name == b"set-cookie" or (name == b"cache-control" and (b"private" in value or b"no-store" in value))
            for name, value in headers
        )
        if mine or self.start.get("status") != 200:
            return None
        return _Kept([header for header in headers if header[0] != _REQUEST_ID], self.body)

    def request_id(self) -> bytes:
        """The one under which this answer was logged."""
        return next((value for name, value in self.start["headers"] if name.lower() == _REQUEST_ID), b"")


class ListingCache:
    """Pure ASGI. Many who ask the same at once wait for one answer; a known ETag gets 304 from here.

    An answer from here carries all headers of the first one and a request id of its own, and is counted in
    `listing_cache_answers`; it is neither logged nor traced: that would cost more than the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[Key, _Kept] = {}
        self._kept_bytes = 0
        self._flights: dict[Key, _Flight] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_listing(scope["path"]):
            await self.app(scope, receive, send)
            return
        told = {name: value for name, value in scope["headers"] if name in _HEARD}
        if b"cookie" in told or b"authorization" in told:
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        language = b"" if path.startswith("/api/") else told.get(b"accept-language", b"")
        key = (path, scope["query_string"], language)
        kept = self._kept.get(key)
        if kept is None or kept.until <= monotonic():
            flight = self._flights.get(key)
            if flight is None:
                await self._lead(key, told.get(b"if-none-match"), scope, receive, send)
                return
            await flight.landed.wait()
            kept = flight.answer
            if kept is None:
                await self.app(scope, receive, send)
                return
        _answers.kept += 1
        start, body = kept.given(told.get(b"if-none-match"), request_id_for(told.get(_REQUEST_ID)))
        await send(start)
        await send(body)

    async def _lead(self, key: Key, if_none_match: bytes | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the application for all who wait: unconditionally, since they may know other versions."""
        flight = self._flights[key] = _Flight()
        answer = _Answer()
        plain = [header for header in scope["headers"] if header[0] != b"if-none-match"]
        try:
            await self.app({**scope, "headers": plain}, receive, answer.hear)
            flight.answer = answer.kept()
            if flight.answer is not None:
                self._keep(key, flight.answer)
        finally:
            del self._flights[key]
            flight.landed.set()
        _answers.made += 1
        if flight.answer is None:
            for message in answer.messages:
                await send(message)
        else:
            for message in flight.answer.given(if_none_match, answer.request_id()):
                await send(message)

    def _keep(self, key: Key, answer: _Kept) -> None:
        """The oldest stand first, so making room and forgetting what is stale are the same walk."""
        now = monotonic()
        before = self._kept.pop(key, None)
        self._kept[key] = answer
        self._kept_bytes += answer.size_bytes - (before.size_bytes if before else 0)
        while self._kept:
            oldest = next(iter(self._kept))
            fits = len(self._kept) <= ENTRIES_MAX and self._kept_bytes <= BYTES_MAX
            if fits and self._kept[oldest].until > now:
                break
            self._kept_bytes -= self._kept.pop(oldest).size_bytes


def _is_listing(path: str) -> bool:
    return path.startswith(_PATHS) or path == "/"
