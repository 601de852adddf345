"""No request may fill the memory: what is too large is refused, announced or not, before it is read to its end."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BYTES_MAX: Final = 32 * 1024 * 1024
"""Of an upload: an import sheet of 100,000 rows fits. Routes may allow less."""
_MOST: Final = {
    "application/json": 8 * 1024 * 1024,  # a purchase that names 100,000 members fits
    "application/x-www-form-urlencoded": 1024 * 1024,
}
"""Of what is parsed as a whole, by what it says it is."""


class BodyLimit:
    """ASGI middleware, inside of the error handlers' reach: reading on raises a 413."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        told = dict(scope["headers"])
        most = bytes_allowed(told.get(b"content-type", b""))
        announced = told.get(b"content-length", b"0")
        seen = int(announced) if announced.isdigit() and int(announced) > most else 0

        async def counted() -> Message:
            nonlocal seen
            if seen > most:
                raise HTTPException(413)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)


def bytes_allowed(content_type: bytes) -> int:
    """content_type: as the header has it."""
    return _MOST.get(content_type.decode("latin-1").partition(";")[0].strip().lower(), BYTES_MAX)
