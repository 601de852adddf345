"""No request may fill the memory: what is too large is refused, announced or not."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BYTES_MAX = 32 * 1024 * 1024
"""An import sheet of 100,000 rows fits. Routes may allow less."""


class BodyLimit:
    """ASGI middleware, inside of the error handlers' reach: reading on raises a 413."""

    def __init__(self, app: ASGIApp, *, bytes_max: int = BYTES_MAX) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        seen = int(announced) if announced.isdigit() and int(announced) > self.bytes_max else 0

        async def counted() -> Message:
            nonlocal seen
            if seen > self.bytes_max:
                raise HTTPException(413)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.bytes_max:
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)
