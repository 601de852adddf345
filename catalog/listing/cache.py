"""What strangers read of the shop window, kept for half a second as finished bytes, in front of the application.

No invalidation to get wrong: nothing here is older than `LIFETIME_S` and the time it took to make. Checkout always
asks the database. Whoever sends a cookie or a token passes by.
"""

import asyncio
from hashlib import sha256
from time import monotonic
from typing import Final

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.core.observed import request_id_of

LIFETIME_S: Final = 0.5
ENTRIES_MAX: Final = 1_000
BYTES_MAX: Final = 2 * 1024 * 1024
"""Half a second's answers. More would push what is asked often out of the processor's own memory."""

_PATHS: Final = ("/api/v1/products", "/counties/", "/media/")
_OF_THE_BODY: Final = frozenset({b"content-type", b"content-length"})
_REQUEST_ID: Final = b"x-request-id"
Headers = list[tuple[bytes, bytes]]

ANSWERS: Final = Counter("listing_cache_answers", "Answers to strangers about what is for sale.", ["source"])
_hits, _misses = ANSWERS.labels("cache"), ANSWERS.labels("application")


class _Kept:
    """An answer that can be given again: whole, or as 304 to whoever has it."""

    __slots__ = ("body", "headers", "headers_304", "tag", "until")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.tag = next((value for name, value in headers if name == b"etag"), None)
        if self.tag is None:
            self.tag = b'"%s"' % sha256(body).hexdigest()[:24].encode()
            headers = [*headers, (b"etag", self.tag)]
        self.headers = headers
        self.headers_304 = [header for header in headers if header[0] not in _OF_THE_BODY]
        self.body = body
        self.until = monotonic() + LIFETIME_S

    def is_known(self, if_none_match: bytes) -> bool:
        if if_none_match == self.tag:
            return True
        known = {one.strip().removeprefix(b"W/") for one in if_none_match.split(b",")}
        return self.tag in known or b"*" in known


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

    def request_id(self) -> bytes | None:
        return next((value for name, value in self.start["headers"] if name.lower() == _REQUEST_ID), None)


class ListingCache:
    """Pure ASGI. Many who ask the same at once wait for one answer; a known ETag gets 304 from here.

    An answer from here carries all headers of the first one and a request id of its own, and is counted in
    `listing_cache_answers`; it is neither logged nor traced: that would cost more than the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[tuple[bytes, ...], _Kept] = {}
        self._kept_bytes = 0
        self._flights: dict[tuple[bytes, ...], _Flight] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_listing(scope["path"]):
            await self.app(scope, receive, send)
            return
        if_none_match = language = b""
        for name, value in scope["headers"]:
            if name == b"cookie" or name == b"authorization":  # noqa: PLR1714  # the quickest, on the hottest path
                await self.app(scope, receive, send)
                return
            if name == b"if-none-match":
                if_none_match = value
            elif name == b"accept-language":
                language = value
        path: str = scope["path"]
        key = (path.encode(), scope["query_string"], b"" if path.startswith("/api/") else language)
        kept = self._kept.get(key)
        if kept is not None and kept.until > monotonic():
            await _give(kept, if_none_match, request_id_of(scope), send)
            return
        flight = self._flights.get(key)
        if flight is None:
            await self._lead(key, if_none_match, scope, receive, send)
            return
        await flight.landed.wait()
        if flight.answer is None:
            await self.app(scope, receive, send)
        else:
            await _give(flight.answer, if_none_match, request_id_of(scope), send)

    async def _lead(
        self, key: tuple[bytes, ...], if_none_match: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
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
        _misses.inc()
        if flight.answer is None:
            for message in answer.messages:
                await send(message)
        else:
            await _give(flight.answer, if_none_match, answer.request_id(), send, counted=False)

    def _keep(self, key: tuple[bytes, ...], answer: _Kept) -> None:
        """The oldest stand first, so making room and forgetting what is stale are the same walk."""
        now = monotonic()
        before = self._kept.pop(key, None)
        self._kept[key] = answer
        self._kept_bytes += len(answer.body) - (len(before.body) if before else 0)
        while self._kept:
            oldest = next(iter(self._kept))
            fits = len(self._kept) <= ENTRIES_MAX and self._kept_bytes <= BYTES_MAX
            if fits and self._kept[oldest].until > now:
                break
            self._kept_bytes -= len(self._kept.pop(oldest).body)


def _is_listing(path: str) -> bool:
    return path.startswith(_PATHS) or path == "/"


async def _give(
    kept: _Kept, if_none_match: bytes, request_id: bytes | None, send: Send, *, counted: bool = True
) -> None:
    if counted:
        _hits.inc()
    known = if_none_match != b"" and kept.is_known(if_none_match)
    headers = kept.headers_304 if known else kept.headers
    if request_id is not None:
        headers = [*headers, (_REQUEST_ID, request_id)]
    await send({"type": "http.response.start", "status": 304 if known else 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if known else kept.body})
